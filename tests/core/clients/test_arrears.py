"""Arrears: recorded, paid, settled, corrected, brought in by the thousand; who owes how much."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from steward_core.clients.arrears import (
    ArrearsQuery,
    ArrearsRecorded,
    ArrearsRow,
    arrears_page,
    arrears_totals,
    correct_arrears,
    pay_arrears,
    record_arrears,
    record_many,
    settle_arrears,
)
from steward_core.clients.errors import ClientNotFound
from steward_core.clients.holdings_errors import ArrearsExist, ArrearsNotFound, ArrearsSettled, HoldingChanged
from steward_core.clients.models import Arrears, ClientStatus
from steward_core.clients.pages import Paging
from steward_core.permissions import CLIENTS_EDIT, CLIENTS_VIEW
from steward_tenants.database.actor import Scope
from steward_tenants.database.database import Database
from steward_tenants.database.session import WriteSession
from steward_tenants.errors import InvalidInput
from tests.core.factories import make_client
from tests.factories import TESTS, actor_with, make_tenant
from tests.turns import meanwhile

TODAY = date(2026, 11, 2)
HEAD = actor_with(CLIENTS_EDIT, CLIENTS_VIEW)
STRANGER = actor_with(CLIENTS_EDIT, CLIENTS_VIEW, scope=Scope.OWN)
OWED: dict[str, Any] = {"period": "2026-10", "amount": 10_000, "due_on": TODAY - timedelta(days=10)}


async def clients(database: Database, number: int = 1, **values: object) -> tuple[UUID, list[UUID]]:
    tenant = await make_tenant(database)
    async with database.write(tenant, TESTS) as session:
        return tenant, [make_client(session, **values).id for _ in range(number)]


async def test_paid_bit_by_bit(database: Database) -> None:
    tenant, (client_id,) = await clients(database)
    async with database.write(tenant, HEAD) as session:
        row = await record_arrears(session, client_id, fields=OWED, today=TODAY)
        with pytest.raises(ArrearsExist):
            await record_arrears(session, client_id, fields=OWED, today=TODAY)
        await pay_arrears(session, row.id, amount=4_000, today=TODAY, expected_version=1)
        assert (row.paid, row.settled_on) == (4_000, None)
        for amount in (6_001, 0, -5, 1.5, True):
            with pytest.raises(InvalidInput):
                await pay_arrears(session, row.id, amount=amount, today=TODAY)  # type: ignore[arg-type]
        with pytest.raises(InvalidInput):
            await pay_arrears(session, row.id, amount=1, today=TODAY, on=TODAY + timedelta(days=1))
        with pytest.raises(HoldingChanged):
            await pay_arrears(session, row.id, amount=1, today=TODAY, expected_version=1)
        await settle_arrears(session, row.id, today=TODAY, on=TODAY - timedelta(days=1))
        assert (row.paid, row.settled_on) == (10_000, TODAY - timedelta(days=1))
        with pytest.raises(ArrearsSettled):
            await pay_arrears(session, row.id, amount=1, today=TODAY)
        with pytest.raises(ArrearsSettled):
            await settle_arrears(session, row.id, today=TODAY)
        with pytest.raises(InvalidInput) as refused:
            await correct_arrears(session, row.id, fields={"amount": 9_000, "period": "x"}, reason="", today=TODAY)
        assert {problem.path[0] for problem in refused.value.problems} == {"period", "reason"}
        with pytest.raises(InvalidInput):
            await correct_arrears(session, row.id, fields={"amount": 9_000}, reason="抄表有误", today=TODAY)
        await correct_arrears(session, row.id, fields={"amount": 12_000}, reason="抄表有误", today=TODAY)
        assert (row.amount, row.settled_on) == (12_000, None)
    async with database.write(tenant, STRANGER) as session:
        with pytest.raises(ArrearsNotFound):
            await settle_arrears(session, row.id, today=TODAY)
        with pytest.raises(ClientNotFound):
            await record_arrears(session, client_id, fields=OWED, today=TODAY)


async def test_bad_fields_are_all_named(database: Database) -> None:
    tenant, (client_id,) = await clients(database)
    async with database.write(tenant, HEAD) as session:
        bad = {"period": " ", "amount": 0, "paid": -1, "due_on": 5, "colour": 1}
        with pytest.raises(InvalidInput) as refused:
            await record_arrears(session, client_id, fields=bad, today=TODAY)
        assert {problem.path[0] for problem in refused.value.problems} == set(bad)
        with pytest.raises(InvalidInput):
            await record_arrears(session, client_id, fields={**OWED, "paid": 10_001}, today=TODAY)


async def test_two_payments_at_once_both_count(database: Database) -> None:
    tenant, (client_id,) = await clients(database)
    async with database.write(tenant, HEAD) as session:
        row = await record_arrears(session, client_id, fields=OWED, today=TODAY)

    async def pays(session: WriteSession) -> None:
        await pay_arrears(session, row.id, amount=5_000, today=TODAY)

    assert await meanwhile(database, tenant, HEAD, pays, pays) is None
    async with database.read(tenant, HEAD) as reading:
        found = await reading.get(Arrears, row.id)
        assert found is not None
        assert (found.paid, found.settled_on) == (10_000, TODAY)


async def test_many_rows_come_in_once(database: Database) -> None:
    tenant, ids = await clients(database, 40)

    def rows(**more: Any) -> list[ArrearsRow]:
        return [ArrearsRow(client_id, {**OWED, "source": "billing", **more}) for client_id in ids]

    async def sent(given: list[ArrearsRow]) -> ArrearsRecorded:
        async with database.write(tenant, HEAD) as session:
            return await record_many(session, given, today=TODAY)

    assert await sent(rows()) == ArrearsRecorded(40, 0, 0)
    assert await sent(rows()) == ArrearsRecorded(0, 0, 40)
    assert await sent([*rows(paid=10_000)[:5], *rows()[5:]]) == ArrearsRecorded(0, 5, 35)
    assert await sent([*rows()[:5], *rows(amount=20_000)[5:]]) == ArrearsRecorded(0, 35, 5)
    assert await sent([]) == ArrearsRecorded(0, 0, 0)
    with pytest.raises(InvalidInput) as less:
        await sent([rows(amount=5)[0]])
    assert [problem.path for problem in less.value.problems] == [("rows", "0", "paid")]
    async with database.read(tenant, HEAD) as session:
        settled = await session.scalars(
            select(Arrears.settled_on).where(session.within(Arrears), Arrears.paid == Arrears.amount)
        )
        assert list(settled) == [TODAY] * 5


async def test_one_bad_row_keeps_all_out(database: Database) -> None:
    tenant, ids = await clients(database, 3)
    async with database.write(tenant, TESTS) as session:
        merged = make_client(session, status=ClientStatus.MERGED).id
    good = ArrearsRow(ids[0], OWED)
    bad = [good, ArrearsRow(ids[1], {**OWED, "amount": "viel"}), ArrearsRow(merged, OWED), good]
    async with database.write(tenant, HEAD) as session:
        with pytest.raises(InvalidInput) as refused:
            await record_many(session, bad, today=TODAY)
        assert [problem.path for problem in refused.value.problems] == [
            ("rows", "1", "amount"),
            ("rows", "2", "client_id"),
            ("rows", "3", "period"),
        ]
    async with database.write(tenant, STRANGER) as session:
        with pytest.raises(InvalidInput):
            await record_many(session, [good], today=TODAY)
    async with database.read(tenant, HEAD) as session:
        assert not await session.scalars(select(Arrears.id).where(session.within(Arrears)))


async def test_who_owes_how_much(database: Database) -> None:
    tenant, ids = await clients(database, 2)
    async with database.write(tenant, HEAD) as session:
        for client_id, period, amount, paid, days in (
            (ids[0], "2026-08", 1_000, 0, -60),
            (ids[0], "2026-09", 2_000, 500, -30),
            (ids[1], "2026-10", 4_000, 0, 0),
            (ids[1], "2026-07", 8_000, 8_000, -90),
        ):
            fields = {"period": period, "amount": amount, "paid": paid, "due_on": TODAY + timedelta(days=days)}
            await record_arrears(session, client_id, fields=fields, today=TODAY)
    async with database.read(tenant, HEAD) as session:
        page = await arrears_page(session, ArrearsQuery(), today=TODAY, paging=Paging(size=2))
        rest = await arrears_page(session, ArrearsQuery(), today=TODAY, paging=Paging(2, page.next_cursor))
        assert [(line.period, line.open, line.overdue_days) for line in (*page.rows, *rest.rows)] == [
            ("2026-08", 1_000, 60),
            ("2026-09", 1_500, 30),
            ("2026-10", 4_000, 0),
        ]
        totals = await arrears_totals(session, ArrearsQuery(with_settled=True), today=TODAY)
        assert (totals.rows, totals.clients, totals.amount, totals.paid) == (4, 2, 15_000, 8_500)
        assert (totals.open, totals.overdue) == (6_500, 2_500)
        for query, number in (
            (ArrearsQuery(client_id=ids[0]), 2),
            (ArrearsQuery(period="2026-10", source="manual"), 1),
            (ArrearsQuery(due_before=TODAY), 2),
            (ArrearsQuery(owner_id=HEAD.id), 0),
        ):
            assert len((await arrears_page(session, query, today=TODAY)).rows) == number
    async with database.read(tenant, STRANGER) as session:
        assert (await arrears_totals(session, ArrearsQuery(), today=TODAY)).rows == 0
