"""Commands on org units. Those that change the tree take turns within a tenant, so that no two make a cycle."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from uuid import UUID

from sqlalchemy import delete as sql_delete
from sqlalchemy import func, or_, select
from sqlalchemy.exc import IntegrityError

from steward_tenants.access.permissions import UNITS_MANAGE, Permission
from steward_tenants.access.row_kinds import UNIT
from steward_tenants.access.rules import reaches_everything
from steward_tenants.audit.service import Subject, record
from steward_tenants.commands.service import command
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.locks import take_turn
from steward_tenants.database.session import TenantSession, WriteSession
from steward_tenants.errors import Forbidden, invalid
from steward_tenants.organisation import closure
from steward_tenants.organisation.errors import (
    NoSuchPlannedMove,
    UnitChanged,
    UnitClosed,
    UnitCodeTaken,
    UnitCycle,
    UnitDayPast,
    UnitInUse,
    UnitMovePlanned,
    UnitNotFound,
    UnitNotYetThere,
    UnitStaysThere,
    UnitTooDeep,
)
from steward_tenants.organisation.models import OrgUnit, UnitPlacement, UnitStatus
from steward_tenants.organisation.rules import (
    FIRST_DAY,
    MAX_LEVELS,
    OPEN_END,
    Change,
    Stay,
    cancelled,
    clean_unit,
    moved,
    parent_on,
)
from steward_tenants.people.models import User, UserStatus

_TREE = "units"


@command("units.create", "新建组织机构", "Create an org unit", permission=UNITS_MANAGE)
async def create_unit(
    session: WriteSession,
    *,
    code: str,
    name: str,
    today: date,
    kind: str = "unit",
    parent_id: UUID | None = None,
    valid_from: date | None = None,
) -> OrgUnit:
    """A new unit under `parent_id` (None: a root, which needs the permission for the whole tenant).

    It exists from `valid_from` on (default: today), which may be past: nothing hangs on a new unit yet. Raises
    InvalidInput, UnitCodeTaken, UnitNotFound, UnitClosed, UnitNotYetThere, UnitTooDeep, Forbidden.
    """
    fields = clean_unit({"code": code, "name": name, "kind": kind})
    first_day = today if valid_from is None else valid_from
    if not FIRST_DAY <= first_day < OPEN_END:
        raise invalid("validFrom", "day", "日期超出范围。", "The day is out of range.")
    await take_turn(session, _TREE)
    unit = OrgUnit(id=new_id(), **fields)
    start = Stay(parent_id, first_day, None)
    await _check_parent(session, unit, Change((start,), parent_id, first_day, OPEN_END), today)
    try:
        async with session.savepoint():
            session.add(unit)
            await session.flush()
    except IntegrityError as error:
        raise UnitCodeTaken(code=fields["code"]) from error
    session.add(UnitPlacement(unit_id=unit.id, valid_from=first_day, parent_id=parent_id))
    await closure.rebuild(session, [unit.id])
    after = {**fields, "parent_id": parent_id, "valid_from": first_day}
    await record(session, "units.create", Subject("unit", unit.id), after=after)
    return unit


@command("units.rename", "修改组织机构", "Change an org unit", permission=UNITS_MANAGE)
async def change_unit(
    session: WriteSession,
    unit_id: UUID,
    *,
    version: int,
    today: date,
    code: str | None = None,
    name: str | None = None,
    kind: str | None = None,
) -> OrgUnit:
    """Change a unit's code, name or kind; None leaves a field. Raises InvalidInput, UnitNotFound, UnitChanged,
    UnitCodeTaken."""
    given = {"code": code, "name": name, "kind": kind}
    fields = clean_unit({key: value for key, value in given.items() if value is not None})
    unit = await _unit(session, unit_id, today)
    if unit.version != version:
        raise UnitChanged(name=unit.name)
    before = {key: getattr(unit, key) for key in fields}
    try:
        async with session.savepoint():
            for key, value in fields.items():
                setattr(unit, key, value)
            await session.flush()
    except IntegrityError as error:
        raise UnitCodeTaken(code=fields["code"]) from error
    await record(session, "units.rename", Subject("unit", unit_id), before=before, after=fields)
    return unit


@command("units.move", "调整组织机构隶属", "Move an org unit", permission=UNITS_MANAGE)
async def move_unit(
    session: WriteSession, unit_id: UUID, *, parent_id: UUID | None, on: date, today: date
) -> tuple[Stay, ...]:
    """Move a unit with all below it under `parent_id` from `on` (today or later) until its next planned move.

    A move planned for the same day is replaced. Returns the unit's stays. Raises UnitNotFound, UnitDayPast,
    UnitNotYetThere, UnitClosed, UnitStaysThere, UnitCycle, UnitTooDeep, Forbidden.
    """
    await take_turn(session, _TREE)
    unit = await _unit(session, unit_id, today)
    stays = await stays_of(session, unit_id)
    _check_open(unit, stays)
    if on < today:
        raise UnitDayPast(day=on, today=today)
    if on < stays[0].valid_from:
        raise UnitNotYetThere(name=unit.name, day=stays[0].valid_from)
    if parent_on(stays, on) == parent_id:
        raise UnitStaysThere(name=unit.name)
    change = moved(stays, parent_id, on)
    await _change_tree(session, unit, stays, change, today)
    await record(
        session,
        "units.move",
        Subject("unit", unit_id),
        before={"parent_id": parent_on(stays, on)},
        after={"parent_id": parent_id, "from": on, "until": None if change.until == OPEN_END else change.until},
    )
    return change.stays


@command("units.cancel_move", "撤销待生效的机构调整", "Cancel a planned move", permission=UNITS_MANAGE)
async def cancel_move(session: WriteSession, unit_id: UUID, *, on: date, today: date) -> tuple[Stay, ...]:
    """Undo the move planned for `on`, which must lie ahead. Returns the unit's stays.

    Raises UnitNotFound, NoSuchPlannedMove, UnitClosed, UnitCycle and UnitTooDeep (when later moves of others built on
    it).
    """
    await take_turn(session, _TREE)
    unit = await _unit(session, unit_id, today)
    stays = await stays_of(session, unit_id)
    _check_open(unit, stays)
    change = cancelled(stays, on) if on > today else None
    if change is None:
        raise NoSuchPlannedMove(name=unit.name, day=on)
    await _change_tree(session, unit, stays, change, today)
    await record(
        session,
        "units.cancel_move",
        Subject("unit", unit_id),
        before={"parent_id": parent_on(stays, on), "from": on},
        after={"parent_id": change.parent_id},
    )
    return change.stays


@command("units.close", "撤销组织机构", "Close an org unit", permission=UNITS_MANAGE)
async def close_unit(session: WriteSession, unit_id: UUID, *, on: date, today: date) -> OrgUnit:
    """Close a unit from `on` (today or later). From now on it takes no people and no units.

    Raises UnitNotFound, UnitDayPast, UnitMovePlanned, UnitClosed, and UnitInUse while people work in it or a unit
    stands under it on that day or later.
    """
    await take_turn(session, _TREE)
    unit = await _unit(session, unit_id, today)
    stays = await stays_of(session, unit_id)
    _check_open(unit, stays)
    if on < today:
        raise UnitDayPast(day=on, today=today)
    last = stays[-1]
    if on <= last.valid_from:
        raise UnitMovePlanned(name=unit.name, day=last.valid_from)
    people = await session.scalar(
        select(func.count())
        .select_from(User)
        .where(
            session.within(User),
            User.unit_id == unit_id,
            User.status.in_((UserStatus.INVITED, UserStatus.ACTIVE)),
        )
    )
    units = await session.scalar(
        select(func.count(UnitPlacement.unit_id.distinct())).where(
            session.within(UnitPlacement),
            UnitPlacement.parent_id == unit_id,
            or_(UnitPlacement.valid_until.is_(None), UnitPlacement.valid_until > on),
        )
    )
    if people or units:
        raise UnitInUse(name=unit.name, people=people, units=units)
    unit.status = UnitStatus.CLOSED
    await _write_stays(session, unit_id, stays, (*stays[:-1], Stay(last.parent_id, last.valid_from, on)))
    await record(session, "units.close", Subject("unit", unit_id), after={"closed_on": on})
    return unit


@command("units.reopen", "恢复组织机构", "Reopen an org unit", permission=UNITS_MANAGE)
async def reopen_unit(session: WriteSession, unit_id: UUID, *, today: date) -> OrgUnit:
    """Undo the closing of a unit, as if it had never been closed. Raises UnitNotFound, UnitClosed (of its parent)."""
    await take_turn(session, _TREE)
    unit = await _unit(session, unit_id, today)
    stays = await stays_of(session, unit_id)
    last = stays[-1]
    if last.parent_id is not None:
        parent = await session.get(OrgUnit, last.parent_id)
        if parent is not None and (closed := closed_on(await stays_of(session, parent.id))):
            raise UnitClosed(name=parent.name, day=closed)
    before = {"closed_on": last.valid_until}
    unit.status = UnitStatus.ACTIVE
    await _write_stays(session, unit_id, stays, (*stays[:-1], Stay(last.parent_id, last.valid_from, None)))
    await record(session, "units.reopen", Subject("unit", unit_id), before=before, after={"closed_on": None})
    return unit


async def stays_of(session: TenantSession, unit_id: UUID) -> tuple[Stay, ...]:
    """Where a unit stood, stands and will stand, in order of days; not limited by scope."""
    rows = await session.rows(
        select(UnitPlacement.parent_id, UnitPlacement.valid_from, UnitPlacement.valid_until)
        .where(session.within(UnitPlacement), UnitPlacement.unit_id == unit_id)
        .order_by(UnitPlacement.valid_from)
    )
    return tuple(Stay(*tuple(row)) for row in rows)


async def held_unit(session: TenantSession, unit_id: UUID, permission: Permission, today: date) -> OrgUnit:
    """The unit, if the actor's scope for `permission` reaches it, kept from changing until the transaction ends."""
    statement = (
        select(OrgUnit)
        .where(
            session.within(OrgUnit),
            OrgUnit.id == unit_id,
            UNIT.within_reach(session, permission, today),
        )
        .with_for_update(read=True)
        .execution_options(populate_existing=True)
    )
    unit: OrgUnit | None = await session.scalar(statement)
    if unit is None:
        raise UnitNotFound
    return unit


