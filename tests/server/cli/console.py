"""The real command line, run in a thread of its own over a database with the demo companies."""

from __future__ import annotations

import asyncio
import io
import json
import sys
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from typing import Any, TypeVar
from unittest.mock import patch
from uuid import UUID

from sqlalchemy import select

from steward_server.cli import build
from steward_server.cli.output import catching_errors
from steward_tenants.audit.models import AuditEvent
from steward_tenants.database.database import Database, DatabaseSettings
from steward_tenants.database.session import TenantSession
from steward_tenants.directory.models import Tenant
from steward_tenants.people.models import User
from tests.factories import TESTS

T = TypeVar("T")
TENANT = "huaxin"


def at(name: str) -> str:
    """The login of a person of the demo telecom company."""
    return f"{name}@huaxin.example"


ADMIN, SECURITY, AUDITOR, BOSS, MANAGER = map(at, ("admin", "security", "audit", "chen.li", "zhao.ning"))


def in_thread(call: Callable[[], T]) -> T:
    """Run it where no event loop runs."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(call).result(120)


@dataclass(frozen=True)
class Printed:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The objects of `--json`."""
        assert self.code == 0, self.err
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def row(self) -> dict[str, Any]:
        """The only object of `--json`."""
        (only,) = self.rows
        return only

    @property
    def error(self) -> dict[str, Any]:
        """The error of `--json`, in English; its Chinese text has been seen to be there."""
        assert self.code == 1, self.out
        told: dict[str, Any] = json.loads(self.err.splitlines()[-1])["error"]
        assert told["zh-CN"]["code"] == told["en"]["code"]
        assert told["zh-CN"]["message"] != told["en"]["message"]
        found: dict[str, Any] = told["en"]
        return found


class Console:
    """Runs commands, and looks into the database behind them."""

    def __init__(self, settings: DatabaseSettings) -> None:
        self.settings = settings

    def __call__(self, *words: str) -> Printed:
        return in_thread(lambda: self._run(list(words)))

    def _run(self, words: list[str]) -> Printed:
        out, err = io.StringIO(), io.StringIO()
        code: Any = 0
        with patch.object(sys, "argv", ["steward", *words]), redirect_stdout(out), redirect_stderr(err):
            try:
                with catching_errors():
                    build(words[0] if words else None)(words, prog_name="steward")
            except SystemExit as ended:
                code = ended.code or 0
        return Printed(int(code), out.getvalue(), err.getvalue())

    def command(self, key: str, login: str, /, **values: str) -> Printed:
        """`steward command run`, with `--json`."""
        given = [f"{name}={value}" for name, value in values.items()]
        return self("command", "run", TENANT, key, *given, "--login", login, "--json")

    def look(self, query: Callable[[TenantSession], Awaitable[T]], tenant: str = TENANT) -> T:
        """Ask the tenant's database something."""

        async def run() -> T:
            database = Database(self.settings)
            try:
                async with database.directory() as directory:
                    tenant_id: UUID = await directory.scalar(select(Tenant.id).where(Tenant.key == tenant))
                async with database.read(tenant_id, TESTS, even_suspended=True) as session:
                    return await query(session)
            finally:
                await database.dispose()

        return in_thread(lambda: asyncio.run(run()))

    def events(self, action: str) -> list[AuditEvent]:
        """The audit events of an action, the oldest first."""

        async def query(session: TenantSession) -> list[AuditEvent]:
            found = select(AuditEvent).where(session.within(AuditEvent), AuditEvent.action == action)
            return list(await session.scalars(found.order_by(AuditEvent.at)))

        return self.look(query)


def id_of(console: Console, login: str) -> Any:
    """The id of a person of the demo telecom company."""

    async def query(session: TenantSession) -> Any:
        return await session.scalar(select(User.id).where(session.within(User), User.login == login))

    return console.look(query)
