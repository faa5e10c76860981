"""Prepared statements over libpq pipelines, driven from the event loop: present the tenant and run, in one round trip.

A request is RESET ALL, the signed tenant, its prepared statements and Sync: one implicit transaction, read-only unless
it is asked for as a write. Several requests are on their way on each connection; their answers come in order.

Short requests are packed on few connections: a server process that finds the next request already there answers it
without being woken, which takes a third off a small read. Long ones are spread, so that nobody waits behind them.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import ClauseElement, make_url
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from steward_tenants.database.errors import DatabaseUnavailable, Overloaded
from steward_tenants.database.piped import PipedConnection, PipedRequest, Rows, Statement, StatementFailed
from steward_tenants.directory.models import TenantStatus
from steward_tenants.errors import TenantSuspended

if TYPE_CHECKING:
    from steward_tenants.database.database import Database

__all__ = ["Pipelines", "Rows", "Statement", "StatementFailed"]

DEPTH = 4
"""Requests on their way on one connection. More would wait behind a slow one although another connection is free."""
PACKED_SECONDS = 0.003
"""As long as what is on its way on a connection is expected to take no longer, the next goes with it, however many."""
UNKNOWN_SECONDS = 0.001
"""What a statement is expected to take that was not seen yet."""
MOST_EXPECTED = 5_000
_LONGER, _SHORTER = 0.1, 0.3
"""The weight of the newest duration in what is expected of a statement: what was once slow is soon forgiven, since the
first time includes being prepared."""
MOST_WAITING = 1_000
"""Requests that wait for a connection of one lane; beyond it the caller is told to come back."""
WRITERS = 4
"""Connections that write, at least: commits wait for the disk, and those of several connections wait together. Where
the disk is slow, more of them write more (`connections`)."""
LOCK_MILLISECONDS = 250
"""How long a write waits for a row that another holds; those behind it on its connection wait as well."""
CONNECT_SECONDS = 10

_NUMBERED = PGDialect_psycopg(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]
_PRESENT = b"select set_config($1, $2, true)"
_READ_ONLY = b", set_config('transaction_read_only', 'on', true)"
_OPTIONS = (
    b", set_config('TimeZone', 'UTC', true), set_config('DateStyle', 'ISO', true), set_config('jit', 'off', true)"
    b", set_config('statement_timeout', $3, true), set_config('lock_timeout', $4, true)"
)
"""Behind a pooler a connection's own options do not arrive, so each transaction brings them."""


def numbered(statement: ClauseElement) -> tuple[bytes, tuple[str, ...], dict[str, Any]]:
    """A statement as pipelines take it: its text, the names of $1, $2, … in order, and the values that it holds."""
    compiled: Any = statement.compile(dialect=_NUMBERED)
    return compiled.string.encode(), tuple(compiled.positiontup), dict(compiled.params)


class Lane:
    """Connections that share one queue."""

    def __init__(self, owner: Pipelines, connections: int, *, writes: bool = False) -> None:
        self.owner = owner
        self.writes = writes
        self.present = _PRESENT if writes else _PRESENT + _READ_ONLY
        self.options = dict(owner.options)
        self.bounds: tuple[bytes, ...] = ()
        """The values of `_OPTIONS`, where they are brought along."""
        read_only, locks = ("off", LOCK_MILLISECONDS) if writes else ("on", 0)
        if owner.prepared:
            own = f"-c default_transaction_read_only={read_only} -c lock_timeout={locks}"
            self.options["options"] = f"{own} {owner.fixed}"
        else:
            self.present += _OPTIONS
            self.bounds = (owner.timeout, str(locks).encode())
        self.queue: deque[PipedRequest] = deque()
        self.connections = [PipedConnection(self) for _ in range(connections)]

    def pump(self) -> None:
        """Give each waiting request to the first connection that it can be packed on, else to the one that is least
        busy; and have one more opened when all are."""
        queue = self.queue
        while queue:
            best, least, closed = None, DEPTH, None
            room = 0.0 if self.writes else PACKED_SECONDS - queue[0].expected
            for connection in self.connections:
                if connection.ready:
                    if connection.load < room:
                        best, least = connection, 0
                        break
                    if len(connection.sent) < least:
                        best, least = connection, len(connection.sent)
                elif not connection.opening:
                    closed = closed or connection
            if closed is not None and (best is None or least):
                closed.open()
            if best is None:
                return
            request = queue.popleft()
            if not request.future.done():
                best.send(request)

    def failed(self) -> None:
        """A connection could not be opened: without another one there is nothing to wait for."""
        if any(one.ready or one.opening for one in self.connections):
            return
        while self.queue:
            self.queue.popleft().fail(DatabaseUnavailable())


