"""A session for code that cannot await. Only the OAuth grants need one."""

from __future__ import annotations

from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, bindparam, select
from sqlalchemy.engine import Result
from sqlalchemy.orm import Session
from sqlalchemy.sql.base import Executable

from steward_tenants.database.actor import Actor
from steward_tenants.database.tables import TenantTable
from steward_tenants.database.vault import Vault

T = TypeVar("T", bound=TenantTable)


class BlockingSession:
    """A writing transaction inside one tenant, with the narrow part of `WriteSession` that grants use."""

    def __init__(self, orm: Session, vault: Vault, tenant_id: UUID, actor: Actor, request_id: str) -> None:
        self._orm = orm
        self.vault = vault
        self.tenant_id = tenant_id
        self.actor = actor
        self.request_id = request_id
        self.audited: list[str] = []

    def within(self, table: type[TenantTable]) -> ColumnElement[bool]:
        """Wall 2: `table.tenant_id = <this tenant>`."""
        return table.tenant_id == bindparam("tenant_id", self.tenant_id, unique=True)

    def execute(self, statement: Executable, parameters: Any = None) -> Result[Any]:
        """Run a statement; values travel as bound parameters only."""
        return self._orm.execute(statement, parameters)

    def find(self, table: type[T], *conditions: ColumnElement[bool], lock: bool = False) -> T | None:
        """The one row of this tenant that meets `conditions`, or None."""
        statement = select(table).where(self.within(table), *conditions)
        if lock:
            statement = statement.with_for_update().execution_options(populate_existing=True)
        row: T | None = self._orm.execute(statement).scalar_one_or_none()
        return row

    def add(self, *rows: TenantTable) -> None:
        """Stage new rows for this session's tenant."""
        for row in rows:
            row.tenant_id = self.tenant_id
            self._orm.add(row)

    def flush(self) -> None:
        """Send staged rows and changes now."""
        self._orm.flush()
