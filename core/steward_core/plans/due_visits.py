"""Which visits policies ask for in a month, as one select: `visits.rules.due_actions` in SQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum, auto
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Date,
    Integer,
    Interval,
    Select,
    Text,
    Uuid,
    and_,
    bindparam,
    case,
    cast,
    column,
    exists,
    func,
    literal,
    literal_column,
    null,
    or_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY, array

from steward_core.clients.models import Client, ClientProduct, ClientStatus
from steward_core.industry.declarations import Period
from steward_core.plans.models import PlanAction
from steward_core.visits.actions import last_of
from steward_core.visits.models import Visit, VisitStatus
from steward_core.visits.rules import ClientClass, Resolved
from steward_tenants.database.references import Reference
from steward_tenants.database.session import TenantSession

WEEK, MOST_OF_WEEKS = 7, 5
"""Of visits a week or more apart a month holds five at most."""

_FENCE: ColumnElement[int] = literal_column("0")


class FreshPlans(NamedTuple):
    """Plans that are being filled: their owners, and in the same order their ids."""

    owners: Sequence[UUID]
    plans: Sequence[UUID]

    def table(self) -> Any:
        """The columns `owner_id` and `plan_id`."""
        return _unnested("fresh", owner_id=(Uuid(), self.owners), plan_id=(Uuid(), self.plans))


def _unnested(name: str, **columns: tuple[Any, Sequence[Any]]) -> Any:
    given = [cast(bindparam(None, list(values), type_=ARRAY(kind)), ARRAY(kind)) for kind, values in columns.values()]
    named = [column(key, kind) for key, (kind, _) in columns.items()]
    return func.unnest(*given).table_valued(*named, name=name).render_derived()


class Which(Enum):
    """Which clients are meant: all, those at which some action stands open, or those at which none does."""

    ALL = auto()
    OPEN = auto()
    FREE = auto()


class Held(NamedTuple):
    """The policy that holds for a class, and the ground that is written down for it."""

    resolved: Resolved
    ground_id: UUID


Policies = Mapping[ClientClass, Held]


class Known(NamedTuple):
    """Whether the tenant has any done visit, and any product in use: what is empty need not be looked up."""

    visits: bool
    products: bool


async def known(session: TenantSession) -> Known:
    """What there is to look up."""
    visits = exists(select(Visit.id).where(session.within(Visit), Visit.status == VisitStatus.DONE))
    products = exists(select(ClientProduct.id).where(session.within(ClientProduct)))
    return Known(*(await session.rows(select(visits, products)))[0])


async def classes(session: TenantSession, fresh: FreshPlans) -> list[tuple[str, str | None]]:
    """The kinds and tiers of the active clients of these owners."""
    given = fresh.table()
    rows = await session.rows(
        select(Client.kind, Client.tier)
        .join_from(given, Client, and_(session.within(Client), Client.owner_id == given.c.owner_id))
        .where(Client.status == ClientStatus.ACTIVE)
        .group_by(Client.kind, Client.tier)
    )
    return [(kind, tier) for kind, tier in rows]


def due_visits(
    session: TenantSession,
    month: Period,
    fresh: FreshPlans,
    policies: Policies,
    there: Known,
    *,
    which: Which = Which.ALL,
) -> Select[Any]:
    """One row for each active client of these owners whose visit falls due before the month ends: plan_id, client_id,
    source, ground_id, counted_from, first_visit, due_on, visits."""
    start, end, last_day = (literal(day, Date()) for day in (month.start, month.end, last_of(month)))
    found = _due(session, start, _owned(session, fresh, which), policies, there)
    due = found.c.due_on
    begin = func.greatest(due, start)
    counted = case(
        (found.c.regular <= due, found.c.last_on),
        (found.c.first <= due, found.c.installed_on),
    )
    return select(
        found.c.plan_id,
        found.c.client_id,
        found.c.policy.label("source"),
        found.c.ground_id,
        counted.label("counted_from"),
        and_(found.c.first.is_not(None), func.coalesce(found.c.regular > due, true())).label("first_visit"),
        due.label("due_on"),
        _days(found, begin, end, last_day).label("visits"),
    ).where(due < end)


def _days(found: Any, begin: Any, end: ColumnElement[Any], last_day: ColumnElement[Any]) -> ColumnElement[Any]:
    """The days of a month from `begin` on, one step apart, at most so many."""
    step = found.c.days
    after = cast(last_day - begin, Integer()) // func.greatest(step, 1, type_=Integer())
    number: ColumnElement[int] = func.least(found.c.most_in_month, after + 1, type_=Integer())
    weeks = array([begin + place * step if place else begin for place in range(MOST_OF_WEEKS)])
    nth = func.generate_series(0, number - 1).table_valued(column("n", Integer()), name="nth").render_derived()
    each = select(func.array_agg(begin + nth.c.n * step)).select_from(nth).scalar_subquery()
    return case(
        (or_(found.c.months > 0, found.c.most_in_month == 1, begin + step >= end), array([begin])),
        (step >= WEEK, func.trim_array(weeks, MOST_OF_WEEKS - number)),
        else_=each,
    )


def _owned(session: TenantSession, fresh: FreshPlans, which: Which) -> Any:
    """The owners' active clients, each with its plan."""
    given = fresh.table()
    # By owner first, behind a fence of its own: PostgreSQL expects few clients of any class, and would else gather all
    # of them in a hash that is too large for its memory, in whose order everything after it goes.
    return (
        select(given.c.plan_id, Client.id, Client.kind, func.coalesce(Client.tier, literal("", Text())).label("tier"))
        .select_from(given)
        .join(Client, and_(session.within(Client), Client.owner_id == given.c.owner_id))
        .where(Client.status == ClientStatus.ACTIVE, *_of_which(session, which))
        .offset(_FENCE)
        .subquery("owned")
    )


