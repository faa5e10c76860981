"""Making a month's plans: what was left open is carried over, policies and triggers ask for the rest. All set-based.

A plan is filled once, when it is there and `generated_at` is empty; whoever asks again changes nothing. The number of
statements is that of the triggers and a dozen more, whatever the number of managers and clients.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from typing import Any, cast
from uuid import UUID

from sqlalchemy import (
    CursorResult,
    Date,
    Select,
    Uuid,
    and_,
    column,
    exists,
    func,
    literal,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import Insert, array, distinct_on, insert
from sqlalchemy.exc import IntegrityError

from steward_core.clients.models import Client, ClientKind, ClientStatus
from steward_core.clients.ownership import these
from steward_core.clients.policies import ClientPolicies
from steward_core.industry.containment import contained
from steward_core.industry.declarations import Period
from steward_core.industry.evaluation import Declared, trigger_select, triggers
from steward_core.plans.due_visits import FreshPlans, Held, Which, classes, due_visits, known
from steward_core.plans.grounds import of_policy, of_trigger, write_grounds
from steward_core.plans.models import ActionStatus, PlanAction, VisitPlan
from steward_core.plans.settings import template_in_force
from steward_core.visits.actions import last_of
from steward_core.visits.plan_states import PlanState
from steward_core.visits.rules import PROFILE_SOURCE, ClientClass, resolve
from steward_tenants.audit.service import Subject, record
from steward_tenants.database.references import Reference
from steward_tenants.database.session import TenantSession, WriteSession
from steward_tenants.people.models import User, UserStatus

OPEN = PlanAction.status == literal_column("'open'")
"""A constant of the statement's text: only so the index of open actions is used."""
GONE = (ClientStatus.CLOSED, ClientStatus.MERGED)
FILLED = (PlanState.PLANNED, PlanState.EDITED, PlanState.REJECTED)
"""The states in which a plan that was not filled yet can be."""
CLIENT_GONE = "客户已关闭或已合并 / The client is closed or was merged"


@dataclass(frozen=True)
class Generated:
    """What became of a month: plans that were filled, actions carried over into them, and new ones."""

    plans: int = 0
    carried: int = 0
    new: int = 0


async def generate(session: WriteSession, month: Period, *, owner_ids: Collection[UUID] | None = None) -> int:
    """Make the plans of a month, of these managers or all; answers how many actions went into plans. Plans that are
    filled already are left as they are."""
    made = await generated(session, month, owner_ids=owner_ids)
    return made.carried + made.new


async def generated(session: WriteSession, month: Period, *, owner_ids: Collection[UUID] | None = None) -> Generated:
    """The same, with its figures."""
    await _make_plans(session, month, owner_ids)
    fresh = await _fresh(session, month, owner_ids)
    if not fresh.plans:
        return Generated()
    await _let_go(session, fresh)
    carried = await _carry_over(session, month, fresh)
    standing = await _standing(session, fresh)
    new = await _from_policies(session, month, fresh, anything_open=bool(standing))
    for one in (await triggers(session)).values():
        new += await _from_trigger(session, month, fresh, one)
    if standing:  # some of what was asked for stood there already and was not new
        new = await _standing(session, fresh) - standing
    made = Generated(len(fresh.plans), carried, new)
    await record(
        session,
        "plans.generate",
        Subject("visit_plan"),
        after={"month": month.name, "plans": made.plans, "carried": carried, "new": new},
    )
    return made


def managers(session: TenantSession, month: Period) -> Select[Any]:
    """The ids of those who have a plan of the month to be made: active people with active clients, or with clients at
    which something was left open. `User` is in the statement."""
    action: Any = Reference(PlanAction)
    left_open = (
        select(Client.id)
        .join(action, and_(session.within(action), action.client_id == Client.id))
        .where(
            session.within(Client),
            Client.owner_id == User.id,
            Client.status.not_in(GONE),
            action.status == literal_column("'open'"),
        )
        .correlate(User)
    )
    active = (
        select(Client.id)
        .where(session.within(Client), Client.owner_id == User.id, Client.status == ClientStatus.ACTIVE)
        .correlate(User)
    )
    done = (
        select(VisitPlan.id)
        .where(
            session.within(VisitPlan),
            VisitPlan.owner_id == User.id,
            VisitPlan.month == month.start,
            VisitPlan.generated_at.is_not(None),
        )
        .correlate(User)
    )
    return select(User.id).where(
        session.within(User),
        User.status == UserStatus.ACTIVE,
        or_(exists(active), exists(left_open)),
        ~exists(done),
    )


