"""Custom fields of a tenant: shaped by commands, checked when rows are saved, filtered by through the index."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select

from steward_core.clients.models import Client
from steward_core.custom_fields.errors import (
    FieldBeingIndexed,
    FieldChanged,
    FieldKeyTaken,
    FieldNotFilterable,
    FieldNotFound,
    FieldNotSortable,
    TooManyFields,
    ValueOutsideIndex,
    ValuesNoLongerFit,
)
from steward_core.custom_fields.index import IndexEntry, entries_of_custom, write_index
from steward_core.custom_fields.models import CustomField, FieldIndexEntry
from steward_core.custom_fields.queries import (
    CustomFilter,
    column_titles,
    custom_conditions,
    custom_fields,
    custom_order,
    displayed,
    headings,
    json_schema,
)
from steward_core.custom_fields.service import (
    MOST_FIELDS,
    change_field,
    check_custom,
    create_field,
    fields_of,
    reorder_fields,
    retire_field,
    revive_field,
)
from steward_core.industry.errors import FormNotFound
from steward_core.permissions import CLIENTS_EDIT, CUSTOM_FIELDS_MANAGE
from steward_tenants.audit.models import AuditEvent
from steward_tenants.database.database import Database
from steward_tenants.database.session import WriteSession
from steward_tenants.errors import Forbidden, InvalidInput
from tests.core.factories import make_client
from tests.factories import actor_with, make_tenant

ADMIN = actor_with(CUSTOM_FIELDS_MANAGE)
OPTIONS = [{"key": "gold", "zh": "金牌", "en": "Gold"}, {"key": "blue", "zh": "蓝牌", "en": "Blue"}]
EVERY_TYPE: dict[str, tuple[str, dict[str, Any]]] = {
    "slogan": ("text", {"longest": 1000}),
    "seats": ("integer", {"least": 0, "most": 10000}),
    "rate": ("decimal", {}),
    "budget": ("money", {}),
    "founded": ("date", {}),
    "called_at": ("datetime", {}),
    "listed": ("boolean", {}),
    "badge": ("choice", {"options": OPTIONS}),
    "badges": ("choices", {"options": OPTIONS}),
}


def titled(**values: Any) -> dict[str, Any]:
    return {"title_zh": "测试字段", "title_en": "Test field", **values}


async def make_fields(session: WriteSession, **more: tuple[str, dict[str, Any]]) -> dict[str, CustomField]:
    """Filterable fields on clients."""
    return {
        key: await create_field(
            session,
            "client",
            key,
            kind,
            {"title_zh": f"字段{key}", "title_en": key, "rules": rules, "filterable": True},
        )
        for key, (kind, rules) in more.items()
    }


async def save_client(session: WriteSession, **custom: Any) -> UUID:
    """A client with custom values, checked and indexed as a service does it."""
    values = await check_custom(session, "client", custom)
    client = make_client(session, custom=values)
    await session.flush()
    fields = await fields_of(session, "client")
    await write_index(session, entries_of_custom(fields, "client", client.id, values), [client.id], prefix="client.")
    return client.id


async def found(session: WriteSession, *filters: CustomFilter) -> list[UUID]:
    conditions = await custom_conditions(session, "client", filters, Client.id)
    return list(await session.scalars(select(Client.id).where(session.within(Client), *conditions).order_by(Client.id)))


def paths(refused: pytest.ExceptionInfo[InvalidInput]) -> set[str]:
    return {".".join(problem.path) for problem in refused.value.problems}


async def test_a_field_is_made_changed_retired_and_revived(database: Database) -> None:
    tenant = await make_tenant(database)
    async with database.write(tenant, ADMIN) as session:
        field = await create_field(session, "client", "seats", "integer", titled(rules={"least": 0}))
        second = await create_field(session, "client", "floor", "text", titled())
        assert (field.place, second.place, field.indexed_at) == (1, 2, None)
        with pytest.raises(FieldKeyTaken):
            await create_field(session, "client", "seats", "text", titled())
        with pytest.raises(FormNotFound):
            await create_field(session, "form:nobody.knows", "seats", "text", titled())
        with pytest.raises(InvalidInput):
            await create_field(session, "opportunity", "seats", "text", titled())
    async with database.write(tenant, ADMIN) as session:
        changed = await change_field(session, field.id, {"title_zh": "座位数", "hint_zh": "含包间"}, expected_version=1)
        assert (changed.title_zh, changed.version, changed.type) == ("座位数", 2, "integer")
        with pytest.raises(FieldChanged):
            await change_field(session, field.id, {"title_zh": "座位"}, expected_version=1)
        with pytest.raises(FieldNotFound):
            await change_field(session, tenant, {"title_zh": "座位"})
        await retire_field(session, second.id)
        await retire_field(session, second.id)
        assert [one.key for one in await custom_fields(session, "client")] == ["seats"]
        assert len(await custom_fields(session, retired=True)) == 2
        await revive_field(session, second.id)
        assert [one.key for one in await reorder_fields(session, "client", ["floor", "seats"])] == ["floor", "seats"]
        for order in (["floor"], ["floor", "floor"], ["floor", "seats", "x"]):
            with pytest.raises(InvalidInput):
                await reorder_fields(session, "client", order)
        actions = await session.scalars(select(AuditEvent.action).where(session.within(AuditEvent)))
    assert {"custom_fields.create", "custom_fields.change", "custom_fields.reorder"} <= set(actions)


async def test_only_who_may_shapes_fields(database: Database) -> None:
    tenant = await make_tenant(database)
    async with database.write(tenant, actor_with(CLIENTS_EDIT)) as session:
        with pytest.raises(Forbidden):
            await create_field(session, "client", "seats", "integer", titled())


async def test_a_target_has_room_for_so_many(database: Database) -> None:
    tenant = await make_tenant(database)
    async with database.write(tenant, ADMIN) as session:
        fields = [await create_field(session, "contact", f"f{n}", "boolean", titled()) for n in range(MOST_FIELDS)]
        with pytest.raises(TooManyFields):
            await create_field(session, "contact", "one_more", "boolean", titled())
        await create_field(session, "visit", "one_more", "boolean", titled())
        await retire_field(session, fields[0].id)
        await create_field(session, "contact", "one_more", "boolean", titled())
        with pytest.raises(TooManyFields):
            await revive_field(session, fields[0].id)


async def test_values_are_checked_all_at_once(database: Database) -> None:
    tenant = await make_tenant(database)
    async with database.write(tenant, ADMIN) as session:
        await make_fields(session, **EVERY_TYPE, must=("text", {"required": True}))
        good: dict[str, Any] = {
            "slogan": "诚信为本", "seats": 40, "rate": "3.50", "budget": 120000, "founded": "1998-05-01",
            "called_at": "2026-11-03T09:30:00+08:00", "listed": True, "badge": "gold", "badges": ["blue", "gold"],
            "must": "有",
        }  # fmt: skip
        kept = await check_custom(session, "client", good)
        assert kept["rate"] == "3.5"
        assert kept["badges"] == ["gold", "blue"]
        bad: Mapping[str, Any] = {
            "seats": -1, "rate": float("nan"), "founded": "someday", "badge": "red", "unheard_of": 1,
        }  # fmt: skip
        with pytest.raises(InvalidInput) as refused:
            await check_custom(session, "client", bad)
        assert paths(refused) == {
            "custom.seats", "custom.rate", "custom.founded", "custom.badge", "custom.unheard_of", "custom.must",
        }  # fmt: skip
        with pytest.raises(InvalidInput):
            await check_custom(session, "client", ["seats"])  # type: ignore[arg-type]
        assert await check_custom(session, "client", {"seats": 1}, required=False) == {"seats": 1}
        assert await check_custom(session, "client", {"seats": None, "slogan": " "}, existing=kept) == {
            key: value for key, value in kept.items() if key not in ("seats", "slogan")
        }
        assert await check_custom(session, "client", {"seats": 2}, existing={}) == {"seats": 2}
        with pytest.raises(InvalidInput) as refused:
            await check_custom(session, "client", {"must": None}, existing=kept)
        assert paths(refused) == {"custom.must"}


async def test_a_retired_field_keeps_its_values_and_takes_no_new_ones(database: Database) -> None:
    tenant = await make_tenant(database)
    async with database.write(tenant, ADMIN) as session:
        field = (await make_fields(session, seats=("integer", {})))["seats"]
        await retire_field(session, field.id)
        with pytest.raises(InvalidInput) as refused:
            await check_custom(session, "client", {"seats": 5})
        assert refused.value.problems[0].code == "retired"
        assert await check_custom(session, "client", {"seats": 5}, existing={"seats": 5}) == {"seats": 5}
        with pytest.raises(InvalidInput):
            await check_custom(session, "client", {"seats": 6}, existing={"seats": 5})
        assert await check_custom(session, "client", {"seats": None}, existing={"seats": 5}) == {}


NARROWER: list[tuple[str, dict[str, Any], int]] = [
    ("slogan", {"longest": 3}, 1),
    ("slogan", {"longest": 4}, 0),
    ("seats", {"least": 20}, 1),
    ("rate", {"most": "1.5"}, 1),
    ("budget", {"least": 1, "most": 500}, 1),
    ("founded", {"least": "2000-01-01"}, 1),
    ("called_at", {"most": "2026-01-01T00:00:00+00:00"}, 1),
    ("badge", {"options": OPTIONS[1:]}, 1),
    ("badges", {"options": OPTIONS[1:]}, 1),
    ("badges", {"options": OPTIONS, "most": 1}, 1),
    ("badges", {"options": OPTIONS, "most": 2}, 0),
]


async def test_narrower_rules_say_how_many_values_would_not_fit(database: Database) -> None:
    tenant = await make_tenant(database)
    async with database.write(tenant, ADMIN) as session:
        fields = await make_fields(session, **EVERY_TYPE)
        await save_client(
            session, slogan="诚信为本", seats=10, rate="1.6", budget=800, founded="1999-12-31",
            called_at="2026-01-01T08:00:01+08:00", listed=True, badge="gold", badges=["gold", "blue"],
        )  # fmt: skip
        await save_client(session)
        for key, rules, misfits in NARROWER:
            if misfits:
                with pytest.raises(ValuesNoLongerFit) as refused:
                    await change_field(session, fields[key].id, {"rules": rules})
                assert refused.value.values["count"] == misfits, key
            changed = await change_field(session, fields[key].id, {"rules": rules}, accept=True)
            assert changed.rules.keys() == rules.keys()
            await change_field(session, fields[key].id, {"rules": EVERY_TYPE[key][1]})
        await change_field(session, fields["seats"].id, {"rules": {"least": 20}}, accept=True)
        assert await check_custom(session, "client", {"seats": 10}, existing={"seats": 10}) == {"seats": 10}
        with pytest.raises(InvalidInput):
            await check_custom(session, "client", {"seats": 11}, existing={"seats": 10})


async def test_every_operator_of_every_type(database: Database) -> None:
    tenant = await make_tenant(database)
    async with database.write(tenant, ADMIN) as session:
        await make_fields(session, **EVERY_TYPE)
        one = await save_client(
            session, slogan="华信𠮷网络", seats=10, rate="-0.5", budget=100, founded="2000-01-01",
            called_at="2026-01-01T00:00:00+00:00", listed=True, badge="gold", badges=["gold", "blue"],
        )  # fmt: skip
        two = await save_client(
            session, slogan="华" * 300, seats=20, rate="1.25", budget=200, founded="2020-02-29",
            called_at="2026-06-01T00:00:00+00:00", listed=False, badge="blue", badges=["blue"],
        )  # fmt: skip
        bare = await save_client(session)
        cases: list[tuple[str, str, Any, list[UUID]]] = [
            ("slogan", "eq", "华信𠮷网络", [one]),
            ("slogan", "starts_with", "华", [one, two]),
            ("slogan", "starts_with", "华信", [one]),
            ("slogan", "starts_with", "%", []),
            ("slogan", "ne", "华信𠮷网络", [two, bare]),
            ("slogan", "lt", "华华", [one]),
            ("seats", "lt", 20, [one]),
            ("seats", "le", 20, [one, two]),
            ("seats", "gt", 10, [two]),
            ("seats", "between", [10, 19], [one]),
            ("seats", "in", [10, 20, 30], [one, two]),
            ("seats", "is_null", None, [bare]),
            ("seats", "is_not_null", None, [one, two]),
            ("rate", "gt", "-1", [one, two]),
            ("rate", "eq", Decimal("1.250000"), [two]),
            ("budget", "ge", 200, [two]),
            ("founded", "between", ["2019-01-01", date(2020, 2, 29)], [two]),
            ("called_at", "lt", "2026-06-01T08:00:00+08:00", [one]),
            ("called_at", "eq", datetime(2026, 6, 1, tzinfo=UTC), [two]),
            ("listed", "eq", False, [two]),
            ("badge", "in", ["gold"], [one]),
            ("badges", "eq", "blue", [one, two]),
            ("badges", "ne", "gold", [two, bare]),
        ]
        for key, op, value, expected in cases:
            assert await found(session, CustomFilter(key, op, value)) == sorted(expected), (key, op, value)
        assert await found(session, CustomFilter("badges", "eq", "blue"), CustomFilter("seats", "gt", 10)) == [two]
        order = await custom_order(session, "client", "rate", Client.id)
        rows = await session.scalars(
            select(Client.id).where(session.within(Client)).order_by(order.desc().nulls_last())
        )
        assert list(rows) == [two, one, bare]
        with pytest.raises(FieldNotSortable):
            await custom_order(session, "client", "badges", Client.id)
        with pytest.raises(FieldNotFound):
            await custom_order(session, "client", "nothing", Client.id)


async def test_filters_that_make_no_sense_are_named(database: Database) -> None:
    tenant = await make_tenant(database)
    async with database.write(tenant, ADMIN) as session:
        await make_fields(session, **EVERY_TYPE)
        bad = [
            CustomFilter("nothing", "eq", 1),
            CustomFilter("seats", "starts_with", "1"),
            CustomFilter("seats", "like", 1),
            CustomFilter("listed", "lt", True),
            CustomFilter("badge", "between", ["blue", "gold"]),
            CustomFilter("seats", "eq", "10"),
            CustomFilter("seats", "between", [1]),
            CustomFilter("seats", "in", []),
            CustomFilter("seats", "in", list(range(201))),
            CustomFilter("seats", "is_null", 1),
            CustomFilter("badge", "eq", "red"),
            CustomFilter("slogan", "eq", "长" * 200),
            CustomFilter("slogan", "eq", "\x00"),
            CustomFilter("seats", "eq", None),
        ]
        with pytest.raises(InvalidInput) as refused:
            await custom_conditions(session, "client", bad, Client.id)
        assert {int(problem.path[1]) for problem in refused.value.problems} == set(range(len(bad)))
        assert {problem.path[2] for problem in refused.value.problems} == {"key", "op", "value"}


async def test_a_field_that_is_not_indexed_is_no_filter(database: Database) -> None:
    tenant = await make_tenant(database)
    async with database.write(tenant, ADMIN) as session:
        field = await create_field(session, "client", "seats", "integer", titled())
        wanted = CustomFilter("seats", "eq", 1)
        with pytest.raises(FieldNotFilterable):
            await custom_conditions(session, "client", [wanted], Client.id)
        with pytest.raises(FieldNotFilterable):
            await custom_order(session, "client", "seats", Client.id)
        await change_field(session, field.id, {"filterable": True})
        with pytest.raises(FieldBeingIndexed):
            await custom_conditions(session, "client", [wanted], Client.id)


async def test_the_index_is_rewritten_row_by_row_and_part_by_part(database: Database) -> None:
    tenant = await make_tenant(database)
    async with database.write(tenant, ADMIN) as session:
        rows = [make_client(session).id for _ in range(3)]
        await session.flush()
        entries = [
            IndexEntry(row, path, 0, value)
            for row in rows
            for path, value in (("a.b.x", True), ("a.b.xx", Decimal("0.0000005")), ("a.bc.x", date(2026, 1, 1)))
        ]
        assert await write_index(session, entries) == 9
        assert await write_index(session, [], [rows[0]], prefix="a.b.") == 0
        assert await write_index(session, [], [rows[1]], fields=["a.b.x"]) == 0
        assert await write_index(session, entries[:1], [rows[2]]) == 1
        kept = await session.rows(
            select(FieldIndexEntry.row_id, FieldIndexEntry.field, FieldIndexEntry.integer_value)
            .where(session.within(FieldIndexEntry))
            .order_by(FieldIndexEntry.row_id, FieldIndexEntry.field)
        )
        assert [tuple(row) for row in kept] == [
            (rows[0], "a.b.x", 1), (rows[0], "a.bc.x", None), (rows[1], "a.b.xx", 1), (rows[1], "a.bc.x", None),
        ]  # fmt: skip
        with pytest.raises(ValueOutsideIndex):
            await write_index(session, [IndexEntry(rows[0], "a", 0, 2**63)])
        with pytest.raises(ValueOutsideIndex):
            await write_index(session, [IndexEntry(rows[0], "a", 0, Decimal("NaN"))])


async def test_definitions_for_files_and_for_the_console(database: Database) -> None:
    tenant = await make_tenant(database)
    async with database.write(tenant, ADMIN) as session:
        fields = await make_fields(session, **EVERY_TYPE, must=("text", {"required": True}))
        twins = [await create_field(session, "client", key, "text", titled()) for key in ("left", "right")]
    named = headings([*fields.values(), *twins])
    assert named["字段seats"] == named["seats"] == "seats"
    assert "测试字段" not in named
    assert named["left"] == "left"
    assert column_titles(twins, "zh-CN") == {"left": "测试字段 (left)", "right": "测试字段 (right)"}
    assert displayed(fields["badge"], {"badge": "gold"}, "zh-CN") == "金牌"
    schema = json_schema(fields.values(), "en")
    assert schema["required"] == ["must"]
    assert schema["properties"]["seats"] == {
        "title": "seats", "x-title": {"zh-CN": "字段seats", "en": "seats"}, "x-type": "integer", "x-filterable": True,
        "type": "integer", "minimum": 0, "maximum": 10000,
    }  # fmt: skip
    assert schema["properties"]["badges"]["items"]["oneOf"][0]["const"] == "gold"
    assert schema["properties"]["rate"]["type"] == ["number", "string"]
    assert {one["x-type"] for one in schema["properties"].values()} == {kind for kind, _ in EVERY_TYPE.values()}


async def test_no_tenant_sees_anothers_fields(database: Database) -> None:
    one, other = await make_tenant(database), await make_tenant(database)
    async with database.write(one, ADMIN) as session:
        field = await create_field(session, "client", "seats", "integer", titled())
    async with database.write(other, ADMIN) as session:
        assert await custom_fields(session) == ()
        with pytest.raises(FieldNotFound):
            await retire_field(session, field.id)
        with pytest.raises(InvalidInput):
            await check_custom(session, "client", {"seats": 1})
        count = select(func.count()).where(session.within(CustomField))
        assert await session.scalar(count) == 0
