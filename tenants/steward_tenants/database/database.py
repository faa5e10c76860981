"""`Database`: the only place that opens transactions, presents the signed tenant and commits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import psycopg
from psycopg import generators
from psycopg.abc import PQGen
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGconn
from sqlalchemy import URL, Engine, Uuid, any_, create_engine, literal, make_url, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.exc import DataError, DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.orm import Session

from steward_tenants.database.actor import Actor
from steward_tenants.database.blocking import BlockingSession
from steward_tenants.database.session import DirectorySession, ReadSession, WriteSession
from steward_tenants.database.signing import TENANT_SETTING, NamedKey, TenantSigner
from steward_tenants.database.standings import TenantStandings
from steward_tenants.database.vault import Vault
from steward_tenants.directory.models import Tenant, TenantStatus
from steward_tenants.errors import InvalidInput, TenantSuspended, invalid

PRESENT_TENANT = f"select set_config('{TENANT_SETTING}', %s, true), set_config('statement_timeout', %s, true)"
_PRESENT_POSITIONAL = PRESENT_TENANT.replace("%s", "$1", 1).replace("%s", "$2").encode()
BEGIN_READ = b"begin isolation level read committed read only"
BEGIN_SNAPSHOT = b"begin isolation level repeatable read read only"
BEGIN_WRITE = b"begin isolation level read committed read write"
FORGET_SETTINGS = "reset all"
"""Before a tenant is presented: an injected `set_config(…, false)` of an earlier transaction must not last."""
_UNSTORABLE = frozenset({None, "22003", "22008", "22021", "22P05"})
"""SQL states of values that no column can hold; None: the driver saw it already."""


@dataclass(frozen=True)
class DatabaseSettings:
    """Where the database is, and with what the application signs tenants."""

    application_url: str
    directory_url: str
    tenant_keys: tuple[NamedKey, ...]
    secret_keys: tuple[NamedKey, ...]
    pool_size: int = 10
    statement_timeout_ms: int = 15_000
    prepared_statements: bool = True


class _OrmSession(AsyncSession):
    """Throws its connection away when it was interrupted: the driver may have left answers unread on it, which the
    next transaction, of another tenant, would take for its own. Raises InvalidInput for what cannot be stored."""

    async def __aexit__(self, kind: Any, error: Any, traceback: Any) -> None:
        if error is not None and _interrupted(error):
            await self.invalidate()
        await super().__aexit__(kind, error, traceback)
        if _unstorable(error):
            raise _not_storable() from error


def _interrupted(error: BaseException) -> bool:
    """Whether a cancel lies behind an error. Inside a pipeline psycopg turns it into an AssertionError."""
    task = asyncio.current_task()
    return not isinstance(error, Exception) or isinstance(error, AssertionError) or bool(task and task.cancelling())


def _unstorable(error: BaseException | None) -> bool:
    """Whether a value that PostgreSQL cannot hold lies behind an error: NUL, half of a surrogate pair, a number or a
    day out of range."""
    if isinstance(error, DataError):
        return getattr(error.orig, "sqlstate", None) in _UNSTORABLE
    return isinstance(error, UnicodeEncodeError)


def _not_storable() -> InvalidInput:
    """Whoever sent such a value is told so, where a service let it through, rather than that something failed."""
    return invalid(
        "input",
        "not_storable",
        "含有无法保存的字符（空字符、残缺字符）或超出范围的数值。",
        "It has characters that cannot be stored (NUL, half of a pair), or a number out of range.",
    )


class Database:
    """Two pools (application role, directory role) and the sessions over them."""

    def __init__(self, settings: DatabaseSettings) -> None:
        self.settings = settings
        self.signer = TenantSigner(settings.tenant_keys)
        self.vault = Vault(settings.secret_keys)
        self.application: AsyncEngine = self._engine(settings.application_url, settings.pool_size)
        self.directory_engine: AsyncEngine = self._engine(settings.directory_url, max(2, settings.pool_size // 2))
        # Seldom used, so a connection of its pool may be long dead; others learn that when they present a tenant.
        self._blocking: Engine = create_engine(
            driver_url(settings.application_url), pool_pre_ping=True, **self._engine_options(settings.pool_size)
        )
        self._standings = TenantStandings(self._ask_standings)

    def _engine(self, url: str, size: int) -> AsyncEngine:
        return create_async_engine(driver_url(url), **self._engine_options(size))

    def _engine_options(self, size: int) -> dict[str, Any]:
        arguments: dict[str, Any] = {"application_name": "steward"}
        if not self.settings.prepared_statements:
            arguments["prepare_threshold"] = None
        return {
            "pool_size": size,
            "max_overflow": 0,
            "pool_timeout": 10,
            "pool_recycle": 1800,
            "isolation_level": "READ COMMITTED",
            "connect_args": arguments,
            "insertmanyvalues_page_size": 1000,
        }

    async def dispose(self) -> None:
        """Close all connections."""
        await self.application.dispose()
        await self.directory_engine.dispose()
        self._blocking.dispose()

    @asynccontextmanager
    async def read(
        self,
        tenant_id: UUID,
        actor: Actor,
        *,
        request_id: str = "",
        even_suspended: bool = False,
        snapshot: bool = False,
    ) -> AsyncIterator[ReadSession]:
        """A read-only transaction in `tenant_id`; `snapshot` gives all its statements one view of the data.

        Raises TenantNotFound, TenantSuspended (unless `even_suspended`).
        """
        zone = await self._let_in(tenant_id, even_suspended)
        async with _OrmSession(self.application, expire_on_commit=False, autoflush=False) as orm:
            await self._present(orm, tenant_id, BEGIN_SNAPSHOT if snapshot else BEGIN_READ)
            session = ReadSession(orm, self.vault, tenant_id, actor, request_id or str(uuid4()))
            session.time_zone = zone
            yield session

    @asynccontextmanager
    async def write(
        self,
        tenant_id: UUID,
        actor: Actor,
        *,
        request_id: str = "",
        even_suspended: bool = False,
        timeout_ms: int | None = None,
    ) -> AsyncIterator[WriteSession]:
        """A transaction in `tenant_id` that commits when the block ends well, and is undone when it raises.

        `timeout_ms` bounds each statement (default: the settings'). Raises TenantNotFound, TenantSuspended.
        """
        zone = await self._let_in(tenant_id, even_suspended)
        async with _OrmSession(self.application, expire_on_commit=False) as orm:
            await self._present(orm, tenant_id, BEGIN_WRITE, timeout_ms)
            session = WriteSession(orm, self.vault, tenant_id, actor, request_id or str(uuid4()))
            session.time_zone = zone
            yield session
            await orm.commit()
        await session.run_after_commit()

    @asynccontextmanager
    async def directory(self) -> AsyncIterator[DirectorySession]:
        """A transaction over the directory tables that commits when the block ends well."""
        async with _OrmSession(self.directory_engine, expire_on_commit=False) as orm:
            yield DirectorySession(orm, self.vault)
            await orm.commit()

    @contextmanager
    def blocking(self, tenant_id: UUID, actor: Actor, *, request_id: str = "") -> Iterator[BlockingSession]:
        """A writing transaction for code that cannot await (OAuth grants, in a thread); commits like `write`."""
        with Session(self._blocking, expire_on_commit=False) as orm:
            connection = orm.connection(execution_options={"postgresql_readonly": False})
            connection.exec_driver_sql(FORGET_SETTINGS)
            connection.exec_driver_sql(PRESENT_TENANT, self._presented(tenant_id, None))
            try:
                yield BlockingSession(orm, self.vault, tenant_id, actor, request_id or str(uuid4()))
                orm.commit()
            except (DataError, UnicodeEncodeError) as error:
                if _unstorable(error):
                    raise _not_storable() from error
                raise

    def known_status(self, tenant_id: UUID) -> TenantStatus | None:
        """The tenant's status when it is known and at most `STATUS_SECONDS` old."""
        found = self._standings.known(tenant_id)
        return None if found is None else found.status

    async def status(self, tenant_id: UUID) -> TenantStatus:
        """The tenant's status, at most `STATUS_SECONDS` old. Raises TenantNotFound."""
        return (await self._standings.of(tenant_id)).status

    def forget_status(self, tenant_id: UUID) -> None:
        """Have the next session look the tenant's status up again."""
        self._standings.forget(tenant_id)

    async def _ask_standings(self, asked: Collection[UUID]) -> dict[UUID, tuple[TenantStatus, str]]:
        wanted = Tenant.id == any_(literal(list(asked), ARRAY(Uuid)))
        async with self.directory() as directory:
            rows = await directory.rows(select(Tenant.id, Tenant.status, Tenant.time_zone).where(wanted))
        return {row.id: (TenantStatus(row.status), row.time_zone) for row in rows}

    async def _let_in(self, tenant_id: UUID, even_suspended: bool) -> str:
        standing = await self._standings.of(tenant_id)
        if standing.status is not TenantStatus.ACTIVE and not even_suspended:
            raise TenantSuspended
        return standing.time_zone

    def _presented(self, tenant_id: UUID, timeout_ms: int | None) -> tuple[str, str]:
        timeout = self.settings.statement_timeout_ms if timeout_ms is None else timeout_ms
        return self.signer.token(tenant_id), str(timeout)

    async def _present(self, orm: AsyncSession, tenant_id: UUID, begin: bytes, timeout_ms: int | None = None) -> None:
        """Begin and show the signed tenant, in one round trip; once more on a connection that turns out dead."""
        for last in (False, True):
            connection = await orm.connection()
            raw = await connection.get_raw_connection()
            driver: psycopg.AsyncConnection[Any] = raw.driver_connection  # type: ignore[assignment]
            try:
                await driver.wait(_opening(driver.pgconn, begin, self._presented(tenant_id, timeout_ms)))
            except psycopg.Error as error:
                lost = driver.broken or isinstance(error, psycopg.errors.AdminShutdown)
                await connection.invalidate(error)
                if last or not lost:
                    raise DBAPIError.instance(
                        PRESENT_TENANT, None, error, psycopg.Error, connection_invalidated=True
                    ) from error
                await orm.rollback()
                await self.application.dispose()
            else:
                return


def _opening(pgconn: PGconn, begin: bytes, presented: tuple[str, str]) -> PQGen[None]:
    """BEGIN, forget, present: one pipeline, a third cheaper than the driver's own. Raises psycopg.Error, and leaves
    the connection unusable then."""
    pgconn.enter_pipeline_mode()
    pgconn.send_query_params(begin, None)
    pgconn.send_query_params(FORGET_SETTINGS.encode(), None)
    pgconn.send_query_params(_PRESENT_POSITIONAL, [value.encode() for value in presented])
    pgconn.pipeline_sync()
    yield from generators.send(pgconn)
    for _ in range(3):
        (result,) = yield from generators.fetch_many(pgconn)
        if result.status not in (ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK):
            raise error_from_result(result)
    yield from generators.fetch(pgconn)
    pgconn.exit_pipeline_mode()


def driver_url(url: str) -> URL:
    """`postgresql://…` for the one driver that is used, psycopg 3."""
    return make_url(url).set(drivername="postgresql+psycopg")
