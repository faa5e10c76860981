"""Which gradings and results an actor reaches."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from sqlalchemy import ColumnElement, not_, or_, select
from sqlalchemy.orm import aliased

from steward_core.clients.models import Client
from steward_core.clients.row_kinds import CLIENT
from steward_core.forms.models import FormRecord
from steward_core.gradings.errors import GradingNotFound, UnitPartlyReached
from steward_core.gradings.models import Grading
from steward_tenants.access.permissions import Permission
from steward_tenants.access.queries import in_scope
from steward_tenants.access.rules import reaches_everything, require
from steward_tenants.database.locks import take_turn
from steward_tenants.database.session import TenantSession, WriteSession
from steward_tenants.organisation.errors import UnitNotFound
from steward_tenants.organisation.models import UnitPath
from steward_tenants.organisation.service import held_unit


def of_own_units(session: TenantSession, permission: Permission, today: date) -> ColumnElement[bool]:
    """The condition that a grading's unit is in the actor's scope for `permission`."""
    return in_scope(session, permission, unit=Grading.unit_id, on=today)


def seen_by(session: TenantSession, permission: Permission, today: date) -> ColumnElement[bool]:
    """The condition that the actor reaches a grading's unit, or at least one client among its results."""
    own = (
        select(FormRecord.id)
        .join(Client, (Client.id == FormRecord.client_id) & session.within(Client))
        .where(
            session.within(FormRecord),
            FormRecord.batch_id == Grading.id,
            CLIENT.within_reach(session, permission, today),
        )
        .correlate(Grading)
        .exists()
    )
    return or_(of_own_units(session, permission, today), own)


async def grading_seen(session: TenantSession, grading_id: UUID, permission: Permission, today: date) -> Grading:
    """A grading that the actor may look into. Raises Forbidden, GradingNotFound."""
    require(session.actor, permission)
    found = await session.find(Grading, Grading.id == grading_id, seen_by(session, permission, today))
    if found is None:
        raise GradingNotFound
    return found


async def grading_whole(session: TenantSession, grading_id: UUID, permission: Permission, today: date) -> Grading:
    """A grading whose unit the actor reaches: all its results. Raises Forbidden, GradingNotFound."""
    require(session.actor, permission)
    found = await session.find(Grading, Grading.id == grading_id, of_own_units(session, permission, today))
    if found is None:
        raise GradingNotFound
    return found


async def grading_held(session: WriteSession, grading_id: UUID, permission: Permission, today: date) -> Grading:
    """`grading_whole`, locked, after the turn of its unit and period, so that revisions are made one after another."""
    known = await grading_whole(session, grading_id, permission, today)
    await take_turn(session, turn_of(known.scheme, known.unit_id, known.period))
    found = await session.get(Grading, grading_id, lock=True)
    if found is None:
        raise GradingNotFound
    try:
        await held_unit(session, found.unit_id, permission, today)
    except UnitNotFound:
        raise GradingNotFound from None
    await require_all_below(session, found.unit_id, permission, today)
    return found


async def require_all_below(session: TenantSession, unit_id: UUID, permission: Permission, today: date) -> None:
    """Raise UnitPartlyReached unless the actor's scope covers the unit and all below it: so far does a grading go."""
    if reaches_everything(session.actor, permission):
        return
    path = aliased(UnitPath)
    outside = await session.scalar(
        select(path.descendant_id)
        .where(
            session.within(path),
            path.ancestor_id == unit_id,
            path.valid_from <= today,
            path.valid_until > today,
            not_(in_scope(session, permission, unit=path.descendant_id, on=today)),
        )
        .limit(1)
    )
    if outside is not None:
        raise UnitPartlyReached


def turn_of(scheme: str, unit_id: UUID, period: str) -> str:
    """The turn that commands on one unit's grading of one period wait for."""
    return f"grading/{scheme}/{unit_id}/{period}"