async def _make_plans(session: WriteSession, month: Period, owner_ids: Collection[UUID] | None) -> None:
    owners = managers(session, month)
    if owner_ids is not None:
        owners = owners.where(User.id == these(owner_ids))
    rows = owners.with_only_columns(
        literal(session.tenant_id, Uuid()), func.uuidv7(), User.id, User.unit_id, literal(month.start, Date())
    )
    await session.execute(
        insert(VisitPlan)
        .from_select(["tenant_id", "id", "owner_id", "unit_id", "month"], rows, include_defaults=False)
        .on_conflict_do_nothing(index_elements=["tenant_id", "owner_id", "month"])
    )


async def _fresh(session: WriteSession, month: Period, owner_ids: Collection[UUID] | None) -> FreshPlans:
    """Mark the plans that are filled now. Whoever asks for the same at the same time waits here, and finds nothing."""
    statement = (
        update(VisitPlan)
        .where(
            session.within(VisitPlan),
            VisitPlan.month == month.start,
            VisitPlan.generated_at.is_(None),
            VisitPlan.closed_at.is_(None),
            VisitPlan.state.in_(FILLED),
        )
        .values(generated_at=func.now(), version=VisitPlan.version + 1)
        .returning(VisitPlan.owner_id, VisitPlan.id)
        .execution_options(synchronize_session=False)
    )
    if owner_ids is not None:
        statement = statement.where(VisitPlan.owner_id == these(owner_ids))
    rows = await session.rows(statement)
    return FreshPlans([row[0] for row in rows], [row[1] for row in rows])


async def _standing(session: WriteSession, fresh: FreshPlans) -> int:
    """How many actions these plans have."""
    found: int = await session.scalar(
        select(func.count()).where(session.within(PlanAction), PlanAction.plan_id == these(fresh.plans))
    )
    return found


def _count(result: Any) -> int:
    return cast("CursorResult[Any]", result).rowcount


async def _let_go(session: WriteSession, fresh: FreshPlans) -> None:
    """Open actions at clients that are closed, or were merged into others, are dropped."""
    given = fresh.table()
    await session.execute(
        update(PlanAction)
        .where(
            session.within(PlanAction),
            OPEN,
            PlanAction.client_id == Client.id,
            session.within(Client),
            Client.owner_id == given.c.owner_id,
            Client.status.in_(GONE),
        )
        .values(status=ActionStatus.DROPPED, result=CLIENT_GONE, version=PlanAction.version + 1)
        .execution_options(synchronize_session=False)
    )


async def _carry_over(session: WriteSession, month: Period, fresh: FreshPlans) -> int:
    """What stands open in plans of earlier months goes into those of its clients' owners: `carrying.carried_over`."""
    given = fresh.table()
    before: Any = Reference(VisitPlan, "before")
    start = literal(month.start, Date())
    leaving = (
        session.within(PlanAction),
        OPEN,
        PlanAction.client_id == Client.id,
        session.within(Client),
        Client.owner_id == given.c.owner_id,
        session.within(before),
        before.id == PlanAction.plan_id,
        before.month < start,
    )
    counted = select(PlanAction.plan_id, func.count().label("number")).where(*leaving).group_by(PlanAction.plan_id)
    number = counted.subquery("leaving")
    await session.execute(
        update(VisitPlan)
        .where(session.within(VisitPlan), VisitPlan.id == number.c.plan_id)
        .values(carried_out=VisitPlan.carried_out + number.c.number, version=VisitPlan.version + 1)
        .execution_options(synchronize_session=False)
    )
    wanted = func.unnest(PlanAction.visits).table_valued(column("day", Date()), name="wanted").render_derived()
    kept = select(func.array_agg(wanted.c.day)).select_from(wanted).where(wanted.c.day >= start).scalar_subquery()
    result = await session.execute(
        update(PlanAction)
        .where(*leaving)
        .values(
            plan_id=given.c.plan_id,
            carried=PlanAction.carried + 1,
            temporary=False,
            visits=func.coalesce(kept, array([func.greatest(PlanAction.due_on, start)])),
            visited=0,
            days=None,
            planned_on=None,
            place_on_day=None,
            version=PlanAction.version + 1,
        )
        .execution_options(synchronize_session=False, preserve_rowcount=True)
    )
    return _count(result)


NAMES = ("plan_id", "client_id", "source", "ground_id", "counted_from", "first_visit", "due_on", "visits")


