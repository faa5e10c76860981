"""Keeps the processes of `./steward up` running, and takes all of them down together."""

import contextlib
import http.client
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from steward_server.embedded.processes import LOG_LIMIT_BYTES, Child, log_tail, rotate_log, spawn

MAX_RESTARTS = 5
RESTART_WINDOW_SECONDS = 60.0
_BACKOFF_SECONDS = (0.2, 0.5, 1.0, 2.0, 4.0)
_TICK_SECONDS = 0.1
_LOG_CHECK_SECONDS = 10.0


class SupervisorError(Exception):
    """A child could not be kept running; the text names it and ends with its log's last lines."""


class Service(Protocol):
    """Something the supervisor can look after; the embedded services are such."""

    @property
    def name(self) -> str: ...

    @property
    def log_path(self) -> Path: ...

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def alive(self) -> bool: ...


@dataclass(frozen=True)
class Command:
    """A program to run: `ready` is asked until it says True, for at most `ready_seconds` at the first start.

    A stop is SIGTERM, and after `stop_seconds` SIGKILL to the whole group. What runs `once` may end, however it does,
    and is not started again.
    """

    name: str
    args: Sequence[str]
    env: Mapping[str, str] | None = None
    cwd: Path | None = None
    ready: Callable[[], bool] | None = None
    ready_seconds: float = 30.0
    stop_seconds: float = 10.0
    once: bool = False


class _CommandService:
    def __init__(self, command: Command, logs: Path) -> None:
        self.command = command
        self.name = command.name
        self.log_path = logs / f"{command.name}.log"
        self._child: Child | None = None

    def start(self) -> None:
        command = self.command
        self._child = spawn(
            command.args,
            log_path=self.log_path,
            env=command.env,
            cwd=command.cwd,
            # Python programs handle SIGTERM at leisure; nobody is left to wait for that.
            death_signal=signal.SIGKILL,
            guard_group=True,
        )

    def stop(self) -> None:
        if self._child is not None:
            self._child.stop((signal.SIGTERM, self.command.stop_seconds))
            self._child = None

    def kill(self) -> None:
        if self._child is not None:
            self._child.stop((signal.SIGKILL, 5.0))
            self._child = None

    def alive(self) -> bool:
        return self._child is not None and (self.command.once or self._child.alive())


@dataclass
class _Entry:
    service: Service
    command: Command | None = None
    failures: list[float] = field(default_factory=list)
    restart_at: float | None = None
    started_once: bool = False


