"""Sessions. They exist only for a tenant and an actor; reading and writing ones are different types.

A service takes a session and never commits: there is no commit to call. The edge (request, job, command line)
opens one through `Database`, and leaving its block commits.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, FromClause, bindparam, select
from sqlalchemy.engine import Result, Row
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession, AsyncSessionTransaction
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql.base import Executable

from steward_tenants.database.actor import Actor
from steward_tenants.database.tables import DirectoryTable, TenantTable
from steward_tenants.database.vault import Vault

log = logging.getLogger(__name__)

T = TypeVar("T", bound=TenantTable)
D = TypeVar("D", bound=DirectoryTable)
DEFAULT_TIME_ZONE = "Asia/Shanghai"
Parameters = Mapping[str, Any] | Sequence[Mapping[str, Any]]


class _Session:
    """What sessions of both schemas share. Holds the ORM session; hands out no commit."""

    def __init__(self, orm: AsyncSession, vault: Vault) -> None:
        self._orm = orm
        self.vault = vault

    async def execute(self, statement: Executable, parameters: Parameters | None = None) -> Result[Any]:
        """Run a statement; values travel as bound parameters only."""
        return await self._orm.execute(statement, parameters)

    async def scalar(self, statement: Executable, parameters: Parameters | None = None) -> Any:
        """The first column of the first row, or None."""
        return (await self._orm.execute(statement, parameters)).scalar()

    async def scalars(self, statement: Executable, parameters: Parameters | None = None) -> Sequence[Any]:
        """The first column of all rows."""
        return (await self._orm.execute(statement, parameters)).scalars().all()

    async def rows(
        self, statement: Executable, parameters: Parameters | None = None
    ) -> Sequence[Row[*tuple[Any, ...]]]:
        """All rows."""
        return (await self._orm.execute(statement, parameters)).all()

    async def connection(self) -> AsyncConnection:
        """The connection of this transaction, for COPY."""
        return await self._orm.connection()


class TenantSession(_Session):
    """A transaction inside one tenant. Queries take this type; commands take `WriteSession`. `time_zone` is the
    tenant's, in which its days are counted."""

    time_zone = DEFAULT_TIME_ZONE

    def __init__(self, orm: AsyncSession, vault: Vault, tenant_id: UUID, actor: Actor, request_id: str) -> None:
        super().__init__(orm, vault)
        self.tenant_id = tenant_id
        self.actor = actor
        self.request_id = request_id

    def within(self, table: type[TenantTable] | FromClause) -> ColumnElement[bool]:
        """Wall 2: `table.tenant_id = <this tenant>`. Every reference to a table in a statement carries it.

        Takes a mapped class, an alias of one, or a Core table.
        """
        column: Any = table.c.tenant_id if isinstance(table, FromClause) else table.tenant_id
        condition: ColumnElement[bool] = column == bindparam("tenant_id", self.tenant_id, unique=True)
        return condition

    async def find(self, table: type[T], *conditions: ColumnElement[bool], lock: bool = False) -> T | None:
        """The one row of this tenant that meets `conditions`, or None; `lock` takes it FOR UPDATE."""
        statement = select(table).where(self.within(table), *conditions)
        if lock:
            statement = statement.with_for_update().execution_options(populate_existing=True)
        row: T | None = (await self._orm.execute(statement)).scalar_one_or_none()
        return row

    async def get(self, table: type[T], row_id: UUID, *, lock: bool = False) -> T | None:
        """The row of this tenant with this `id`, or None."""
        id_column: InstrumentedAttribute[UUID] = table.id  # type: ignore[attr-defined]
        return await self.find(table, id_column == row_id, lock=lock)

    def savepoint(self) -> AbstractAsyncContextManager[AsyncSessionTransaction]:
        """A SAVEPOINT: leaving the block with an error undoes what was done inside it."""
        return self._orm.begin_nested()


class ReadSession(TenantSession):
    """A read-only transaction: the database refuses every write."""


class WriteSession(TenantSession):
    """A transaction that may write. Its effects are seen when the edge commits."""

    def __init__(self, orm: AsyncSession, vault: Vault, tenant_id: UUID, actor: Actor, request_id: str) -> None:
        super().__init__(orm, vault, tenant_id, actor, request_id)
        self.audited: list[str] = []
        self._after_commit: list[Callable[[], Awaitable[None]]] = []

    def add(self, *rows: TenantTable) -> None:
        """Stage new rows; each gets this session's tenant. A row made for another tenant is a programming error."""
        for row in rows:
            given: UUID | None = row.tenant_id
            if given is None:
                row.tenant_id = self.tenant_id
            elif given != self.tenant_id:
                raise ValueError("a row of another tenant cannot be added to this session")
            self._orm.add(row)

    async def flush(self) -> None:
        """Send staged rows and changes now, so that constraints speak up."""
        await self._orm.flush()

    async def delete(self, row: TenantTable) -> None:
        """Stage the deletion of a row that was read in this session."""
        await self._orm.delete(row)

    async def refresh(self, row: TenantTable, names: Iterable[str] | None = None) -> None:
        """Read a row's columns again."""
        await self._orm.refresh(row, names)

    def after_commit(self, call: Callable[[], Awaitable[None]]) -> None:
        """Have the edge await `call` when the commit is durable (ring a bell, tell a cache); the same call once."""
        if call not in self._after_commit:
            self._after_commit.append(call)

    async def run_after_commit(self) -> None:
        """For the edge: run what `after_commit` collected. A call that fails is logged and keeps neither the others
        from running nor the caller from hearing that its work is done: it is committed."""
        for call in self._after_commit:
            try:
                await call()
            except Exception as error:
                log.error("a call after the commit failed: %s", type(error).__name__)  # noqa: TRY400 - no texts


class DirectorySession(_Session):
    """A transaction over directory tables, under a role that has no right on tenants' tables."""

    def add(self, *rows: DirectoryTable) -> None:
        """Stage new rows."""
        self._orm.add_all(rows)

    async def flush(self) -> None:
        """Send staged rows and changes now."""
        await self._orm.flush()

    async def delete(self, row: DirectoryTable) -> None:
        """Stage the deletion of a row that was read in this session."""
        await self._orm.delete(row)

    def savepoint(self) -> AbstractAsyncContextManager[AsyncSessionTransaction]:
        """A SAVEPOINT."""
        return self._orm.begin_nested()

    async def find(self, table: type[D], *conditions: ColumnElement[bool], lock: bool = False) -> D | None:
        """The one row that meets `conditions`, or None; `lock` takes it FOR UPDATE."""
        statement = select(table).where(*conditions)
        if lock:
            statement = statement.with_for_update().execution_options(populate_existing=True)
        row: D | None = (await self._orm.execute(statement)).scalar_one_or_none()
        return row
