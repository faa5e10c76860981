"""Fields that the plugin adds to clients."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ColumnElement, func, select
from sqlalchemy import cast as sql_cast

from steward_core.clients.fact_queries import current_facts
from steward_core.clients.fact_rules import first_day, shifted
from steward_core.database.context import QueryContext
from steward_core.forms.declared_queries import record_fields
from steward_core.industry.declarations import FieldDescriptor
from steward_telecom.keys import BILL, VPN_GROUP
from steward_tenants.texts import Bilingual


def vpn_members(ctx: QueryContext, client_id: ColumnElement[UUID]) -> ColumnElement[Any]:
    """The members of all VPN groups of the client."""
    group = record_fields(ctx, VPN_GROUP, "members_now")
    return (
        select(sql_cast(func.sum(group.c.members_now), BigInteger()))
        .where(group.c.client_id == client_id)
        .scalar_subquery()
    )


def next_agreement_end(ctx: QueryContext, client_id: ColumnElement[UUID]) -> ColumnElement[Any]:
    """The next day on which a VPN agreement of the client ends."""
    group = record_fields(ctx, VPN_GROUP, "agreement_end")
    return (
        select(func.min(group.c.agreement_end))
        .where(group.c.client_id == client_id, group.c.agreement_end >= ctx.today)
        .scalar_subquery()
    )


def last_bill(ctx: QueryContext, client_id: ColumnElement[UUID]) -> ColumnElement[Any]:
    """The bill of the last complete month, in fen."""
    after = first_day("month", ctx.today)
    facts = current_facts(ctx, BILL, since=shifted("month", after, -1), until=after)
    return (
        select(sql_cast(func.sum(facts.c.value), BigInteger())).where(facts.c.client_id == client_id).scalar_subquery()
    )


FIELDS = (
    FieldDescriptor("client", "vpn_members", Bilingual("网群成员数", "VPN members"), "integer", vpn_members),
    FieldDescriptor(
        "client",
        "next_agreement_end",
        Bilingual("最近网群协议到期日", "Next VPN agreement's end"),
        "date",
        next_agreement_end,
    ),
    FieldDescriptor("client", "last_bill", Bilingual("上月账单", "Last month's bill"), "money", last_bill),
)
