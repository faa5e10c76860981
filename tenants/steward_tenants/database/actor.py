"""Who acts: a user, an API client, an operator under support access, or the platform itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

NOBODY = UUID(int=0)


class ActorKind(StrEnum):
    """What sort of actor it is; stands in every audit row."""

    USER = "user"
    CLIENT = "client"
    SUPPORT = "support"
    OPERATOR = "operator"
    SYSTEM = "system"


class Scope(StrEnum):
    """Which rows a grant reaches: own, those of one's unit, of a unit and all below it, or all of the tenant."""

    OWN = "own"
    TEAM = "team"
    SUBTREE = "subtree"
    ALL = "all"


@dataclass(frozen=True)
class Grant:
    """One role held: its permissions, and the rows they reach.

    `unit_id` is the unit whose rows `team` and `subtree` mean; None means the actor's own unit.
    """

    role_id: UUID
    role_key: str
    permissions: frozenset[str]
    scope: Scope
    unit_id: UUID | None = None


@dataclass(frozen=True)
class Actor:
    """Who a session acts for. `id` is the user's, the API client's or the operator's account id."""

    kind: ActorKind
    id: UUID
    label: str
    unit_id: UUID | None = None
    grants: tuple[Grant, ...] = ()
    sign_in_session_id: UUID | None = None
    permissions: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "permissions", frozenset().union(*(grant.permissions for grant in self.grants)))

    @property
    def unrestricted(self) -> bool:
        """The platform's own work (sealer, migration of records, operator commands) is not limited by grants."""
        return self.kind in (ActorKind.SYSTEM, ActorKind.OPERATOR)


def system(label: str) -> Actor:
    """The platform itself, doing `label` (`sealer`, `demo`, …)."""
    return Actor(ActorKind.SYSTEM, NOBODY, label)


def operator(label: str, account_id: UUID = NOBODY) -> Actor:
    """A platform operator at the command line. Commands for operators touch no business data."""
    return Actor(ActorKind.OPERATOR, account_id, label)