def _due(
    session: TenantSession,
    start: ColumnElement[Any],
    owned: Any,
    policies: Policies,
    there: Known,
) -> Any:
    """Each client with its policy and the day on which its visit is due. The fences keep PostgreSQL from working out
    the same day again wherever it is named."""
    held = _resolved(policies)
    counted = any(one.resolved.interval.most_in_month for one in policies.values())
    last = _last_visit(session, owned, counted=counted, there=there)
    installed = _installed(session, owned, start, there)
    clients = (
        select(
            owned.c.plan_id,
            owned.c.id.label("client_id"),
            held,
            last.c.last_on,
            last.c.in_month,
            installed.c.installed_on,
        )
        .select_from(owned)
        .join(held, and_(held.c.kind == owned.c.kind, held.c.tier == owned.c.tier))
        .join(last, true())
        .join(installed, true())
        .offset(_FENCE)
        .subquery("clients")
    )
    full = clients.c.in_month >= clients.c.most_in_month
    next_month = cast(
        func.date_trunc("month", clients.c.last_on) + cast(literal("1 month", Text()), Interval()), Date()
    )
    regular = func.greatest(cast(clients.c.last_on + clients.c.step, Date()), case((full, next_month)))
    first = case(
        (
            or_(clients.c.last_on.is_(None), clients.c.installed_on >= clients.c.last_on),
            clients.c.installed_on + clients.c.first_days,
        )
    )
    dated = select(clients, regular.label("regular"), first.label("first")).offset(_FENCE).subquery("dated")
    due = func.coalesce(func.least(dated.c.regular, dated.c.first), start)
    return select(dated, due.label("due_on")).offset(_FENCE).subquery("found")


def _of_which(session: TenantSession, which: Which) -> list[ColumnElement[bool]]:
    if which is Which.ALL:
        return []
    action: Any = Reference(PlanAction)
    open_there = exists(
        select(literal_column("1"))
        .where(session.within(action), action.client_id == Client.id, action.status == literal_column("'open'"))
        .correlate(Client)
    )
    return [open_there if which is Which.OPEN else ~open_there]


def _resolved(policies: Policies) -> Any:
    """The policies that hold, as a table."""
    held = [one.resolved for one in policies.values()]
    steps = [one.interval.step for one in held]
    given = _unnested(
        "given",
        kind=(Text(), [of.kind for of in policies]),
        tier=(Text(), [of.tier or "" for of in policies]),
        policy=(Text(), [one.policy.key for one in held]),
        ground_id=(Uuid(), [one.ground_id for one in policies.values()]),
        months=(Integer(), [step.months for step in steps]),
        days=(Integer(), [step.days for step in steps]),
        most_in_month=(Integer(), [one.interval.most_in_month for one in held]),
        first_days=(Integer(), [one.first_visit_days for one in held]),
    )
    # make_interval(years, months, weeks, days)
    step = func.make_interval(0, given.c.months, 0, given.c.days, type_=Interval())
    return select(given, step.label("step")).cte("held").prefix_with("MATERIALIZED")


def _last_visit(session: TenantSession, owned: Any, *, counted: bool, there: Known) -> Any:
    """A client's last done visit, and how many were done in that month where a policy asks for it."""
    if not there.visits:
        return _nothing("last", last_on=Date(), in_month=Integer())
    visit: Any = Reference(Visit)
    last = (
        select(func.max(visit.day).label("last_on"))
        .where(session.within(visit), visit.client_id == owned.c.id, visit.status == VisitStatus.DONE)
        .correlate(owned)
        .subquery("latest")
    )
    if not counted:
        return select(last.c.last_on, cast(null(), Integer()).label("in_month")).lateral("last")
    other: Any = Reference(Visit)
    in_month = (
        select(func.count())
        .where(
            session.within(other),
            other.client_id == owned.c.id,
            other.status == VisitStatus.DONE,
            other.day >= cast(func.date_trunc("month", last.c.last_on), Date()),
        )
        .correlate(owned, last)
        .scalar_subquery()
    )
    return select(last.c.last_on, in_month.label("in_month")).lateral("last")


def _installed(session: TenantSession, owned: Any, start: ColumnElement[Any], there: Known) -> Any:
    """When the client was last fitted out with a product, before the month ends."""
    if not there.products:
        return _nothing("installed", installed_on=Date())
    product: Any = Reference(ClientProduct)
    before = cast(start + cast(literal("1 month", Text()), Interval()), Date())
    return (
        select(func.max(product.started_on).label("installed_on"))
        .where(session.within(product), product.client_id == owned.c.id, product.started_on < before)
        .correlate(owned)
        .lateral("installed")
    )


def _nothing(name: str, **columns: Any) -> Any:
    return select(*(cast(null(), kind).label(key) for key, kind in columns.items())).subquery(name)
