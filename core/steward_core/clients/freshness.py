"""Which clients' profiles must be confirmed again, by tier [003]: one statement for a whole tenant."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Date, Integer, Select, and_, case, cast, false, func, literal, null, or_, select
from sqlalchemy.dialects.postgresql import UUID as PG_UUID

from steward_core.clients.models import Client, ClientStatus
from steward_core.clients.policies import ClientPolicies, Freshness, FreshnessRule, policies_in_force
from steward_core.clients.row_kinds import CLIENT
from steward_core.clients.rules import latest_due
from steward_core.database.context import QueryContext
from steward_core.permissions import CLIENTS_VIEW
from steward_tenants.access.rules import require
from steward_tenants.database.session import TenantSession

KEPT_FRESH = (ClientStatus.PROSPECT, ClientStatus.ACTIVE)
"""Whose profiles are confirmed again and again; clients in the public pool have nobody who could."""


def day_of_creation() -> ColumnElement[date]:
    """The day on which a client was entered: a profile that was never confirmed counts from it."""
    return cast(func.timezone("UTC", Client.created_at), Date)


def _by_tier(rules: Freshness, value: Callable[[FreshnessRule], ColumnElement[Any]]) -> ColumnElement[Any]:
    """A value of the rule that holds for the client's tier."""
    others = next(value(rule) for rule in rules if not rule.tiers)
    named = [(Client.tier.in_(rule.tiers), value(rule)) for rule in rules if rule.tiers]
    return case(*named, else_=others) if named else others


def _confirmed(which: str) -> ColumnElement[date]:
    return func.coalesce(getattr(Client, f"{which}_confirmed_on"), day_of_creation())


def is_due(which: str, rules: Freshness, today: date) -> ColumnElement[bool]:
    """The condition that the `basic` or `personal` profile of a client must be confirmed again by today."""
    return _confirmed(which) <= _by_tier(
        rules, lambda rule: literal(latest_due(today, getattr(rule, f"{which}_months")), Date)
    )


def _may_be_due(rules: Freshness, today: date) -> ColumnElement[bool]:
    """What every stale profile meets whatever its tier: the nightly scan looks at tier and status of these only."""
    days = []
    for which in ("basic", "personal"):
        shortest = min(getattr(rule, f"{which}_months") for rule in rules)
        confirmed_on: Any = getattr(Client, f"{which}_confirmed_on")
        days += [confirmed_on <= literal(latest_due(today, shortest), Date), confirmed_on.is_(None)]
    return or_(*days)


def due_on(which: str, rules: Freshness) -> ColumnElement[date]:
    """The day by which the `basic` or `personal` profile must be confirmed again."""
    months = _by_tier(rules, lambda rule: literal(getattr(rule, f"{which}_months"), Integer))
    return cast(_confirmed(which) + func.make_interval(0, months), Date)


def is_stale(rules: Freshness, today: date) -> ColumnElement[bool]:
    """The condition that a client is kept fresh and one of its profiles is due."""
    due = and_(_kept_fresh(), or_(is_due("basic", rules, today), is_due("personal", rules, today)))
    # A CASE has its parts evaluated in this order; of an AND PostgreSQL would compare the texts first, on every row.
    return case((_may_be_due(rules, today), due), else_=false())


def _kept_fresh() -> ColumnElement[bool]:
    return and_(Client.status.in_(KEPT_FRESH), Client.owner_id.is_not(None))


def stale_profiles(ctx: QueryContext, policies: ClientPolicies) -> Select[Any]:
    """Clients with a profile that is due, with the columns of a trigger, in one scan. `due_on` is the earlier of the
    two days that `figures` hold; a day after today is not due yet."""
    rules = policies.freshness
    basic, personal = due_on("basic", rules), due_on("personal", rules)
    return select(
        Client.id.label("client_id"),
        cast(null(), PG_UUID(as_uuid=True)).label("subject_id"),
        func.least(basic, personal).label("due_on"),
        func.jsonb_build_object("tier", Client.tier, "basic_due_on", basic, "personal_due_on", personal).label(
            "figures"
        ),
    ).where(ctx.within(Client), is_stale(rules, ctx.today))


@dataclass(frozen=True)
class FreshnessCount:
    """Of one tier (None: without): how many clients are kept fresh, and of how many which profile is due."""

    tier: str | None
    clients: int
    basic_due: int
    personal_due: int


@dataclass(frozen=True)
class StaleClient:
    """A client with a profile that is due; None: that one is not."""

    id: UUID
    name: str
    tier: str | None
    owner_id: UUID | None
    basic_due_on: date | None
    personal_due_on: date | None


@dataclass(frozen=True)
class FreshnessScan:
    """The counts by tier, and the clients that wait longest."""

    counts: tuple[FreshnessCount, ...]
    clients: tuple[StaleClient, ...]


async def freshness_scan(session: TenantSession, *, today: date, listed: int = 100) -> FreshnessScan:
    """How fresh the profiles of the clients in the actor's reach are. Raises Forbidden."""
    require(session.actor, CLIENTS_VIEW)
    rules = (await policies_in_force(session)).freshness
    seen = (session.within(Client), CLIENT.within_reach(session, CLIENTS_VIEW, today))
    counts = await session.rows(
        select(
            Client.tier,
            func.count(),
            func.count().filter(is_due("basic", rules, today)),
            func.count().filter(is_due("personal", rules, today)),
        )
        .where(*seen, _kept_fresh())
        .group_by(Client.tier)
        .order_by(Client.tier)
    )
    basic = case((is_due("basic", rules, today), due_on("basic", rules)))
    personal = case((is_due("personal", rules, today), due_on("personal", rules)))
    clients = await session.rows(
        select(Client.id, Client.name, Client.tier, Client.owner_id, basic, personal)
        .where(*seen, is_stale(rules, today))
        .order_by(func.least(basic, personal), Client.id)
        .limit(listed)
    )
    return FreshnessScan(
        tuple(FreshnessCount(*tuple(row)) for row in counts), tuple(StaleClient(*tuple(row)) for row in clients)
    )
