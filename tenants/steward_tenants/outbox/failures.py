"""What a failure of a job means: how it is noted for a person, and when the job is tried again."""

from __future__ import annotations

import errno
import random
import smtplib
import socket
import sys
from contextlib import suppress
from datetime import timedelta
from enum import StrEnum
from typing import Any

import psycopg
from sqlalchemy.exc import DBAPIError, PendingRollbackError
from sqlalchemy.exc import TimeoutError as PoolExhausted

from steward_tenants.errors import StewardError
from steward_tenants.texts import Bilingual


class FailureClass(StrEnum):
    """`transient`: database, network or another service, over by itself. `refused`: as asked for it cannot be done, and
    will not be by trying again. `fault`: anything else."""

    TRANSIENT = "transient"
    REFUSED = "refused"
    FAULT = "fault"


UNREACHABLE = Bilingual("数据库或外部服务暂时不可用。", "The database or another service could not be reached.")
TOO_SLOW = Bilingual("任务超过规定时间，已中止。", "The job took longer than it may and was stopped.")
TOO_LARGE = Bilingual("任务占用的内存超过限额，已中止。", "The job needed more memory than it may and was stopped.")
BROKEN = Bilingual(
    "任务出错，未保存任何更改；详情见服务器日志。", "The job failed and changed nothing; the server's log says more."
)
_TRANSIENT = (
    ConnectionError,
    TimeoutError,
    socket.gaierror,
    PoolExhausted,
    smtplib.SMTPServerDisconnected,
)
_TRANSIENT_NUMBERS = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EHOSTDOWN})
_TRANSIENT_STATES = ("08", "40", "53", "55", "57", "25P03")
"""SQL states: connection, deadlock and the like, resources, not available, operator, silent for too long."""
MOST_CHARACTERS = 4_000
MOST_PROBLEMS = 20
_TOO_MANY = 429
_SERVER_ERRORS = 500
STEPS: dict[FailureClass, tuple[float, float]] = {
    FailureClass.TRANSIENT: (1.0, 300.0),
    FailureClass.FAULT: (10.0, 3600.0),
}
"""Seconds before the second attempt, and at most."""


LONGEST_AFTER_LOSS = 10.0
"""Seconds before the next attempt at most, when the process or the connection that the last one had is gone: it is not
known to be the job's doing, and what took them is over by the time that anybody can note it."""


class JobTooSlow(Exception):
    """An attempt took longer than its kind allows."""


class ProcessLost(ConnectionError):
    """The process that made an attempt was ended from outside."""


def failure_class(error: BaseException) -> FailureClass:
    """The class of an error that ended a job's attempt."""
    if isinstance(error, PendingRollbackError) and error.__context__ is not None:
        # Somebody touched the session after what it tells of, and hid it.
        return failure_class(error.__context__)
    if isinstance(error, StewardError):
        if error.status == _TOO_MANY:
            return FailureClass.TRANSIENT
        return FailureClass.REFUSED if error.status < _SERVER_ERRORS else FailureClass.FAULT
    if isinstance(error, DBAPIError):
        passes = _connection_lost(error) or _state(error).startswith(_TRANSIENT_STATES)
        return FailureClass.TRANSIENT if passes else FailureClass.FAULT
    if isinstance(error, smtplib.SMTPResponseException):
        return FailureClass.TRANSIENT if error.smtp_code < _SERVER_ERRORS else FailureClass.FAULT
    unreachable = isinstance(error, OSError) and error.errno in _TRANSIENT_NUMBERS
    passes = unreachable or isinstance(error, _TRANSIENT) or _from_valkey(error)
    return FailureClass.TRANSIENT if passes else FailureClass.FAULT


def _from_valkey(error: BaseException) -> bool:
    """Whether the queue server could not be reached. API processes load no client library, and have no such errors."""
    library = sys.modules.get("redis.exceptions")
    return library is not None and isinstance(error, (library.ConnectionError, library.TimeoutError))


def _state(error: DBAPIError) -> str:
    return getattr(error.orig, "sqlstate", None) or ""


def _connection_lost(error: DBAPIError) -> bool:
    return error.connection_invalidated or (not _state(error) and isinstance(error.orig, psycopg.OperationalError))


def failure_note(error: BaseException) -> dict[str, Any]:
    """What is kept of an error for a person: `code`, `class`, `message` in both languages. Nothing internal: a typed
    error's own texts, else a general one."""
    kind = failure_class(error)
    if isinstance(error, StewardError):
        code, text = error.code, _in_full(error)
    elif isinstance(error, MemoryError):
        code, text = "too_large", TOO_LARGE
    elif isinstance(error, JobTooSlow):
        code, text = "too_slow", TOO_SLOW
    elif kind is FailureClass.TRANSIENT:
        code, text = "unreachable", UNREACHABLE
    else:
        code, text = "internal_error", BROKEN
    return {"code": code, "class": kind.value, "message": {"zh-CN": text.zh, "en": text.en}}


def _in_full(error: StewardError) -> Bilingual:
    """The error's message, what it says of each field, and the remedy. A failure must not fail to be noted: texts
    whose places nobody filled are left out, and what PostgreSQL cannot hold is replaced."""
    parts = [problem.message for problem in error.problems[:MOST_PROBLEMS]]
    with suppress(LookupError, ValueError):
        parts = [error.text, *parts, error.advice]
    text = Bilingual("".join(part.zh for part in parts), " ".join(part.en for part in parts))
    return Bilingual(_storable(text.zh or BROKEN.zh), _storable(text.en or BROKEN.en))


def _storable(text: str) -> str:
    return text[:MOST_CHARACTERS].replace("\0", "\ufffd").encode(errors="replace").decode()


def longest_pause(error: BaseException) -> float:
    """How many seconds an error lets the next attempt wait at most, however often the job failed."""
    if isinstance(error, PendingRollbackError) and error.__context__ is not None:
        return longest_pause(error.__context__)
    lost = isinstance(error, ProcessLost) or (isinstance(error, DBAPIError) and _connection_lost(error))
    return LONGEST_AFTER_LOSS if lost else max(most for _, most in STEPS.values())


def pause(
    kind: FailureClass, attempts: int, jitter: float | None = None, *, longest: float | None = None
) -> timedelta | None:
    """How long to wait after failure number `attempts` (from 1); None: trying again is of no use.

    Doubles with each failure up to a bound, and to `longest` seconds. `jitter` (0 to 1, default: random) takes up to a
    fifth of it, so that jobs that failed together are not tried together.
    """
    if kind not in STEPS:
        return None
    first, most = STEPS[kind]
    spread = random.random() if jitter is None else jitter  # noqa: S311 - no secret
    seconds = min(most if longest is None else min(most, longest), first * 2.0 ** min(attempts - 1, 30))
    return timedelta(seconds=seconds * (1 - spread / 5))
