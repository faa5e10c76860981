"""The demo data: enough of everything, valid, the same each time, and every trigger fires."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from steward_core.clients.credit_code import credit_code_problem
from steward_core.forms.form import SubjectKind
from steward_core.imports.in_memory import take_rows
from steward_core.industry.declarations import DemoWorld
from steward_core.industry.dispatcher import indicator_rows, indicators, trigger_rows, triggers
from steward_core.industry.registry import form_of
from steward_telecom.demo import demo
from steward_tenants.database.database import Database
from tests.factories import make_unit, make_user
from tests.plugins.telecom.tenants import NOVEMBER, TODAY, telecom

WORLD = DemoWorld(TODAY, ("JK1", "JK2"), ("wang", "li", "zhao"))


def test_there_are_about_three_hundred_clients_with_valid_and_distinct_codes() -> None:
    clients = demo(WORLD)["client"]
    assert 280 <= len(clients) <= 320
    for column in ("code", "name", "credit_code", "phone"):
        assert len({one[column] for one in clients}) == len(clients)
    assert [one["credit_code"] for one in clients if credit_code_problem(one["credit_code"])] == []
    headquarters = clients[0]["code"]
    assert sum(one.get("parent") == headquarters for one in clients) == 19
    assert {one["unit"] for one in clients} == set(WORLD.units)
    assert {one["owner"] for one in clients} == set(WORLD.managers)
    assert {one["kind"] for one in clients} == {"industry_client", "cluster_client", "commercial"}
    assert {one["tier"] for one in clients} == {"key", "A", "B", "C"}


def test_phones_are_invented_ones_and_rows_name_clients_that_come_before_them() -> None:
    data = demo(WORLD)
    codes = {one["code"] for one in data["client"]}
    assert {one["phone"][:6] for one in data["contact"]} <= {"138000"}
    for target, rows in data.items():
        if target not in ("client", "product"):
            assert {row["client"] for row in rows if "client" in row} <= codes
    assert list(data)[:2] == ["product", "client"]
    assert sorted({row["period"] for row in data["fact"]}) == [f"2026-{month:02}" for month in range(2, 11)]


def test_the_same_world_gives_the_same_rows() -> None:
    assert demo(WORLD) == demo(WORLD)
    assert demo(WORLD) != demo(DemoWorld(TODAY + timedelta(days=1), WORLD.units, WORLD.managers))


def test_a_company_without_units_or_managers_has_clients_all_the_same() -> None:
    data = demo(DemoWorld(TODAY, (), ()))
    assert "owner" not in data["client"][0]
    assert data["form:telecom.equipment_issue"] == []


@pytest.mark.parametrize("day", [None, TODAY, date(2028, 2, 29), date(2027, 1, 1)])
async def test_all_rows_are_taken_in_and_every_trigger_fires(database: Database, day: date | None) -> None:
    """On the present day all of them; on others, nothing is new, for rows are entered today."""
    today = day or datetime.now(UTC).date()
    festival = {"festival": "new_year", "day": today + timedelta(days=14)}
    async with telecom(database, festivals=[festival]) as session:
        units = [make_unit(session, code=code) for code in WORLD.units]
        for login in WORLD.managers:
            make_user(session, login=login, unit_id=units[0].id)
        await session.flush()
        data = demo(DemoWorld(today, WORLD.units, WORLD.managers))
        for target, rows in data.items():
            taken = await take_rows(session, target, rows, today=today)
            assert (target, taken.created) == (target, len(rows))
        fired: dict[str, int] = {}
        for key in await triggers(session):
            answer = await trigger_rows(session, key, today)
            assert answer.faults == ()
            fired[key] = len(answer.rows)
        silent = {key for key, times in fired.items() if not times} - {"clients.dormant"}
        assert silent <= ({"telecom.new_client"} if day else set())
        assert fired["telecom.bill_fell"] < 30


@pytest.mark.parametrize("target", [key for key in demo(WORLD) if key.startswith("form:")])
def test_the_rows_of_a_form_name_fields_that_it_has(target: str) -> None:
    form = form_of(target.removeprefix("form:"))
    subject = {"client", "contact"} if form.about.subject is SubjectKind.CONTACT else {"client", "login", "unit"}
    names: set[Any] = {name for row in demo(WORLD)[target] for name in row}
    assert names - subject <= set(form.model_fields)


async def test_every_indicator_answers_over_the_demo(database: Database) -> None:
    async with telecom(database) as session:
        unit = make_unit(session, code="JK1")
        make_user(session, login="wang", unit_id=unit.id)
        await session.flush()
        data = demo(DemoWorld(TODAY, ("JK1",), ("wang",)))
        for target in ("product", "client", "contract", "client_product", "arrears", "fact"):
            await take_rows(session, target, data[target], today=TODAY)
        for key in await indicators(session):
            assert (await indicator_rows(session, key, NOVEMBER, TODAY)).fault is None
