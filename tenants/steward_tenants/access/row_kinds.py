"""Kinds of rows: which column names a row's owner, which its unit, who may see it, which fields are masked.

Declared once here (and by floors above), so that lists, commands, exports and explanations agree.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, and_, case, or_, select

from steward_tenants.access.fields import EMAIL, IDENTITY, PHONE, FieldClass
from steward_tenants.access.permissions import PEOPLE_VIEW, UNITS_VIEW, Permission
from steward_tenants.access.queries import hidden, in_scope
from steward_tenants.access.rules import reaches_everything
from steward_tenants.database.references import Reference
from steward_tenants.database.session import TenantSession
from steward_tenants.database.tables import TenantTable
from steward_tenants.organisation.models import OrgUnit
from steward_tenants.people.models import User
from steward_tenants.texts import Bilingual


@dataclass(frozen=True)
class RowKind:
    """`owner`, `unit` and `stand_in` are columns of `table`, which has an `id`; None where there is no such column.

    The stand-in is a second person who counts like the owner. A row below a `parent` has none of the three: its
    parent's count, found by the column `parent_id`; a row without a parent is reached by those who reach everything,
    or as `without_parent` says, which is a kind of the same table.
    """

    key: str
    title: Bilingual
    table: type[TenantTable]
    view: Permission
    owner: Any = None
    unit: Any = None
    fields: Mapping[str, FieldClass] = field(default_factory=dict)
    stand_in: Any = None
    parent: RowKind | None = None
    parent_id: Any = None
    without_parent: RowKind | None = None

    def __post_init__(self) -> None:
        own = any(column is not None for column in (self.owner, self.unit, self.stand_in))
        if (self.parent is None) is not (self.parent_id is None) or (self.parent is not None and own):
            raise ValueError(f"row kind {self.key}: a parent comes with parent_id, and without owner, unit or stand-in")

    def within_reach(self, session: TenantSession, permission: Permission, on: date) -> ColumnElement[bool]:
        """The condition that a row of this kind is in the actor's scope for `permission` on a day."""
        return self.reached(session, permission, on, self.table)

    def reached(self, session: TenantSession, permission: Permission, on: date, row: Any) -> ColumnElement[bool]:
        """The condition on `row`: the table itself or an alias of it."""
        owner, unit, stand_in, parent_id = (
            None if column is None else getattr(row, column.key)
            for column in (self.owner, self.unit, self.stand_in, self.parent_id)
        )
        actor = session.actor
        if self.parent is None or reaches_everything(actor, permission) or permission.key not in actor.permissions:
            return in_scope(session, permission, owner=owner, unit=unit, stand_in=stand_in, on=on)
        above: Any = Reference(self.parent.table)
        reached = self.parent.reached(session, permission, on, above)
        through = select(above.id).where(session.within(above), above.id == parent_id, reached).correlate(row).exists()
        if self.without_parent is None or parent_id is None:
            return through
        return or_(through, and_(parent_id.is_(None), self.without_parent.reached(session, permission, on, row)))

    def masked_field(self, session: TenantSession, name: str, on: date) -> ColumnElement[Any]:
        """The field's column, masked on the rows for which the actor's scope does not reveal it.

        Only for columns that hold the plain value; encrypted ones are masked after they are opened.
        """
        sort = self.fields[name]
        column = getattr(self.table, name)
        revealed = self.within_reach(session, sort.reveal, on)
        return case((revealed, column), else_=hidden(column, keep=sort.keep, domain=sort.domain))


class RowKinds:
    """All declared kinds by key."""

    def __init__(self) -> None:
        self._known: dict[str, RowKind] = {}

    def declare(self, kind: RowKind) -> RowKind:
        """Declare one; a key stands once."""
        if kind.key in self._known:
            raise ValueError(f"row kind {kind.key} is declared twice")
        self._known[kind.key] = kind
        return kind

    def get(self, key: str) -> RowKind | None:
        """The kind of this key, if declared."""
        return self._known.get(key)

    def all(self) -> tuple[RowKind, ...]:
        """All, in order of key."""
        return tuple(self._known[key] for key in sorted(self._known))


row_kinds = RowKinds()
PERSON = row_kinds.declare(
    RowKind(
        "user",
        Bilingual("人员", "person"),
        User,
        PEOPLE_VIEW,
        owner=User.id,
        unit=User.unit_id,
        fields={"phone": PHONE, "email": EMAIL, "identity_number": IDENTITY},
    )
)
UNIT = row_kinds.declare(RowKind("unit", Bilingual("组织机构", "org unit"), OrgUnit, UNITS_VIEW, unit=OrgUnit.id))
