"""The core's own triggers: what puts an action into the next plan whatever the industry.

Clients that are closed or merged are left out by whoever evaluates a trigger (`industry.evaluation.trigger_select`).
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Date,
    Integer,
    Select,
    Text,
    bindparam,
    case,
    cast,
    column,
    func,
    literal,
    null,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlalchemy.orm import aliased

from steward_core.clients import freshness
from steward_core.clients.models import Arrears, Client, ClientStatus, Contact, Contract, ContractStatus
from steward_core.clients.policies import ClientPolicies, policies_in_force
from steward_core.database.context import QueryContext
from steward_core.industry.declarations import Trigger
from steward_tenants.texts import Bilingual

settings = policies_in_force
"""What these triggers take as `context.settings`; without it the built-in figures hold."""

_NOBODY = cast(null(), PG_UUID(as_uuid=True)).label("subject_id")


def _policies(ctx: QueryContext) -> ClientPolicies:
    return ctx.settings if isinstance(ctx.settings, ClientPolicies) else ClientPolicies()


def profile_stale(ctx: QueryContext) -> Select[Any]:
    """Clients whose basic or personal profile must be confirmed again [003]."""
    return freshness.stale_profiles(ctx, _policies(ctx))


def contract_ending(ctx: QueryContext) -> Select[Any]:
    """Active contracts that end within the warning days and have no successor. `due_on` is the day on which the
    nearest warning was reached; `figures.level` names it."""
    levels = sorted(_policies(ctx).contract_warning_days)
    level = case(*((Contract.end_on <= ctx.today + timedelta(days=days), literal(days, Integer)) for days in levels))
    following = aliased(Contract)
    renewed = (
        select(following.id)
        .where(
            ctx.within(following),
            following.renews_id == Contract.id,
            following.status.in_((ContractStatus.DRAFT, ContractStatus.ACTIVE)),
        )
        .correlate(Contract)
        .exists()
    )
    return select(
        Contract.client_id,
        Contract.id.label("subject_id"),
        cast(Contract.end_on - level, Date).label("due_on"),
        func.jsonb_build_object(
            "number",
            Contract.number,
            "end_on",
            Contract.end_on,
            "days_left",
            cast(Contract.end_on - literal(ctx.today, Date), Integer),
            "level",
            level,
            "amount",
            Contract.amount,
        ).label("figures"),
    ).where(
        ctx.within(Contract),
        Contract.status == ContractStatus.ACTIVE,
        Contract.end_on >= ctx.today,
        Contract.end_on <= ctx.today + timedelta(days=levels[-1]),
        ~renewed,
    )


def arrears_open(ctx: QueryContext) -> Select[Any]:
    """Clients who owe money that is due. `due_on` is the day of the oldest debt, `figures.amount` the sum in fen."""
    return (
        select(
            Arrears.client_id,
            _NOBODY,
            func.min(Arrears.due_on).label("due_on"),
            func.jsonb_build_object("amount", func.sum(Arrears.amount - Arrears.paid), "periods", func.count()).label(
                "figures"
            ),
        )
        .where(ctx.within(Arrears), Arrears.paid < Arrears.amount, Arrears.due_on <= ctx.today)
        .group_by(Arrears.client_id)
    )


def contact_birthday(ctx: QueryContext) -> Select[Any]:
    """Key persons and decision makers whose birthday is one of the next days; 29 February counts as the 28th in years
    that have none. `due_on` is the day."""
    days = [ctx.today + timedelta(days=ahead) for ahead in range(_policies(ctx).birthday_days + 1)]
    pairs = {day.month * 100 + day.day: day for day in days}
    for day in days:
        if (day.month, day.day) == (2, 28) and (day + timedelta(days=1)).month == 3:
            pairs[229] = day
    near = (
        func.unnest(
            cast(bindparam(None, list(pairs), type_=ARRAY(Integer())), ARRAY(Integer())),
            cast(bindparam(None, list(pairs.values()), type_=ARRAY(Date())), ARRAY(Date())),
        )
        .table_valued(column("month_day", Integer), column("on_day", Date), name="near")
        .render_derived()
    )
    born = func.extract("month", Contact.birthday) * 100 + func.extract("day", Contact.birthday)
    return (
        select(
            Contact.client_id,
            Contact.id.label("subject_id"),
            near.c.on_day.label("due_on"),
            func.jsonb_build_object("contact", Contact.name, "roles", Contact.roles).label("figures"),
        )
        .select_from(Contact)
        .join(near, near.c.month_day == cast(born, Integer))
        .where(
            ctx.within(Contact),
            Contact.left_on.is_(None),
            Contact.roles.overlap(cast(["key_person", "decision_maker"], ARRAY(Text()))),
        )
    )


def dormant(ctx: QueryContext) -> Select[Any]:
    """Active clients with an owner at whom nothing happened for the policy's days: candidates for `dormant`."""
    days = _policies(ctx).dormant_after_days
    active_on: ColumnElement[date] = func.coalesce(Client.last_activity_on, freshness.day_of_creation())
    return select(
        Client.id.label("client_id"),
        _NOBODY,
        cast(active_on + literal(days, Integer), Date).label("due_on"),
        func.jsonb_build_object("last_activity_on", active_on).label("figures"),
    ).where(
        ctx.within(Client),
        Client.status == ClientStatus.ACTIVE,
        Client.owner_id.is_not(None),
        active_on <= literal(ctx.today - timedelta(days=days), Date),
    )


TRIGGERS = (
    Trigger("profile_stale", Bilingual("客户档案待复核", "Profile to be confirmed"), profile_stale),
    Trigger("contract_ending", Bilingual("合同即将到期", "Contract ends soon"), contract_ending),
    Trigger("arrears_open", Bilingual("客户欠费", "Arrears are open"), arrears_open),
    Trigger("contact_birthday", Bilingual("关键人生日", "A key person's birthday"), contact_birthday),
    Trigger("dormant", Bilingual("客户长期无活动", "Nothing has happened for long"), dormant),
)
"""Declared under the prefix `clients`."""