class Pipelines:
    """`connections` pipelined connections of the application's role, opened when they are first needed. A quarter of
    them (when there are several) is kept for expensive statements, so that cheap ones never wait behind these."""

    def __init__(self, database: Database, connections: int = 4) -> None:
        settings = database.settings
        self.database = database
        self.prepared = settings.prepared_statements
        self.timeout = str(settings.statement_timeout_ms).encode()
        self.closed = False
        self.conninfo = (
            make_url(settings.application_url).set(drivername="postgresql").render_as_string(hide_password=False)
        )
        self.options: dict[str, Any] = {
            "application_name": "steward pipeline",
            "connect_timeout": CONNECT_SECONDS,
            # A server that is gone without a word would otherwise keep its callers waiting for hours.
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "tcp_user_timeout": 20_000,
        }
        self.fixed = f"-c statement_timeout={settings.statement_timeout_ms} -c timezone=UTC -c datestyle=ISO -c jit=off"
        kept = 0 if connections < 2 else max(1, connections // 4)
        self._expected: dict[bytes, float] = {}
        """By its first statement what a request is expected to take, in seconds."""
        self._cheap = Lane(self, connections - kept)
        self._expensive = Lane(self, kept) if kept else self._cheap
        self._writers = Lane(self, max(WRITERS, connections), writes=True)
        self._lanes = {self._cheap, self._expensive, self._writers}

    @property
    def waiting(self) -> int:
        """Requests that wait for a connection or for their answer."""
        return sum(len(lane.queue) + sum(len(one.sent) for one in lane.connections) for lane in self._lanes)

    async def fetch(
        self, plan_sql: bytes, parameters: list[bytes | None], tenant_id: UUID, *, expensive: bool = False
    ) -> Rows:
        """The rows of one statement in `tenant_id`, as PostgreSQL's texts.

        Raises Overloaded, QueryTimeout, DatabaseUnavailable, TenantSuspended, InvalidInput (a value out of range), or
        StatementFailed, a defect.
        """
        lane = self._expensive if expensive else self._cheap
        return (await self._send(lane, ((plan_sql, parameters),), tenant_id))[0]

    async def write(self, statements: Sequence[Statement], tenant_id: UUID) -> list[Rows]:
        """The rows of each of some statements that write, in one transaction; it has committed when this returns.

        For a row that another transaction holds it waits `LOCK_MILLISECONDS`, then it is StatementFailed.

        All are on their way before the first is answered. Raises as `fetch` does, and nothing is written then; only
        after DatabaseUnavailable nobody knows.
        """
        return await self._send(self._writers, statements, tenant_id)

    async def _send(self, lane: Lane, statements: Sequence[Statement], tenant_id: UUID) -> list[Rows]:
        if (self.database.known_status(tenant_id) or await self.database.status(tenant_id)) is not TenantStatus.ACTIVE:
            raise TenantSuspended
        if self.closed:
            raise DatabaseUnavailable
        if len(lane.queue) >= MOST_WAITING:
            raise Overloaded
        future: asyncio.Future[list[Rows]] = asyncio.get_running_loop().create_future()
        request = PipedRequest(statements, tenant_id, future)
        request.expected = self._expected.get(statements[0][0], UNKNOWN_SECONDS)
        lane.queue.append(request)
        lane.pump()
        return await future

    def learn(self, request: PipedRequest, seconds: float) -> None:
        """Take note of how long a request kept its connection."""
        sql = request.statements[0][0]
        known = self._expected.get(sql)
        if known is None and len(self._expected) >= MOST_EXPECTED:
            self._expected.clear()
        weight = 1.0 if known is None else _LONGER if seconds > known else _SHORTER
        self._expected[sql] = (known or 0.0) + weight * (seconds - (known or 0.0))

    async def close(self) -> None:
        """Close all connections; whoever still waits gets DatabaseUnavailable."""
        self.closed = True
        for lane in self._lanes:
            for connection in lane.connections:
                await connection.shut()
            while lane.queue:
                lane.queue.popleft().fail(DatabaseUnavailable())
