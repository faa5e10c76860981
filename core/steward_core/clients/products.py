"""The tenant's catalogue of products and services, and which of them clients use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import and_, func, or_, select
from sqlalchemy.exc import IntegrityError

from steward_core.clients.checks import problem, refuse
from steward_core.clients.holdings import Cleaner, Fields, cleaned, fen, line, quantity, row_to_change, text
from steward_core.clients.holdings_errors import (
    ClientProductNotFound,
    HoldingChanged,
    ProductCodeTaken,
    ProductEnded,
    ProductNotFound,
)
from steward_core.clients.models import Client, ClientProduct, Product
from steward_core.clients.pages import Order, Page, Paging, one_page
from steward_core.clients.row_kinds import CLIENT_PRODUCT
from steward_core.clients.rules import clean_day
from steward_core.clients.service import client_to_change
from steward_core.permissions import CLIENTS_EDIT, CLIENTS_VIEW, POLICIES_MANAGE
from steward_tenants.access.rules import require
from steward_tenants.audit.service import Subject, record
from steward_tenants.commands.service import command
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import TenantSession, WriteSession
from steward_tenants.errors import FieldProblem

PRODUCT_FIELDS: Mapping[str, Cleaner] = {
    "code": line(64),
    "name": line(200),
    "category": line(100),
    "measure": line(20),
}
USE_FIELDS: Mapping[str, Cleaner] = {
    "quantity": quantity,
    "monthly_amount": fen,
    "started_on": clean_day,
    "note": text,
}


@command("clients.product.save", "维护产品目录", "Maintain the catalogue of products", permission=POLICIES_MANAGE)
async def save_product(
    session: WriteSession, *, fields: Fields, product_id: UUID | None = None, expected_version: int | None = None
) -> Product:
    """A new product, or changes to one; `fields`: those of `PRODUCT_FIELDS`.

    Raises InvalidInput naming every bad field, ProductNotFound, HoldingChanged, ProductCodeTaken.
    """
    values, problems = cleaned(fields, PRODUCT_FIELDS, {"code", "name"}, new=product_id is None)
    refuse(problems)
    product = Product(id=new_id()) if product_id is None else await _product(session, product_id, expected_version)
    before = None if product_id is None else {name: getattr(product, name) for name in values}
    try:
        async with session.savepoint():
            for name, value in values.items():
                setattr(product, name, value)
            if product_id is None:
                session.add(product)
            await session.flush()
    except IntegrityError as error:
        if getattr(getattr(error.orig, "diag", None), "constraint_name", "") == "uq_product_tenant_id_code":
            raise ProductCodeTaken(product_code=values["code"]) from error
        raise
    await record(session, "clients.product.save", Subject("product", product.id), before=before, after=values)
    return product


@command("clients.product.retire", "停用产品", "Retire a product", permission=POLICIES_MANAGE)
async def retire_product(
    session: WriteSession, product_id: UUID, *, retired: bool = True, expected_version: int | None = None
) -> Product:
    """Take a product out of the catalogue, or back in: who uses it keeps it, nobody else is given it.

    Raises ProductNotFound, HoldingChanged.
    """
    product = await _product(session, product_id, expected_version)
    before = {"retired": product.retired}
    product.retired = retired
    subject = Subject("product", product.id)
    await record(session, "clients.product.retire", subject, before=before, after={"retired": retired})
    return product


async def catalogue(
    session: TenantSession, *, with_retired: bool = False, category: str | None = None, paging: Paging | None = None
) -> Page[Product]:
    """The products in order of code; everybody in the tenant may read them. Raises InvalidInput."""
    statement = select(Product).where(session.within(Product))
    if not with_retired:
        statement = statement.where(Product.retired.is_(False))
    if category is not None:
        statement = statement.where(Product.category == category)
    order = Order("code", ((Product.code, str), (Product.id, UUID)))
    return await one_page(session, statement, order, paging or Paging(), lambda row: row[0])


@command("clients.product_use.add", "添加在用产品", "Add a product in use", permission=CLIENTS_EDIT)
async def add_product(
    session: WriteSession, client_id: UUID, product_id: UUID, *, fields: Fields, today: date
) -> ClientProduct:
    """A client uses a product of the catalogue; `fields`: those of `USE_FIELDS`.

    Raises ClientNotFound, ClientIsMerged, InvalidInput naming every bad field.
    """
    client = await client_to_change(session, client_id, CLIENTS_EDIT, today=today)
    values, problems = cleaned(fields, USE_FIELDS, (), new=True)
    product = await session.find(Product, Product.id == product_id)
    if product is None:
        problems.append(problem("product_id", "unknown", "产品目录中没有该产品。", "There is no such product."))
    elif product.retired:
        problems.append(problem("product_id", "retired", "该产品已停用。", "This product is retired."))
    refuse(problems)
    use = ClientProduct(
        id=new_id(), client_id=client.id, product_id=product_id, **{**dict.fromkeys(USE_FIELDS), **values}
    )
    session.add(use)
    after = {"client_id": client.id, "product_id": product_id, **values}
    await record(session, "clients.product_use.add", Subject("client_product", use.id), after=after)
    return use


@command("clients.product_use.change", "修改在用产品", "Change a product in use", permission=CLIENTS_EDIT)
async def change_product_use(
    session: WriteSession, use_id: UUID, *, fields: Fields, today: date, expected_version: int | None = None
) -> ClientProduct:
    """Change the given fields; None empties one.

    Raises ClientProductNotFound, ClientIsMerged, HoldingChanged, ProductEnded, InvalidInput.
    """
    use = await _to_change(session, use_id, today, expected_version)
    values, problems = cleaned(fields, USE_FIELDS, (), new=False)
    refuse(problems)
    before = {name: getattr(use, name) for name in values}
    for name, value in values.items():
        setattr(use, name, value)
    subject = Subject("client_product", use.id)
    await record(session, "clients.product_use.change", subject, before=before, after=values)
    return use


@command("clients.product_use.end", "停用在用产品", "End a product in use", permission=CLIENTS_EDIT)
async def end_product_use(
    session: WriteSession,
    use_id: UUID,
    *,
    today: date,
    on: date | None = None,
    reason: str | None = None,
    expected_version: int | None = None,
) -> ClientProduct:
    """The client uses it no more from a day on (today), which may be to come.

    Raises ClientProductNotFound, ClientIsMerged, HoldingChanged, ProductEnded, InvalidInput.
    """
    use = await _to_change(session, use_id, today, expected_version)
    last = on or today
    problems: list[FieldProblem] = []
    if use.started_on is not None and last < use.started_on:
        problems.append(problem("on", "range", "不能早于开始使用的日期。", "It cannot end before it began."))
    refuse(problems)
    before = {"ended_on": use.ended_on}
    use.ended_on = last
    await record(
        session,
        "clients.product_use.end",
        Subject("client_product", use.id),
        before=before,
        after={"ended_on": last},
        reason=reason,
    )
    return use


@dataclass(frozen=True)
class ProductUseQuery:
    """Which products in use. `in_use_on`: those in use on that day (None: all, ended ones too)."""

    client_id: UUID | None = None
    product_id: UUID | None = None
    in_use_on: date | None = None


@dataclass(frozen=True)
class ProductUseLine:
    """A product in use at a client; `monthly_amount` in fen. `ended_on`: no longer from that day."""

    id: UUID
    client_id: UUID
    client_name: str
    product_id: UUID
    product_code: str
    product_name: str
    measure: str | None
    quantity: Decimal | None
    monthly_amount: int | None
    started_on: date | None
    ended_on: date | None
    note: str | None
    version: int


async def product_uses(
    session: TenantSession, query: ProductUseQuery, *, today: date, paging: Paging | None = None
) -> Page[ProductUseLine]:
    """Products in use at clients in the actor's scope, in order of product and client. Raises Forbidden,
    InvalidInput."""
    require(session.actor, CLIENTS_VIEW)
    statement = (
        select(ClientProduct, Client.name, Product)
        .join(Client, and_(session.within(Client), Client.id == ClientProduct.client_id))
        .join(Product, and_(session.within(Product), Product.id == ClientProduct.product_id))
        .where(session.within(ClientProduct), CLIENT_PRODUCT.within_reach(session, CLIENTS_VIEW, today))
    )
    if query.client_id is not None:
        statement = statement.where(ClientProduct.client_id == query.client_id)
    if query.product_id is not None:
        statement = statement.where(ClientProduct.product_id == query.product_id)
    if query.in_use_on is not None:
        day = query.in_use_on
        statement = statement.where(
            or_(ClientProduct.started_on.is_(None), ClientProduct.started_on <= day),
            or_(ClientProduct.ended_on.is_(None), ClientProduct.ended_on > day),
        )
    order = Order("product", ((Product.code, str), (Client.name, str), (ClientProduct.id, UUID)))
    return await one_page(session, statement, order, paging or Paging(), _line)


async def monthly_total(session: TenantSession, client_id: UUID, *, today: date) -> int:
    """What the products that a client in reach uses today cost a month, in fen. Raises Forbidden."""
    require(session.actor, CLIENTS_VIEW)
    total: int = await session.scalar(
        select(func.coalesce(func.sum(ClientProduct.monthly_amount), 0)).where(
            session.within(ClientProduct),
            ClientProduct.client_id == client_id,
            or_(ClientProduct.started_on.is_(None), ClientProduct.started_on <= today),
            or_(ClientProduct.ended_on.is_(None), ClientProduct.ended_on > today),
            CLIENT_PRODUCT.within_reach(session, CLIENTS_VIEW, today),
        )
    )
    return int(total)


async def _product(session: WriteSession, product_id: UUID, expected_version: int | None) -> Product:
    product = await session.get(Product, product_id, lock=True)
    if product is None:
        raise ProductNotFound
    if expected_version is not None and product.version != expected_version:
        raise HoldingChanged
    return product


async def _to_change(session: WriteSession, use_id: UUID, today: date, expected_version: int | None) -> ClientProduct:
    use: ClientProduct
    use, _ = await row_to_change(
        session, CLIENT_PRODUCT, use_id, ClientProductNotFound, today=today, expected_version=expected_version
    )
    if use.ended_on is not None and use.ended_on <= today:
        raise ProductEnded
    return use


def _line(row: Any) -> ProductUseLine:
    use: ClientProduct = row[0]
    product: Product = row[2]
    return ProductUseLine(
        use.id,
        use.client_id,
        row[1],
        product.id,
        product.code,
        product.name,
        product.measure,
        use.quantity,
        use.monthly_amount,
        use.started_on,
        use.ended_on,
        use.note,
        use.version,
    )
