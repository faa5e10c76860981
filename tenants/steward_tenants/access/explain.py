"""Why can, or can't, this person see this: the decision for one viewer, one row and one field, with its reasons."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import null, select

from steward_tenants.access.models import Role
from steward_tenants.access.permissions import ROLES_VIEW, Permission
from steward_tenants.access.queries import actor_of
from steward_tenants.access.row_kinds import PERSON, RowKind, row_kinds
from steward_tenants.access.rules import NO_TITLES, Decision, Reason, RowPlace, decide, require
from steward_tenants.database.actor import Actor
from steward_tenants.database.session import TenantSession
from steward_tenants.errors import NotFound, invalid
from steward_tenants.organisation.models import UnitPath
from steward_tenants.people.errors import PersonNotFound
from steward_tenants.people.models import User, UserStatus
from steward_tenants.texts import Bilingual


class RowNotFound(NotFound):
    """The row that an explanation is asked about does not exist."""

    code = "row_not_found"
    message = Bilingual("找不到该记录。", "No such record.")


async def place_of(session: TenantSession, kind: RowKind, row_id: UUID, on: date) -> RowPlace | None:
    """Where a row stands on a day: its owner, its stand-in, its unit, the units above; of a row below a parent, the
    parent's. None when there is no such row."""
    table: Any = kind.table
    columns = [
        null() if column is None else column for column in (kind.owner, kind.unit, kind.stand_in, kind.parent_id)
    ]
    found = await session.rows(select(*columns).where(session.within(table), table.id == row_id))
    if not found:
        return None
    owner_id, unit_id, stand_in_id, parent_id = tuple(found[0])
    if kind.parent is not None:
        if parent_id is None and kind.without_parent is not None:
            return await place_of(session, kind.without_parent, row_id, on)
        above = None if parent_id is None else await place_of(session, kind.parent, parent_id, on)
        return above or RowPlace(None, None)
    units_above = await session.scalars(
        select(UnitPath.ancestor_id).where(
            session.within(UnitPath),
            UnitPath.descendant_id == unit_id,
            UnitPath.valid_from <= on,
            UnitPath.valid_until > on,
        )
    )
    return RowPlace(owner_id, unit_id, frozenset(units_above), stand_in_id)


async def role_titles(session: TenantSession, actor: Actor) -> Mapping[UUID, Bilingual]:
    """What people call the actor's roles, by role id."""
    ids = {grant.role_id for grant in actor.grants}
    rows = await session.rows(
        select(Role.id, Role.title_zh, Role.title_en).where(session.within(Role), Role.id.in_(ids))
    )
    return {row.id: Bilingual(row.title_zh, row.title_en) for row in rows}


def decide_field(
    actor: Actor,
    kind: RowKind,
    field: str | None,
    place: RowPlace,
    titles: Mapping[UUID, Bilingual] = NO_TITLES,
) -> Decision:
    """May the actor see the row, and with `field` that field unmasked? Reasons for the row come first."""
    row = decide(actor, kind.view, place, titles)
    if field is None or field not in kind.fields:
        return row
    return _both(row, decide(actor, kind.fields[field].reveal, place, titles))


def _both(first: Decision, second: Decision) -> Decision:
    return Decision(first.allowed and second.allowed, (*first.reasons, *second.reasons))


async def explain_visibility(
    session: TenantSession,
    viewer_user_id: UUID,
    kind_key: str,
    row_id: UUID,
    *,
    on: date,
    field: str | None = None,
    permission: Permission | None = None,
) -> Decision:
    """Can the viewer see a row of `kind_key` on a day (with `field`: that field unmasked; with `permission`: use it on
    the row), and why?

    About others it takes `roles.view` with the viewer in scope. Asked about oneself, a row that does not exist is
    explained like one out of reach. Raises Forbidden, PersonNotFound, RowNotFound, InvalidInput.
    """
    kind = row_kinds.get(kind_key)
    if kind is None:
        raise invalid("kind", "unknown", "没有此类记录。", "There is no such kind of record.")
    if permission is not None and field is not None:
        raise invalid("field", "both", "字段与权限只能选一项。", "Ask about a field or a permission, not both.")
    own_affair = session.actor.id == viewer_user_id and ROLES_VIEW.key not in session.actor.permissions
    viewer = await _viewer(session, viewer_user_id, on, own_affair)
    place = await place_of(session, kind, row_id, on)
    if place is None and not own_affair:
        raise RowNotFound
    place = place or RowPlace(None, None)
    if viewer.status not in (UserStatus.ACTIVE, UserStatus.INVITED):
        text = Bilingual("该人员已停用，不能登录。", "The person is disabled and cannot sign in.")
        return Decision(False, (Reason(None, False, text),))
    actor = await actor_of(session, viewer, on)
    titles = await role_titles(session, actor)
    if permission is not None:
        return decide(actor, permission, place, titles)
    if field is not None and field not in kind.fields:
        reason = Reason(None, True, Bilingual("该字段不脱敏。", "This field is not masked."))
        return _both(decide(actor, kind.view, place, titles), Decision(True, (reason,)))
    return decide_field(actor, kind, field, place, titles)


async def _viewer(session: TenantSession, user_id: UUID, on: date, own_affair: bool) -> User:
    if own_affair:
        viewer = await session.get(User, user_id)
    else:
        require(session.actor, ROLES_VIEW)
        viewer = await session.find(User, User.id == user_id, PERSON.within_reach(session, ROLES_VIEW, on))
    if viewer is None:
        raise PersonNotFound
    return viewer