async def _from_policies(session: WriteSession, month: Period, fresh: FreshPlans, *, anything_open: bool) -> int:
    template = await template_in_force(session)
    kinds = await session.rows(select(ClientKind.key, ClientKind.plugin).where(session.within(ClientKind)))
    industry = {row[0]: row[1] for row in kinds}
    found = [ClientClass(industry.get(kind) or None, kind, tier) for kind, tier in await classes(session, fresh)]
    if not found:
        return 0
    resolution = resolve(template.policies, found, template.figures)
    grounds = await write_grounds(session, month.start, map(of_policy, resolution.values()))
    policies = {of: Held(held, grounds[of_policy(held)]) for of, held in resolution.items()}
    there = await known(session)

    def due(which: Which) -> Select[Any]:
        rows = due_visits(session, month, fresh, policies, there, which=which).subquery("due")
        return select(*(rows.c[name] for name in NAMES))

    # Looking for one that stands there already costs as much again as an index; most clients have nothing open.
    try:
        async with session.savepoint():
            new = await _put_in_new(session, NAMES, due(Which.FREE if anything_open else Which.ALL))
    except IntegrityError:  # put there meanwhile by somebody else, who had the client when their plan was filled
        return await _put_in(session, NAMES, due(Which.ALL))
    return new + await _put_in(session, NAMES, due(Which.OPEN)) if anything_open else new


def _insertion(session: WriteSession, names: tuple[str, ...], rows: Select[Any]) -> Insert:
    given = rows.add_columns(literal(session.tenant_id, Uuid()), func.uuidv7())
    return insert(PlanAction).from_select([*names, "tenant_id", "id"], given, include_defaults=False)


async def _put_in_new(session: WriteSession, names: tuple[str, ...], rows: Select[Any]) -> int:
    """Insert actions of clients that have none of the source. Raises IntegrityError where one has."""
    statement = _insertion(session, names, rows)
    result = await session.execute(statement.execution_options(preserve_rowcount=True, synchronize_session=False))
    return _count(result)


async def _put_in(session: WriteSession, names: tuple[str, ...], rows: Select[Any]) -> int:
    """Insert actions. One that was carried over stands for a new one of its source; it takes over the new one's visits
    and the earlier day: `carrying.carry_over`."""
    table = PlanAction.__table__
    statement = _insertion(session, names, rows)
    statement = statement.on_conflict_do_update(
        index_elements=["tenant_id", "client_id", "source"],
        index_where=literal_column("status = 'open'"),
        set_={
            "visits": statement.excluded.visits,
            "due_on": func.least(PlanAction.due_on, statement.excluded.due_on),
            "version": PlanAction.version + 1,
        },
        where=and_(session.within(table), PlanAction.plan_id == statement.excluded.plan_id),
    )
    result = await session.execute(statement.execution_options(preserve_rowcount=True, synchronize_session=False))
    return _count(result)


async def _from_trigger(session: WriteSession, month: Period, fresh: FreshPlans, one: Declared) -> int:
    """What a trigger finds; one that fails is contained, and the plans are made without it."""
    grounds = await write_grounds(session, month.start, [of_trigger(one)])
    (ground_id,) = grounds.values()
    asked = partial(_insert_found, session, month, fresh, one, ground_id)
    outcome = await contained(session, one.plugin, f"trigger:{one.what.key}", asked)
    return outcome.value or 0


async def _insert_found(session: WriteSession, month: Period, fresh: FreshPlans, one: Declared, ground_id: UUID) -> int:
    given = fresh.table()
    about = select(Client.id).where(session.within(Client), Client.owner_id == these(fresh.owners))
    found = trigger_select(session, _for_month(one, month), _day_of(one, month), clients=about).subquery("asked")
    first = (
        select(
            given.c.plan_id,
            found.c.client_id,
            literal(one.key).label("source"),
            literal(ground_id, Uuid()).label("ground_id"),
            found.c.subject_id,
            found.c.due_on,
            array([func.greatest(found.c.due_on, literal(month.start, Date()))]).label("visits"),
            found.c.figures.label("basis"),
        )
        .join(given, given.c.owner_id == found.c.owner_id)
        .where(found.c.due_on < month.end)
        .ext(distinct_on(found.c.client_id))
        .order_by(found.c.client_id, found.c.due_on, found.c.subject_id)
        .subquery("first")
    )
    names = ("plan_id", "client_id", "source", "ground_id", "subject_id", "due_on", "visits", "basis")
    return await _put_in(session, names, select(*(first.c[name] for name in names)))


def _day_of(one: Declared, month: Period) -> date:
    """The day as of which a trigger is asked: the month's first. Profiles as of its last, so that none goes stale
    before the next plan: `visits.rules.profile_action`."""
    return last_of(month) if one.key == PROFILE_SOURCE else month.start


def _for_month(one: Declared, month: Period) -> Declared:
    """The trigger with settings that look over the whole month: birthdays are told of some days ahead otherwise."""
    if one.key != "clients.contact_birthday" or not isinstance(one.settings, ClientPolicies):
        return one
    return replace(one, settings=replace(one.settings, birthday_days=(last_of(month) - month.start).days))