class Supervisor:
    """Starts services and commands in the order they were added, restarts what crashes, stops in reverse.

    More than five crashes of one child within a minute stop everything. Each command logs to
    `<logs>/<name>.log`, which is kept near 8 MiB. `say` receives short messages for the person at the
    terminal, by default on stderr.
    Only from the main thread (signals, and the children's bond to it).
    """

    def __init__(self, logs: Path, *, say: Callable[[str], None] | None = None) -> None:
        self._logs = logs
        self._say = say or _say_on_stderr
        self._entries: list[_Entry] = []
        self._signals = 0
        self._interruptible = False
        self._handlers: dict[int, Any] = {}
        self._logs_checked = 0.0
        logs.mkdir(parents=True, exist_ok=True)

    def add(self, child: Command | Service) -> None:
        """Add a command or a service; a service that already runs is looked after from now on."""
        if isinstance(child, Command):
            self._entries.append(_Entry(_CommandService(child, self._logs), child))
        else:
            self._entries.append(_Entry(child, started_once=child.alive()))

    def start(self) -> None:
        """Start everything not yet running, one after the other, each when the one before is ready.

        From here to the end of `stop` SIGINT, SIGTERM and SIGHUP ask for the end; then this returns early.
        Raises SupervisorError after stopping everything.
        """
        self._handle_signals()
        try:
            for entry in self._entries:
                if entry.started_once:
                    continue
                self._first_start(entry)
                if self.stopping:
                    return
        except BaseException:
            self.stop()
            raise

    def run(self) -> int:
        """Look after the children until SIGINT, SIGTERM or SIGHUP, then stop them all.

        Returns 0 after a signal, 1 when a child could not be kept running (its log's end has been shown).
        """
        self._handle_signals()
        try:
            while not self.stopping:
                self._tick()
                time.sleep(_TICK_SECONDS)
        except SupervisorError as error:
            self._say(str(error))
            return 1
        finally:
            self.stop()
        return 0

    @property
    def stopping(self) -> bool:
        """True once a signal asked for the end."""
        return self._signals > 0

    def stop(self) -> None:
        """Stop everything in reverse order; a second signal meanwhile kills the commands at once."""
        for entry in reversed(self._entries):
            entry.restart_at = None
            service = entry.service
            if self._signals > 1 and isinstance(service, _CommandService):
                service.kill()
            else:
                try:
                    self._interruptible = True
                    service.stop()
                except _Hurry:
                    if isinstance(service, _CommandService):
                        service.kill()
                    else:
                        service.stop()
                finally:
                    self._interruptible = False
            entry.started_once = False
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self._handlers = {}

    def _first_start(self, entry: _Entry) -> None:
        self._launch(entry)
        command = entry.command
        if command is None or command.ready is None:
            return
        deadline = time.monotonic() + command.ready_seconds
        while not self.stopping:
            self._tick()
            if entry.service.alive() and _is_ready(command.ready):
                return
            if time.monotonic() >= deadline:
                raise SupervisorError(
                    f"{command.name} 在 {command.ready_seconds:.0f} 秒内未就绪。\n"
                    f"{command.name} was not ready within {command.ready_seconds:.0f} s.\n" + _log_end(entry.service)
                )
            time.sleep(_TICK_SECONDS)

    def _launch(self, entry: _Entry) -> None:
        entry.started_once = True
        entry.restart_at = None
        rotate_log(entry.service.log_path)
        entry.service.start()

    def _tick(self) -> None:
        now = time.monotonic()
        for entry in self._entries:
            if not entry.started_once or entry.service.alive():
                continue
            if entry.restart_at is None:
                self._note_crash(entry, now)
            elif now >= entry.restart_at:
                try:
                    self._launch(entry)
                except Exception as error:
                    # What can't even start counts as a crash, and is given up after as many.
                    self._say(f"{entry.service.name}: {error}")
                    self._note_crash(entry, now)
        if now - self._logs_checked >= _LOG_CHECK_SECONDS:
            self._logs_checked = now
            for path in {*self._logs.glob("*.log"), *(entry.service.log_path for entry in self._entries)}:
                with contextlib.suppress(OSError):
                    rotate_log(path, LOG_LIMIT_BYTES)

    def _note_crash(self, entry: _Entry, now: float) -> None:
        name = entry.service.name
        entry.failures = [at for at in entry.failures if now - at < RESTART_WINDOW_SECONDS] + [now]
        count = len(entry.failures)
        if count > MAX_RESTARTS:
            raise SupervisorError(
                f"{name} 在一分钟内退出 {count} 次，全部停止。\n"
                f"{name} ended {count} times within a minute; everything is stopped.\n" + _log_end(entry.service)
            )
        delay = _BACKOFF_SECONDS[min(count, len(_BACKOFF_SECONDS)) - 1]
        entry.restart_at = now + delay
        self._say(
            f"{name} 意外退出，{delay:g} 秒后重启（日志 {entry.service.log_path}）。\n"
            f"{name} ended unexpectedly; it is restarted in {delay:g} s (log {entry.service.log_path})."
        )

    def _handle_signals(self) -> None:
        if not self._handlers:
            numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
            self._handlers = {number: signal.signal(number, self._on_signal) for number in numbers}

    def _on_signal(self, number: int, _frame: object) -> None:
        self._signals += 1
        if self._signals > 1 and self._interruptible:
            self._interruptible = False
            raise _Hurry(number)


class _Hurry(BaseException):
    """A second signal: what is being waited for is cut short."""


def http_probe(url: str, seconds: float = 2.0) -> Callable[[], bool]:
    """Return a probe that is True when `url` answers with a status below 400 within `seconds`."""
    parts = urlsplit(url)

    def probe() -> bool:
        connection = http.client.HTTPConnection(parts.hostname or "127.0.0.1", parts.port, timeout=seconds)
        try:
            connection.request("GET", parts.path or "/")
            return connection.getresponse().status < 400
        finally:
            connection.close()

    return probe


def _is_ready(probe: Callable[[], bool]) -> bool:
    try:
        return probe()
    except Exception:
        # A server that isn't up yet refuses, resets or answers half; all mean: not ready.
        return False


def _log_end(service: Service) -> str:
    return f"--- {service.log_path}\n{log_tail(service.log_path)}"


def _say_on_stderr(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
