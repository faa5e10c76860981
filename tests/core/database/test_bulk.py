"""Many rows in one statement: every column type survives, other tenants stay untouched."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from steward_core.clients.models import Client, ClientKind, ClientTier, Contact, Contract
from steward_core.database.bulk import insert_many, update_many
from steward_tenants.database.database import Database
from steward_tenants.database.identifiers import new_id
from tests.core.factories import make_client
from tests.factories import TESTS, make_tenant


async def test_rows_of_every_type_go_in_and_come_back(database: Database) -> None:
    tenant = await make_tenant(database)
    ids = [new_id() for _ in range(3)]
    names = ["华信网络", '引"号,\\{}', "𠮷野家\n第二行"]
    async with database.write(tenant, TESTS) as session:
        inserted = await insert_many(
            session,
            Client,
            {
                "id": ids,
                "name": names,
                "kind": ["company"] * 3,
                "created_by": [TESTS.id] * 3,
                "latitude": [Decimal("31.230416"), None, Decimal("-0.5")],
                "longitude": [Decimal("121.473701"), None, Decimal(0)],
                "basic_confirmed_on": [date(2026, 11, 1), None, date(1999, 12, 31)],
                "pool_since": [None, datetime(2026, 1, 1, tzinfo=UTC), None],
                "custom": [{"a": [1, "二"]}, {}, {"b": None}],
            },
        )
        assert inserted == 3
        await insert_many(
            session,
            Contact,
            {
                "id": [new_id(), new_id()],
                "client_id": ids[:2],
                "name": ["甲", "乙"],
                "roles": [["contact", 'od"d, {x}'], []],
                "main": [True, False],
                "created_by": [TESTS.id] * 2,
            },
        )
    async with database.read(tenant, TESTS) as reading:
        rows = {row.id: row for row in await reading.scalars(select(Client).where(reading.within(Client)))}
        assert [rows[key].name for key in ids] == names
        assert rows[ids[0]].latitude == Decimal("31.230416")
        assert rows[ids[0]].custom == {"a": [1, "二"]}
        assert rows[ids[1]].pool_since == datetime(2026, 1, 1, tzinfo=UTC)
        roles = await reading.scalars(select(Contact.roles).where(reading.within(Contact)).order_by(Contact.name))
        assert sorted(roles, key=len) == [[], ["contact", 'od"d, {x}']]


async def test_an_update_reaches_the_named_rows_of_this_tenant_only(database: Database) -> None:
    mine, other = await make_tenant(database), await make_tenant(database)
    async with database.write(other, TESTS) as session:
        foreign = make_client(session, name="别家客户")
    async with database.write(mine, TESTS) as session:
        first, second, third = (make_client(session, name=name) for name in ("一", "二", "三"))
        await session.flush()
        changed = await update_many(
            session,
            Client,
            {"id": [first.id, second.id, foreign.id]},
            {"name": ["壹", "贰", "越界"], "tier": ["A", None, "A"]},
            Client.name != "二",
            also={"version": Client.version + 1},
        )
        assert changed == 1
    async with database.read(mine, TESTS) as reading:
        rows = await reading.rows(
            select(Client.name, Client.tier, Client.version).where(reading.within(Client)).order_by(Client.code)
        )
        assert [tuple(row) for row in rows] == [("壹", "A", 2), ("二", None, 1), ("三", None, 1)]
        assert third.version == 1
    async with database.read(other, TESTS) as reading:
        assert await reading.scalar(select(Client.name).where(reading.within(Client))) == "别家客户"


async def test_nothing_given_is_no_statement(database: Database) -> None:
    tenant = await make_tenant(database)
    async with database.write(tenant, TESTS) as session:
        assert await insert_many(session, ClientKind, {"key": [], "title_zh": [], "title_en": []}) == 0
        assert await update_many(session, ClientKind, {"key": []}, {"title_zh": []}) == 0
        with pytest.raises(ValueError, match="different lengths"):
            await insert_many(session, ClientKind, {"key": ["a"], "title_zh": []})


async def test_rows_that_are_there_may_be_left_alone(database: Database) -> None:
    tenant = await make_tenant(database)
    columns: dict[str, Sequence[Any]] = {
        "key": ["A", "B"],
        "title_zh": ["甲", "乙"],
        "title_en": ["A", "B"],
        "rank": [1, 2],
    }
    async with database.write(tenant, TESTS) as session:
        assert await insert_many(session, ClientTier, columns) == 2
    with pytest.raises(IntegrityError):
        async with database.write(tenant, TESTS) as session:
            await insert_many(session, ClientTier, columns)
    async with database.write(tenant, TESTS) as session:
        more: dict[str, Sequence[Any]] = {**columns, "key": ["B", "C"]}
        assert await insert_many(session, ClientTier, more, unless_there=True) == 1
        assert await session.scalar(select(func.count()).select_from(ClientTier).where(session.within(ClientTier))) == 3


async def test_dates_and_amounts_of_contracts(database: Database) -> None:
    tenant = await make_tenant(database)
    async with database.write(tenant, TESTS) as session:
        client = make_client(session)
        await session.flush()
        await insert_many(
            session,
            Contract,
            {
                "id": [new_id()],
                "client_id": [client.id],
                "number": ["HT-1"],
                "title": ["专线"],
                "start_on": [date(2026, 1, 1)],
                "end_on": [date(2026, 12, 31)],
                "amount": [10**14],
                "created_by": [TESTS.id],
            },
        )
        assert await session.scalar(select(Contract.amount).where(session.within(Contract))) == 10**14
