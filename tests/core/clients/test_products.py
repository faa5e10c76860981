"""The catalogue of products, and which of them clients use."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from steward_core.clients.holdings_errors import (
    ClientProductNotFound,
    HoldingChanged,
    ProductCodeTaken,
    ProductEnded,
    ProductNotFound,
)
from steward_core.clients.pages import Paging
from steward_core.clients.products import (
    ProductUseQuery,
    add_product,
    catalogue,
    change_product_use,
    end_product_use,
    monthly_total,
    product_uses,
    retire_product,
    save_product,
)
from steward_core.permissions import CLIENTS_EDIT, CLIENTS_VIEW, POLICIES_MANAGE
from steward_tenants.database.actor import Scope
from steward_tenants.database.database import Database
from steward_tenants.database.identifiers import new_id
from steward_tenants.errors import Forbidden, InvalidInput
from tests.core.factories import make_client
from tests.factories import TESTS, actor_with, make_tenant

TODAY = date(2026, 11, 2)
ADMIN = actor_with(POLICIES_MANAGE)
HEAD = actor_with(CLIENTS_EDIT, CLIENTS_VIEW)
STRANGER = actor_with(CLIENTS_EDIT, CLIENTS_VIEW, scope=Scope.OWN)


async def a_shop(database: Database) -> tuple[UUID, UUID, list[UUID]]:
    tenant = await make_tenant(database)
    async with database.write(tenant, TESTS) as session:
        client_id = make_client(session).id
    async with database.write(tenant, ADMIN) as session:
        products = [
            (await save_product(session, fields={"code": f"P{number}", "name": f"专线 {number}M"})).id
            for number in (1, 2, 3)
        ]
    return tenant, client_id, products


async def test_the_catalogue(database: Database) -> None:
    tenant, _, products = await a_shop(database)
    async with database.write(tenant, ADMIN) as session:
        with pytest.raises(ProductCodeTaken):
            await save_product(session, fields={"code": "P2", "name": "重复"})
        with pytest.raises(InvalidInput) as refused:
            await save_product(session, fields={"name": "", "measure": "单" * 21})
        assert {problem.path[0] for problem in refused.value.problems} == {"name", "measure", "code"}
        changed = {"name": "互联网专线", "category": "专线", "measure": "条"}
        await save_product(session, fields=changed, product_id=products[0], expected_version=1)
        with pytest.raises(HoldingChanged):
            await save_product(session, fields=changed, product_id=products[0], expected_version=1)
        with pytest.raises(ProductNotFound):
            await save_product(session, fields=changed, product_id=new_id())
        await retire_product(session, products[1])
    async with database.write(tenant, HEAD) as session:
        with pytest.raises(Forbidden):
            await retire_product(session, products[0])
        first = await catalogue(session, paging=Paging(size=1))
        rest = await catalogue(session, paging=Paging(1, first.next_cursor))
        assert [product.code for product in (*first.rows, *rest.rows)] == ["P1", "P3"]
        assert len((await catalogue(session, with_retired=True)).rows) == 3
        assert [product.name for product in (await catalogue(session, category="专线")).rows] == ["互联网专线"]


async def test_in_use_from_a_day_until_a_day(database: Database) -> None:
    tenant, client_id, (one, two, three) = await a_shop(database)
    async with database.write(tenant, ADMIN) as session:
        await retire_product(session, three)
    async with database.write(tenant, HEAD) as session:
        bad = {"quantity": "0.0001", "monthly_amount": -1, "started_on": "someday", "colour": 1}
        with pytest.raises(InvalidInput) as refused:
            await add_product(session, client_id, three, fields=bad, today=TODAY)
        assert {problem.path[0] for problem in refused.value.problems} == {*bad, "product_id"}
        with pytest.raises(InvalidInput):
            await add_product(session, client_id, new_id(), fields={}, today=TODAY)
        use = await add_product(
            session,
            client_id,
            one,
            fields={"quantity": "2.5", "monthly_amount": 300_000, "started_on": TODAY - timedelta(days=30)},
            today=TODAY,
        )
        assert use.quantity == Decimal("2.500")
        await add_product(session, client_id, two, fields={"monthly_amount": 50_000}, today=TODAY)
        await session.flush()
        assert await monthly_total(session, client_id, today=TODAY) == 350_000
        await change_product_use(
            session, use.id, fields={"monthly_amount": 200_000}, today=TODAY, expected_version=use.version
        )
        with pytest.raises(HoldingChanged):
            await change_product_use(session, use.id, fields={"note": "x"}, today=TODAY, expected_version=99)
        with pytest.raises(InvalidInput):
            await end_product_use(session, use.id, today=TODAY, on=TODAY - timedelta(days=31))
        await end_product_use(session, use.id, today=TODAY, reason="搬迁拆机")
        with pytest.raises(ProductEnded):
            await change_product_use(session, use.id, fields={"monthly_amount": 1}, today=TODAY)
    async with database.write(tenant, HEAD) as session:
        assert await monthly_total(session, client_id, today=TODAY) == 50_000
        everything = await product_uses(session, ProductUseQuery(client_id=client_id), today=TODAY)
        assert [(line.product_code, line.monthly_amount) for line in everything.rows] == [
            ("P1", 200_000),
            ("P2", 50_000),
        ]
        before = ProductUseQuery(product_id=one, in_use_on=TODAY - timedelta(days=1))
        assert [line.id for line in (await product_uses(session, before, today=TODAY)).rows] == [use.id]
        assert not (await product_uses(session, ProductUseQuery(product_id=one, in_use_on=TODAY), today=TODAY)).rows
        page = await product_uses(session, ProductUseQuery(), today=TODAY, paging=Paging(size=1))
        rest = await product_uses(session, ProductUseQuery(), today=TODAY, paging=Paging(1, page.next_cursor))
        assert len({line.id for line in (*page.rows, *rest.rows)}) == 2
    async with database.write(tenant, STRANGER) as session:
        assert (await product_uses(session, ProductUseQuery(), today=TODAY)).rows == ()
        assert await monthly_total(session, client_id, today=TODAY) == 0
        with pytest.raises(ClientProductNotFound):
            await end_product_use(session, use.id, today=TODAY)
