"""Kinds of rows: which column names a row's owner, which its unit, who may see it, which fields are masked.

Declared once here (and by floors above), so that lists, commands, exports and explanations agree.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement

from steward_tenants.access.fields import EMAIL, IDENTITY, PHONE, FieldClass
from steward_tenants.access.permissions import PEOPLE_VIEW, UNITS_VIEW, Permission
from steward_tenants.access.queries import in_scope, masked
from steward_tenants.database.session import TenantSession
from steward_tenants.database.tables import TenantTable
from steward_tenants.organisation.models import OrgUnit
from steward_tenants.people.models import User
from steward_tenants.texts import Bilingual


@dataclass(frozen=True)
class RowKind:
    """`owner` and `unit` are columns of `table`, which has an `id`; None where the kind has no such column."""

    key: str
    title: Bilingual
    table: type[TenantTable]
    view: Permission
    owner: Any = None
    unit: Any = None
    fields: Mapping[str, FieldClass] = field(default_factory=dict)

    def within_reach(self, session: TenantSession, permission: Permission, on: date) -> ColumnElement[bool]:
        """The condition that a row of this kind is in the actor's scope for `permission` on a day."""
        return in_scope(session, permission, owner=self.owner, unit=self.unit, on=on)

    def masked_field(self, session: TenantSession, name: str, on: date) -> ColumnElement[Any]:
        """The field's column, masked on the rows for which the actor's scope does not reveal it.

        Only for columns that hold the plain value; encrypted ones are masked after they are opened.
        """
        sort = self.fields[name]
        return masked(
            session,
            sort.reveal,
            getattr(self.table, name),
            keep=sort.keep,
            domain=sort.domain,
            owner=self.owner,
            unit=self.unit,
            on=on,
        )


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
