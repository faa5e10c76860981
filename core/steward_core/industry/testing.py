"""For the tests of whoever writes a plugin: looking at what it declares without a database.

with registered(plugin):
    sql = checked_sql(low_stock(context_without_database(BeverageSettings())))
"""

from __future__ import annotations

from datetime import date
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Select
from sqlalchemy.dialects import postgresql

from steward_core.database.context import QueryContext
from steward_core.industry.registry import Loaded, industries
from steward_core.industry.statements import kept_to_the_tenant
from steward_tenants.database.actor import system
from steward_tenants.database.session import TenantSession

__all__ = ["checked_sql", "context_without_database", "loaded_plugin"]

SAMPLE_TENANT = UUID(int=1)
SAMPLE_DAY = date(2026, 3, 2)


def context_without_database(settings: Any = None, *, today: date = SAMPLE_DAY) -> QueryContext:
    """What a declared query gets, for building its select; nothing can be sent with it."""
    nothing: Any = None
    session = TenantSession(nothing, nothing, SAMPLE_TENANT, system("plugin test"), "")
    return QueryContext(session, today, settings)


def checked_sql(statement: Select[Any]) -> str:
    """The statement as PostgreSQL gets it. Raises OutsideTheTenant when a table lacks `context.within(table)`."""
    kept_to_the_tenant(statement)
    dialect = cast(Any, postgresql).dialect(paramstyle="named")
    return str(statement.compile(dialect=dialect))


def loaded_plugin(key: str) -> Loaded:
    """The installed or registered plugin of this key. Raises KeyError."""
    return industries()[key]