def closed_on(stays: Iterable[Stay]) -> date | None:
    """The day from which a unit is closed, if it is."""
    return [*stays][-1].valid_until


def _check_open(unit: OrgUnit, stays: tuple[Stay, ...]) -> None:
    if (day := closed_on(stays)) is not None:
        raise UnitClosed(name=unit.name, day=day)


async def _unit(session: WriteSession, unit_id: UUID, today: date) -> OrgUnit:
    reach = UNIT.within_reach(session, UNITS_MANAGE, today)
    unit = await session.find(OrgUnit, OrgUnit.id == unit_id, reach, lock=True)
    if unit is None:
        raise UnitNotFound
    return unit


async def _check_parent(session: WriteSession, unit: OrgUnit, change: Change, today: date) -> None:
    """Whether the unit may stand under its new parent on the days of the change."""
    if change.parent_id is None:
        if not reaches_everything(session.actor, UNITS_MANAGE):
            raise Forbidden(permission=UNITS_MANAGE.title)
        return
    days = (change.first_day, change.until)
    parent = await _unit(session, change.parent_id, today)
    stays = await stays_of(session, parent.id)
    if change.first_day < stays[0].valid_from:
        raise UnitNotYetThere(name=parent.name, day=stays[0].valid_from)
    if (closed := closed_on(stays)) is not None and change.until > closed:
        raise UnitClosed(name=parent.name, day=closed)
    cycle = await closure.first_cycle_day(session, unit.id, parent.id, *days)
    if cycle is not None:
        raise UnitCycle(name=unit.name, day=cycle)
    levels = await closure.levels_under(session, unit.id, parent.id, *days)
    if levels > MAX_LEVELS:
        raise UnitTooDeep(limit=MAX_LEVELS, levels=levels)


async def _change_tree(
    session: WriteSession, unit: OrgUnit, stays: tuple[Stay, ...], change: Change, today: date
) -> None:
    await _check_parent(session, unit, change, today)
    affected = await closure.units_below_from(session, unit.id, change.first_day)
    await _write_stays(session, unit.id, stays, change.stays)
    await closure.rebuild(session, affected)


async def _write_stays(session: WriteSession, unit_id: UUID, old: tuple[Stay, ...], new: tuple[Stay, ...]) -> None:
    """Write only the stays that differ."""
    gone = [stay.valid_from for stay in old if stay not in new]
    await session.execute(
        sql_delete(UnitPlacement)
        .where(
            session.within(UnitPlacement),
            UnitPlacement.unit_id == unit_id,
            UnitPlacement.valid_from.in_(gone),
        )
        .execution_options(synchronize_session=False)
    )
    for stay in new:
        if stay not in old:
            session.add(
                UnitPlacement(
                    unit_id=unit_id,
                    valid_from=stay.valid_from,
                    valid_until=stay.valid_until,
                    parent_id=stay.parent_id,
                )
            )
    await session.flush()
