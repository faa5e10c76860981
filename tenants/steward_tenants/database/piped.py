"""One connection in libpq's pipeline mode, driven from the event loop, and the requests that are on their way on it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict, deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

import psycopg
from psycopg.pq import ConnStatus, DiagnosticField, ExecStatus
from psycopg.pq.abc import PGresult

from steward_tenants.database.database import FORGET_SETTINGS
from steward_tenants.database.errors import DatabaseUnavailable, QueryTimeout
from steward_tenants.database.signing import TENANT_SETTING
from steward_tenants.errors import invalid

if TYPE_CHECKING:
    from steward_tenants.database.pipeline import Lane

log = logging.getLogger(__name__)

Rows = list[list[bytes | None]]
Statement = tuple[bytes, Sequence[bytes | None]]
"""SQL with `$1`, and its parameters as PostgreSQL's texts. It must give rows, if only none."""

MOST_PREPARED = 300
"""Statements that one connection keeps prepared."""

_FORGET = FORGET_SETTINGS.encode()
_SETTING = TENANT_SETTING.encode()
_TIMED_OUT = b"57014"
_GONE = frozenset({b"26000", b"0A000"})
"""The statement is not prepared (any more), or a migration changed what it answers: prepare it again."""
_UNSTORABLE = frozenset({b"22003", b"22008", b"22021", b"22P05"})
_UNAVAILABLE = (b"08", b"53", b"57P", b"58")


class StatementFailed(Exception):
    """The database refused a statement of ours: a defect. Carries the SQL state and nothing of the message."""

    def __init__(self, sqlstate: str) -> None:
        self.sqlstate = sqlstate
        super().__init__(sqlstate)


class PipedRequest:
    """One transaction that is asked for, until its answer is complete."""

    __slots__ = (
        "answers",
        "expected",
        "future",
        "names",
        "prepares",
        "results",
        "retried",
        "state",
        "statements",
        "tenant_id",
    )

    def __init__(self, statements: Sequence[Statement], tenant_id: UUID, future: asyncio.Future[list[Rows]]) -> None:
        self.statements = statements
        self.tenant_id = tenant_id
        self.future = future
        self.expected = 0.0
        """Seconds that it is expected to take."""
        self.retried = False
        self.begin()

    def begin(self) -> None:
        """Forget what an earlier attempt left."""
        self.names: list[bytes] = []
        self.prepares: list[bytes] = []
        """The statements that are prepared on the way, in order."""
        self.answers = 0
        self.state: bytes | None = None
        self.results: list[PGresult] = []

    def take(self, result: PGresult) -> None:
        """One result of the transaction. The first with rows is the presented tenant's."""
        status = result.status
        if status == ExecStatus.TUPLES_OK:
            self.answers += 1
            self.results.append(result)
        elif status == ExecStatus.COMMAND_OK:
            self.answers += 1
        elif self.state is None and status != ExecStatus.PIPELINE_ABORTED:
            self.state = result.error_field(DiagnosticField.SQLSTATE) or b"XX000"

    def answer(self) -> None:
        """Hand the answer to whoever waits, if anybody still does."""
        if self.future.done():
            return
        if self.state is not None:
            self.fail(_error_of(self.state))
            return
        self.future.set_result([_rows(result) for result in self.results[1:]])

    def fail(self, error: Exception) -> None:
        """Have whoever waits get an error."""
        if not self.future.done():
            self.future.set_exception(error)


def _rows(result: PGresult) -> Rows:
    value, columns = result.get_value, range(result.nfields)
    return [[value(row, column) for column in columns] for row in range(result.ntuples)]


def _error_of(state: bytes) -> Exception:
    if state == _TIMED_OUT:
        return QueryTimeout()
    if state in _UNSTORABLE:
        return invalid("input", "not_storable", "数值或日期超出范围。", "A number or day is out of range.")
    if state.startswith(_UNAVAILABLE):
        return DatabaseUnavailable()
    return StatementFailed(state.decode())


