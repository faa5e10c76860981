"""A session without a tenant: statements are built with marks in the place of the tenant, the actor and the day.

The conditions of row scope are built by the very functions that sessions use (`in_scope`, `RowKind.reached`); when the
statement is compiled, each mark becomes a bound parameter that every execution fills.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Date, FromClause, Uuid, bindparam

from steward_tenants.access.permissions import Permission
from steward_tenants.database.actor import Actor, Grant
from steward_tenants.database.session import TenantSession
from steward_tenants.database.tables import TenantTable

TENANT = UUID("5ce0a4d0-0000-0000-0000-000000000001")
ACTOR = UUID("5ce0a4d0-0000-0000-0000-000000000002")
TODAY = date(1, 2, 3)
_ROOT = UUID("5ce0a4d0-0000-0000-0001-000000000000").int
MOST_GRANTS = 64
_MARKED_YEAR = 100


def root_mark(place: int) -> UUID:
    """The mark of the unit that the grant at `place` reaches down from."""
    return UUID(int=_ROOT + place)


def root_place(mark: object) -> int | None:
    """Which grant's unit a value marks; None when it is no such mark."""
    if isinstance(mark, UUID) and _ROOT <= mark.int < _ROOT + MOST_GRANTS:
        return mark.int - _ROOT
    return None


class SymbolicSession(TenantSession):
    """What builders of conditions need of a session. It runs nothing."""

    def __init__(self, actor: Actor) -> None:
        self.tenant_id = TENANT
        self.actor = actor
        self.request_id = ""

    def within(self, table: type[TenantTable] | FromClause) -> ColumnElement[bool]:
        column: Any = table.c.tenant_id if isinstance(table, FromClause) else table.tenant_id
        condition: ColumnElement[bool] = column == bindparam("tenant", TENANT, type_=Uuid())
        return condition


def today() -> ColumnElement[date]:
    """The tenant's day, as a bound parameter of the statement."""
    return bindparam("today", TODAY, type_=Date())


@dataclass(frozen=True)
class Profile:
    """What a statement depends on of whoever asks: the grants' permissions and scopes, not whose they are."""

    actor: Actor

    def may(self, permission: Permission | None) -> bool:
        """Whether some grant carries the permission (None: it takes none)."""
        return permission is None or self.actor.unrestricted or permission.key in self.actor.permissions


@dataclass(frozen=True)
class Standing:
    """An actor as a profile and what fills it: the actor's id, and the unit of each grant in the profile's order."""

    profile: Profile
    actor_id: UUID
    roots: tuple[UUID | None, ...]


def standing_of(actor: Actor) -> Standing:
    """The profile of an actor. Two actors with the same permissions and scopes have equal profiles."""
    grants = [
        (grant.scope, tuple(sorted(grant.permissions)), grant.unit_id or actor.unit_id)
        for grant in actor.grants[:MOST_GRANTS]
    ]
    grants.sort(key=lambda one: (one[0].value, one[1], one[2] is None, str(one[2])))
    marked = tuple(
        Grant(ACTOR, "", frozenset(permissions), scope, None if root is None else root_mark(place))
        for place, (scope, permissions, root) in enumerate(grants)
    )
    profile = Profile(Actor(actor.kind, ACTOR, "", None, marked))
    return Standing(profile, actor.id, tuple(root for _, _, root in grants))


def refuse_marks(value: Any) -> None:
    """Raises ValueError when a mark stands in a constant, where no execution would fill it."""
    if isinstance(value, dict):
        for one in value.items():
            refuse_marks(one)
    elif isinstance(value, list | tuple | set | frozenset):
        for one in value:
            refuse_marks(one)
    elif isinstance(value, UUID):
        _refuse(value in (TENANT, ACTOR) or root_place(value) is not None)
    elif isinstance(value, date):
        _refuse(value.year < _MARKED_YEAR)
    elif isinstance(value, str):
        _refuse("5ce0a4d0-0000-0000-000" in value or value.startswith(TODAY.isoformat()))


def _refuse(marked: bool) -> None:
    if marked:
        raise ValueError("a mark of the symbolic session was left in a constant")
