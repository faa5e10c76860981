"""What lies behind a manager's indicators: the rows, one by one, that the figures count.

Each selects `kind` and `id` of a row, the client and the day that it is about, whether it `counted` (is in the
numerator), and what it adds. Nothing here looks at the actor; `queries.evidence` does.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Date, Select, Text, and_, func, literal, select, true
from sqlalchemy import cast as sql_cast
from sqlalchemy.orm import aliased

from steward_core.clients.freshness import KEPT_FRESH
from steward_core.clients.models import Client, ClientOwnership
from steward_core.database.context import QueryContext
from steward_core.industry.declarations import Period
from steward_core.performance.measures import (
    asked,
    carried_out,
    ended_in,
    fresh_on,
    held_on,
    last_day,
    revenue_facts,
    visited,
)
from steward_core.plans.models import ActionStatus, PlanAction, VisitPlan
from steward_core.promises.models import ClockState, PromiseClock
from steward_core.visits.models import Visit

COLUMNS = ("kind", "id", "client_id", "day", "counted", "figures")


def evidence_row(
    kind: Any, row_id: Any, client_id: Any, day: Any, counted: Any, **figures: Any
) -> tuple[ColumnElement[Any], ...]:
    """The columns of an evidence. `kind` is a name, or a column that holds it."""
    parts = [part for name, value in figures.items() for part in (literal(name, Text()), value)]
    return (
        (literal(kind, Text()) if isinstance(kind, str) else kind).label("kind"),
        row_id.label("id"),
        client_id.label("client_id"),
        sql_cast(day, Date()).label("day"),
        counted.label("counted"),
        func.jsonb_build_object(*parts).label("figures"),
    )


def visits(ctx: QueryContext, period: Period, owner_id: UUID) -> Select[Any]:
    """The visits done; the first at each client makes it a distinct one."""
    visit = aliased(Visit)
    number = func.row_number().over(partition_by=visit.client_id, order_by=(visit.day, visit.id))
    return select(*evidence_row("visit", visit.id, visit.client_id, visit.day, true(), number_at_client=number)).where(
        visited(ctx, period, visit), visit.owner_id == owner_id
    )


def actions(ctx: QueryContext, period: Period, owner_id: UUID) -> Select[Any]:
    """The actions that stand in the period's plans; those that left them for a later month stand there."""
    plan, action = aliased(VisitPlan), aliased(PlanAction)
    done = carried_out(action)
    columns = evidence_row(
        "action",
        action.id,
        action.client_id,
        action.due_on,
        done >= asked(action),
        asked=asked(action),
        done=done,
        carried=action.carried,
    )
    return (
        select(*columns)
        .join(plan, and_(ctx.within(plan), plan.id == action.plan_id))
        .where(
            ctx.within(action),
            action.status != ActionStatus.DROPPED.value,
            plan.owner_id == owner_id,
            plan.month >= period.start,
            plan.month < period.end,
        )
    )


def clocks(ctx: QueryContext, period: Period, owner_id: UUID) -> Select[Any]:
    """The promises and follow-ups that were kept or broken."""
    clock = aliased(PromiseClock)
    columns = evidence_row(
        "clock",
        clock.id,
        clock.client_id,
        func.timezone(literal(ctx.session.time_zone, Text()), clock.due_at),
        clock.state == ClockState.KEPT.value,
        promise=clock.promise,
        state=clock.state,
        due_at=clock.due_at,
        ended_at=clock.ended_at,
    )
    return select(*columns).where(ctx.within(clock), clock.owner_id == owner_id, ended_in(ctx, period, clock))


def profiles(ctx: QueryContext, period: Period, owner_id: UUID) -> Select[Any]:
    """The clients whose profiles are kept fresh, on the last day."""
    held, day = aliased(ClientOwnership), last_day(ctx, period)
    columns = evidence_row(
        "client",
        Client.id,
        Client.id,
        literal(day, Date()),
        fresh_on(ctx, day),
        tier=Client.tier,
        basic_confirmed_on=Client.basic_confirmed_on,
        personal_confirmed_on=Client.personal_confirmed_on,
    )
    return (
        select(*columns)
        .join(held, and_(held.client_id == Client.id, held_on(ctx, held, literal(day, Date()))))
        .where(ctx.within(Client), Client.status.in_(KEPT_FRESH), held.owner_id == owner_id)
    )


def facts(ctx: QueryContext, period: Period, owner_id: UUID) -> Select[Any]:
    """The revenue of each client, and when the last of it was booked."""
    fact, held = revenue_facts(ctx, period), aliased(ClientOwnership)
    columns = evidence_row(
        "client", fact.c.client_id, fact.c.client_id, func.max(fact.c.booked_on), true(), fen=func.sum(fact.c.value)
    )
    return (
        select(*columns)
        .select_from(fact)
        .join(held, and_(held.client_id == fact.c.client_id, held_on(ctx, held, fact.c.booked_on)))
        .where(held.owner_id == owner_id)
        .group_by(fact.c.client_id)
    )


def portfolio(ctx: QueryContext, period: Period, owner_id: UUID) -> Select[Any]:
    """The clients that a manager owned in the period: of indicators that do not say more."""
    held = aliased(ClientOwnership)
    columns = evidence_row("client", held.client_id, held.client_id, func.min(held.valid_from), true())
    return (
        select(*columns)
        .where(
            ctx.within(held),
            held.owner_id == owner_id,
            held.valid_from < literal(period.end, Date()),
            held.valid_until > literal(period.start, Date()),
        )
        .group_by(held.client_id)
    )