class PipedConnection:
    """One connection in pipeline mode: what was sent and is not answered yet, and what is prepared."""

    def __init__(self, lane: Lane) -> None:
        self._lane = lane
        self._driver: psycopg.AsyncConnection[Any] | None = None
        self._opening: asyncio.Task[None] | None = None
        self._names: OrderedDict[bytes, bytes] = OrderedDict()
        self._number = 0
        self._writing = False
        self._buffered = False
        self._fd = -1
        self.sent: deque[PipedRequest | None] = deque()
        """None stands for a Sync of our own, whose answer nobody waits for."""
        self.load = 0.0
        """Seconds that what is on its way is expected to take."""
        self._busy_since = 0.0

    @property
    def ready(self) -> bool:
        return self._driver is not None

    @property
    def opening(self) -> bool:
        return self._opening is not None

    def open(self) -> None:
        """Connect, without waiting for it."""
        if self._driver is None and self._opening is None:
            self._opening = asyncio.get_running_loop().create_task(self._open())

    async def _open(self) -> None:
        driver: psycopg.AsyncConnection[Any] | None = None
        try:
            lane = self._lane
            driver = await psycopg.AsyncConnection.connect(lane.owner.conninfo, autocommit=True, **lane.options)
            pgconn = driver.pgconn
            if lane.owner.prepared:
                for name, sql in ((b"forget", _FORGET), (b"present", lane.present)):
                    if pgconn.prepare(name, sql).status != ExecStatus.COMMAND_OK:
                        raise psycopg.OperationalError("a connection could not be set up")
            pgconn.nonblocking = 1
            pgconn.enter_pipeline_mode()
        except (psycopg.Error, OSError) as error:
            log.warning("a connection could not be opened: %s", type(error).__name__)
            if driver is not None:
                driver.pgconn.finish()
            self._opening = None
            self._lane.failed()
            return
        except asyncio.CancelledError:
            if driver is not None:
                driver.pgconn.finish()
            raise
        self._opening = None
        self._driver = driver
        self._fd = pgconn.socket
        asyncio.get_running_loop().add_reader(self._fd, self._readable)
        self._lane.pump()

    def send(self, request: PipedRequest) -> None:
        """Put a request on its way."""
        assert self._driver is not None
        pgconn, owner = self._driver.pgconn, self._lane.owner
        presented = [_SETTING, owner.database.signer.token(request.tenant_id).encode()]
        if not self.sent:
            self._busy_since = time.perf_counter()
        self.sent.append(request)
        self.load += request.expected
        try:
            request.begin()
            if owner.prepared:
                request.names = [self._name(request, sql) for sql, _ in request.statements]
                pgconn.send_query_prepared(b"forget", None)
                pgconn.send_query_prepared(b"present", presented)
                for name, (_, parameters) in zip(request.names, request.statements, strict=True):
                    pgconn.send_query_prepared(name, parameters)
            else:
                pgconn.send_query_params(_FORGET, None)
                pgconn.send_query_params(self._lane.present, [*presented, *self._lane.bounds])
                for sql, parameters in request.statements:
                    pgconn.send_query_params(sql, parameters)
            pgconn.pipeline_sync()
            self._evict()
        except psycopg.Error:
            self._lost()
            return
        if not self._buffered:
            # Whatever else is sent in this turn of the loop goes with it: one call of the system, one wake-up there.
            self._buffered = True
            asyncio.get_running_loop().call_soon(self._flush_buffered)

    def _flush_buffered(self) -> None:
        self._buffered = False
        if self._driver is not None:
            self._writable()

    def _name(self, request: PipedRequest, sql: bytes) -> bytes:
        """The name under which a statement is prepared here; one that is not yet is sent to be."""
        known = self._names.get(sql)
        if known is not None:
            self._names.move_to_end(sql)
            return known
        assert self._driver is not None
        request.prepares.append(sql)
        self._number += 1
        name = b"s%d" % self._number
        self._driver.pgconn.send_prepare(name, sql)
        self._names[sql] = name
        return name

    def _evict(self) -> None:
        """Let go of statements that were not used for the longest time. They go in a transaction of their own, so
        that a request that fails does not keep them."""
        while len(self._names) > MOST_PREPARED:
            _, name = self._names.popitem(last=False)
            self._close(name)

    def _close(self, name: bytes) -> None:
        assert self._driver is not None
        self._driver.pgconn.send_close_prepared(name)
        self._driver.pgconn.pipeline_sync()
        self.sent.append(None)

    def _flush(self) -> None:
        """Send what is buffered; what the socket does not take now goes when it can be written."""
        assert self._driver is not None
        unsent = bool(self._driver.pgconn.flush())
        if unsent != self._writing:
            self._writing = unsent
            loop = asyncio.get_running_loop()
            if unsent:
                loop.add_writer(self._fd, self._writable)
            else:
                loop.remove_writer(self._fd)

    def _writable(self) -> None:
        try:
            self._flush()
        except psycopg.Error:
            self._lost()

    def _readable(self) -> None:
        assert self._driver is not None
        pgconn, sent = self._driver.pgconn, self.sent
        try:
            pgconn.consume_input()
            if self._writing:
                self._flush()
            ended = False
            while sent and not pgconn.is_busy():
                result = pgconn.get_result()
                if result is None:
                    if ended:
                        break
                    ended = True
                    continue
                ended = False
                if result.status == ExecStatus.PIPELINE_SYNC:
                    self._completed(sent.popleft())
                elif (request := sent[0]) is not None:
                    request.take(result)
            lost = pgconn.status == ConnStatus.BAD
        except psycopg.Error:
            lost = True
        if lost:
            self._lost()
        elif self._lane.queue:
            self._lane.pump()

    def _completed(self, request: PipedRequest | None) -> None:
        if request is None:
            return
        self.load = self.load - request.expected if self.sent else 0.0
        now = time.perf_counter()
        self._lane.owner.learn(request, now - self._busy_since)
        self._busy_since = now
        gone = request.state is not None and self._lane.owner.prepared and self._forgotten(request)
        if gone and not request.retried:
            request.retried = True
            self._lane.queue.appendleft(request)
            return
        request.answer()

    def _forgotten(self, request: PipedRequest) -> bool:
        """Whether the statement has to be prepared again; its name is no longer counted on then."""
        for sql in request.prepares[request.answers :]:
            self._names.pop(sql, None)  # never prepared: this one failed, or one before it
        gone = request.state in _GONE
        if gone:
            for (sql, _), name in zip(request.statements, request.names, strict=True):
                if self._names.get(sql) == name:
                    del self._names[sql]
                    if request.state == b"0A000":
                        self._close(name)
            self._flush()
        return gone

    def _lost(self) -> None:
        """The connection is dead: what was on its way to be read is asked once more elsewhere. Of a write nobody
        knows whether it was done."""
        unanswered = [request for request in self.sent if request is not None]
        self.close()
        for request in reversed(unanswered):
            if request.retried or self._lane.owner.closed or self._lane.writes:
                request.fail(DatabaseUnavailable())
            else:
                request.retried = True
                self._lane.queue.appendleft(request)
        self._lane.pump()

    def close(self) -> None:
        """Let go of the connection at once."""
        if self._driver is None:
            return
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._fd)
        if self._writing:
            loop.remove_writer(self._fd)
        self._driver.pgconn.finish()
        self._driver, self._writing, self._fd = None, False, -1
        self._names.clear()
        self.sent.clear()
        self.load = 0.0

    async def shut(self) -> None:
        """Close for good; whoever still waits is told."""
        opening, self._opening = self._opening, None
        if opening is not None:
            opening.cancel()
            await asyncio.gather(opening, return_exceptions=True)
        for request in self.sent:
            if request is not None:
                request.fail(DatabaseUnavailable())
        self.close()
