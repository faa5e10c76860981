"""Pure decisions on access: which grants hold, which rows they reach, how a value is masked, why.

The same decisions stand in SQL in `queries.py`; a property test holds the two together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import combinations
from types import MappingProxyType
from uuid import UUID

from steward_tenants.access.models import Duty
from steward_tenants.access.permissions import Permission, catalogue
from steward_tenants.database.actor import Actor, Grant, Scope
from steward_tenants.errors import Forbidden
from steward_tenants.texts import Bilingual

MASK = "•"
NO_TITLES: Mapping[UUID, Bilingual] = MappingProxyType({})


@dataclass(frozen=True)
class RowPlace:
    """Where a row stands for row scope: its owner, its unit, that unit's ancestors (itself included), its stand-in."""

    owner_id: UUID | None
    unit_id: UUID | None
    unit_ancestors: frozenset[UUID] = frozenset()
    stand_in_id: UUID | None = None


@dataclass(frozen=True)
class Reason:
    """One line of an explanation: the grant looked at (None: no grant at all), whether it allows, and why."""

    grant: Grant | None
    allows: bool
    text: Bilingual


@dataclass(frozen=True)
class Decision:
    """Whether something is allowed, and a reason for every grant that was looked at."""

    allowed: bool
    reasons: tuple[Reason, ...]


def require(actor: Actor, permission: Permission) -> None:
    """Raise Forbidden unless some grant of the actor carries the permission. Row scope is checked separately."""
    if not actor.unrestricted and permission.key not in actor.permissions:
        raise Forbidden(permission=permission.title)


def reaches(actor: Actor, grant: Grant, place: RowPlace) -> bool:
    """Whether a grant's scope covers a row."""
    if grant.scope is Scope.ALL:
        return True
    if grant.scope is Scope.OWN:
        return actor.id in (place.owner_id, place.stand_in_id)
    unit = grant.unit_id or actor.unit_id
    if unit is None:
        return False
    if grant.scope is Scope.TEAM:
        return place.unit_id == unit
    return unit in place.unit_ancestors


def decide(
    actor: Actor, permission: Permission, place: RowPlace, titles: Mapping[UUID, Bilingual] = NO_TITLES
) -> Decision:
    """May the actor use `permission` on a row at `place`? With a reason for each grant, which names roles by `titles`
    (by role id), or by their keys."""
    if actor.unrestricted:
        text = Bilingual("平台自身操作，不受授权限制。", "The platform's own work is not limited by grants.")
        return Decision(True, (Reason(None, True, text),))
    reasons = [_reason(actor, grant, permission, place, title_of(grant, titles)) for grant in actor.grants]
    if not reasons:
        reasons = [Reason(None, False, Bilingual("没有任何有效角色。", "Holds no role that is in force."))]
    return Decision(any(reason.allows for reason in reasons), tuple(reasons))


def title_of(grant: Grant, titles: Mapping[UUID, Bilingual]) -> Bilingual:
    """What people call the role of a grant."""
    return titles.get(grant.role_id) or Bilingual(grant.role_key, grant.role_key)


def _reason(actor: Actor, grant: Grant, permission: Permission, place: RowPlace, role: Bilingual) -> Reason:
    if permission.key not in grant.permissions:
        text = Bilingual(
            f"角色“{role.zh}”不含权限“{permission.title.zh}”。",
            f"Role “{role.en}” lacks “{permission.title.en}”.",
        )
        return Reason(grant, False, text)
    inside = reaches(actor, grant, place)
    own = Bilingual("本人", "own rows")
    if place.stand_in_id == actor.id:
        own = Bilingual("本人（负责或代管）", "own rows, owned or stood in for")
    scopes = {
        Scope.OWN: own,
        Scope.TEAM: Bilingual("本部门", "the unit's rows"),
        Scope.SUBTREE: Bilingual("本部门及下级", "the unit's and all below"),
        Scope.ALL: Bilingual("全部", "all rows"),
    }
    scope = scopes[grant.scope]
    text = Bilingual(
        f"角色“{role.zh}”含权限“{permission.title.zh}”，数据范围为“{scope.zh}”，"
        f"{'包含' if inside else '不包含'}该记录。",
        f"Role “{role.en}” with “{permission.title.en}” reaches {scope.en}: this row is "
        f"{'inside' if inside else 'outside'}.",
    )
    return Reason(grant, inside, text)


def mask(value: str | None, keep: int) -> str | None:
    """A masked value: only the last `keep` characters stay; a value no longer than that disappears whole."""
    if value is None:
        return None
    if len(value) <= keep:
        return MASK * 4
    return MASK * 4 + (value[-keep:] if keep else "")


def mask_email(value: str | None) -> str | None:
    """A masked e-mail address: only what follows the last @ stays."""
    if value is None:
        return None
    return f"{MASK * 4}@{value.rpartition('@')[2]}" if "@" in value else MASK * 4


def reaches_everything(actor: Actor, permission: Permission) -> bool:
    """Whether some grant carries the permission for all rows of the tenant."""
    return actor.unrestricted or any(
        grant.scope is Scope.ALL and permission.key in grant.permissions for grant in actor.grants
    )


def duty_problems(duty: Duty, permissions: Iterable[str]) -> tuple[str, ...]:
    """The permissions that a role of `duty` may not hold: unknown ones, those of another administrative duty,
    and for an auditor any that changes something."""
    refused = []
    for key in sorted(set(permissions)):
        permission = catalogue.get(key)
        if (
            permission is None
            or permission.duty not in (Duty.BUSINESS, duty)
            or (duty is Duty.AUDITOR and permission.changes)
        ):
            refused.append(key)
    return tuple(refused)


def changes_something(permissions: Iterable[str]) -> bool:
    """Whether a role with these permissions can change anything; one that nobody declares counts as if it did."""
    return any((known := catalogue.get(key)) is None or known.changes for key in permissions)


@dataclass(frozen=True)
class Holding:
    """A role in someone's hands from a day until a day (exclusive; None: for good), as far as duties go."""

    role_key: str
    duty: Duty
    changes: bool
    valid_from: date
    valid_until: date | None

    def meets(self, other: Holding) -> bool:
        """Whether the two are in force on some same day."""
        return (self.valid_until is None or other.valid_from < self.valid_until) and (
            other.valid_until is None or self.valid_from < other.valid_until
        )


def duty_clash(holdings: Iterable[Holding]) -> tuple[Holding, Holding] | None:
    """Two roles that one person may not hold on the same day, or None.

    Those are roles of two administrative duties, and an auditor's with any that can change something.
    """
    for one, other in combinations(holdings, 2):
        auditor = Duty.AUDITOR in (one.duty, other.duty)
        if one.meets(other) and (duties_clash((one.duty, other.duty)) or (auditor and (one.changes or other.changes))):
            return one, other
    return None


def duties_clash(duties: Iterable[Duty]) -> bool:
    """Whether one person would hold two of the three administrative duties."""
    return len(set(duties) - {Duty.BUSINESS}) > 1
