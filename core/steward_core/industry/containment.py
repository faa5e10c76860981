"""A plugin that fails is contained: what it did is undone, the fault is kept, the others go on."""

from __future__ import annotations

import hashlib
import inspect
import logging
import traceback
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, overload
from uuid import UUID

import psycopg
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError

from steward_core.industry.models import PluginFault
from steward_core.industry.registry import industries
from steward_tenants.access.permissions import PLUGINS_MANAGE
from steward_tenants.access.rules import require
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import TenantSession, WriteSession

log = logging.getLogger(__name__)

T = TypeVar("T")
UNKNOWN_VERSION = "?"
WRONG_SQL = "42"
"""The class of SQL states for statements that are wrong by themselves, whatever the data."""


@dataclass(frozen=True)
class Fault:
    """What failed: the plugin, its hook or declared query, the kind of error, and where. Never the error's text, which
    may hold data."""

    plugin: str
    hook: str
    error: str
    place: str


@dataclass(frozen=True)
class Outcome(Generic[T]):
    """What a plugin answered, or its fault."""

    value: T | None = None
    fault: Fault | None = None


@overload
async def contained(
    session: TenantSession, plugin: str, hook: str, call: Callable[[], Coroutine[Any, Any, T]]
) -> Outcome[T]:
    """A declared query: what it is awaited for."""


@overload
async def contained(session: TenantSession, plugin: str, hook: str, call: Callable[[], T]) -> Outcome[T]:
    """A hook: what it answers."""


async def contained(session: TenantSession, plugin: str, hook: str, call: Callable[[], Any]) -> Outcome[Any]:
    """Run a hook or a declared query of a plugin in a savepoint.

    An error is undone and kept as a fault, and so is a plugin that would end the process; a lost connection is
    nobody's fault and goes through. What the caller staged before is sent first, so that its own mistakes stay its own.
    """
    if isinstance(session, WriteSession):
        await session.flush()
    try:
        async with session.savepoint():
            value = call()
            if inspect.isawaitable(value):
                value = await value
    except (Exception, SystemExit) as error:
        if isinstance(error, DBAPIError) and error.connection_invalidated:
            raise
        return Outcome(fault=await note(session, fault_of(plugin, hook, error)))
    return Outcome(value)


def fault_of(plugin: str, hook: str, error: BaseException) -> Fault:
    """What is kept of an error: its kind, and where it came from: the line of the plugin's own code, or for wrong SQL
    what the database says of it (names only)."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    return Fault(plugin, hook, type(cause).__name__, _wrong_sql(cause) or _place(plugin, error))


def _wrong_sql(cause: BaseException) -> str:
    if not isinstance(cause, psycopg.Error) or not (cause.sqlstate or "").startswith(WRONG_SQL):
        return ""
    return (cause.diag.message_primary or "")[:200]


async def note(session: TenantSession, fault: Fault) -> Fault:
    """Log a fault and keep it with the tenant, where the transaction may write; answers it."""
    log.warning("plugin %s failed in %s: %s at %s", fault.plugin, fault.hook, fault.error, fault.place)
    if isinstance(session, WriteSession):
        try:
            async with session.savepoint():
                await _keep(session, fault)
        except DBAPIError as error:
            if error.connection_invalidated:
                raise
            log.error("a fault of plugin %s could not be kept: %s", fault.plugin, type(error.orig).__name__)  # noqa: TRY400 - no texts
    return fault


async def _keep(session: WriteSession, fault: Fault) -> None:
    """Write a fault down, or count it up. While another transaction is at it, it is left to that one: work that goes
    on at the same time must not wait because a plugin fails in all of it."""
    name = f"{session.tenant_id}/plugin_fault/{fault.plugin}/{fault.hook}/{fault.error}/{fault.place}"
    digest = hashlib.sha256(name.encode()).digest()
    if not await session.scalar(select(func.pg_try_advisory_xact_lock(int.from_bytes(digest[:8], signed=True)))):
        return
    version = _version(fault.plugin)
    await session.execute(
        insert(PluginFault)
        .values(
            tenant_id=session.tenant_id,
            id=new_id(),
            plugin=fault.plugin,
            plugin_version=version,
            hook=fault.hook,
            error=fault.error,
            place=fault.place,
        )
        .on_conflict_do_update(
            index_elements=["tenant_id", "plugin", "hook", "error", "place"],
            set_={
                "times": PluginFault.times + 1,
                "last_at": func.clock_timestamp(),
                "settled_at": None,
                "plugin_version": version,
            },
        )
    )


def _version(plugin: str) -> str:
    loaded = industries().get(plugin)
    return loaded.industry.version if loaded else UNKNOWN_VERSION


def _place(plugin: str, error: BaseException) -> str:
    loaded = industries().get(plugin)
    if loaded is None:
        return ""
    own = [
        f"{name}:{frame.f_code.co_name}:{line}"
        for frame, line in traceback.walk_tb(error.__traceback__)
        if (name := str(frame.f_globals.get("__name__", ""))).partition(".")[0] == loaded.package
    ]
    return own[-1] if own else ""


async def faults(session: TenantSession, plugin: str | None = None, *, settled: bool = False) -> list[PluginFault]:
    """The faults of a plugin (None: of all), the latest first; those that were settled too where asked for. Raises
    Forbidden."""
    require(session.actor, PLUGINS_MANAGE)
    statement = select(PluginFault).where(session.within(PluginFault))
    if plugin is not None:
        statement = statement.where(PluginFault.plugin == plugin)
    if not settled:
        statement = statement.where(PluginFault.settled_at.is_(None))
    statement = statement.order_by(PluginFault.last_at.desc(), PluginFault.id)
    return list(await session.scalars(statement))


async def fault_counts(session: TenantSession) -> dict[str, int]:
    """How many faults of each plugin are not settled."""
    rows = await session.rows(
        select(PluginFault.plugin, func.count())
        .where(session.within(PluginFault), PluginFault.settled_at.is_(None))
        .group_by(PluginFault.plugin)
    )
    return {row[0]: row[1] for row in rows}


async def fault_of_id(session: WriteSession, fault_id: UUID) -> PluginFault | None:
    """One fault, locked."""
    return await session.get(PluginFault, fault_id, lock=True)
