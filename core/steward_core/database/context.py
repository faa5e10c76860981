"""What a declared query gets to know: the tenant's predicate, the day, the plugin's settings. No connection."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, FromClause, Select, true

from steward_tenants.database.session import TenantSession
from steward_tenants.database.tables import TenantTable


@dataclass(frozen=True)
class QueryContext:
    """Given to whoever builds a selectable. `today` is the tenant's day; `settings` the plugin's validated model.

    `clients` selects the ids of those that are asked about (None: all), so that a declared query need not read others.
    """

    session: TenantSession = field(repr=False)
    today: date
    settings: Any = None
    clients: Select[Any] | None = field(default=None, repr=False)

    @property
    def tenant_id(self) -> UUID:
        """The tenant that is asked about."""
        return self.session.tenant_id

    def within(self, table: type[TenantTable] | FromClause | Any) -> ColumnElement[bool]:
        """Wall 2's predicate; every reference to a table carries it."""
        return self.session.within(table)

    def about(self, client_id: ColumnElement[UUID] | Any) -> ColumnElement[bool]:
        """The condition that a column names one of the clients asked about."""
        return true() if self.clients is None else client_id.in_(self.clients)
