"""What failures mean: their class, what a person reads of them, and when the job is tried again."""

from __future__ import annotations

import errno
import smtplib
import socket
from datetime import timedelta

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.exceptions import ConnectionError as ValkeyUnreachable
from sqlalchemy.exc import DBAPIError, OperationalError, PendingRollbackError
from sqlalchemy.exc import TimeoutError as PoolExhausted

from steward_tenants.errors import Conflict, Forbidden, NotFound, StewardError, TooManyAttempts, invalid
from steward_tenants.outbox.failures import (
    BROKEN,
    FailureClass,
    JobTooSlow,
    ProcessLost,
    failure_class,
    failure_note,
    longest_pause,
    pause,
)


def of_database(error: psycopg.Error, *, lost: bool = False) -> DBAPIError:
    return OperationalError("select 王芳", {}, error, connection_invalidated=lost)


def hidden(error: Exception) -> Exception:
    """Of a session that was used after it had failed."""
    pending = PendingRollbackError()
    pending.__context__ = error
    return pending


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ConnectionResetError(), FailureClass.TRANSIENT),
        (TimeoutError(), FailureClass.TRANSIENT),
        (socket.gaierror(), FailureClass.TRANSIENT),
        (OSError(errno.ENETUNREACH, ""), FailureClass.TRANSIENT),
        (OSError(errno.ENOSPC, ""), FailureClass.FAULT),
        (ValkeyUnreachable(), FailureClass.TRANSIENT),
        (PoolExhausted(), FailureClass.TRANSIENT),
        (smtplib.SMTPServerDisconnected(), FailureClass.TRANSIENT),
        (smtplib.SMTPDataError(451, b""), FailureClass.TRANSIENT),
        (smtplib.SMTPDataError(554, b""), FailureClass.FAULT),
        (of_database(psycopg.OperationalError("gone")), FailureClass.TRANSIENT),
        (of_database(psycopg.ProgrammingError("odd"), lost=True), FailureClass.TRANSIENT),
        (of_database(psycopg.errors.DeadlockDetected()), FailureClass.TRANSIENT),
        (of_database(psycopg.errors.SerializationFailure()), FailureClass.TRANSIENT),
        (of_database(psycopg.errors.LockNotAvailable()), FailureClass.TRANSIENT),
        (of_database(psycopg.errors.AdminShutdown()), FailureClass.TRANSIENT),
        (of_database(psycopg.errors.QueryCanceled()), FailureClass.TRANSIENT),
        (of_database(psycopg.errors.TooManyConnections()), FailureClass.TRANSIENT),
        (hidden(of_database(psycopg.errors.AdminShutdown(), lost=True)), FailureClass.TRANSIENT),
        (hidden(of_database(psycopg.errors.UniqueViolation())), FailureClass.FAULT),
        (PendingRollbackError(), FailureClass.FAULT),
        (of_database(psycopg.errors.UniqueViolation()), FailureClass.FAULT),
        (of_database(psycopg.ProgrammingError("odd")), FailureClass.FAULT),
        (invalid("x", "odd", "错", "wrong"), FailureClass.REFUSED),
        (Conflict(), FailureClass.REFUSED),
        (NotFound(kind="客户"), FailureClass.REFUSED),
        (Forbidden(permission="查看"), FailureClass.REFUSED),
        (TooManyAttempts(seconds=3), FailureClass.TRANSIENT),
        (StewardError(), FailureClass.FAULT),
        (JobTooSlow(), FailureClass.FAULT),
        (MemoryError(), FailureClass.FAULT),
        (ValueError("王芳"), FailureClass.FAULT),
    ],
)
def test_each_failure_has_its_class_and_tells_nothing_internal(error: Exception, expected: FailureClass) -> None:
    assert failure_class(error) is expected
    note = failure_note(error)
    assert note["class"] == expected
    assert set(note["message"]) == {"zh-CN", "en"}
    for secret in ("王芳", "psycopg", type(error).__name__, "select"):
        assert secret not in str(note["message"])


def test_a_typed_error_is_told_in_full() -> None:
    note = failure_note(invalid("name", "odd", "名称有误。", "The name is odd."))
    assert note["code"] == "invalid_input"
    assert note["message"]["zh-CN"] == "输入有误，未保存任何更改。名称有误。请按各字段的提示修改后重试。"
    assert note["message"]["en"].endswith("The name is odd. Correct the fields named and send it again.")


def test_an_odd_error_is_noted_all_the_same() -> None:
    assert failure_note(NotFound())["message"]["zh-CN"] == BROKEN.zh
    odd = failure_note(NotFound(kind="a\0b\ud800" + "c" * 10_000))["message"]
    assert "\0" not in odd["zh-CN"]
    assert len(odd["zh-CN"].encode()) < 20_000


def test_texts_are_in_both_languages() -> None:
    for error in (MemoryError(), JobTooSlow(), TimeoutError(), ValueError()):
        text = failure_note(error)["message"]
        assert not text["zh-CN"].isascii()
        assert text["en"].isascii()


@given(st.sampled_from([FailureClass.TRANSIENT, FailureClass.FAULT]), st.integers(1, 10_000), st.floats(0, 1))
def test_pauses_grow_up_to_a_bound(kind: FailureClass, attempts: int, jitter: float) -> None:
    this, following = pause(kind, attempts, jitter), pause(kind, attempts + 1, jitter)
    assert this is not None
    assert following is not None
    most = timedelta(minutes=5) if kind is FailureClass.TRANSIENT else timedelta(hours=1)
    assert timedelta(0) < this <= following <= most


def test_the_first_pauses() -> None:
    seconds = [pause(FailureClass.TRANSIENT, number, 0.0) for number in range(1, 11)]
    assert seconds == [timedelta(seconds=s) for s in (1, 2, 4, 8, 16, 32, 64, 128, 256, 300)]
    assert pause(FailureClass.FAULT, 1, 0.0) == timedelta(seconds=10)
    assert pause(FailureClass.FAULT, 1, 1.0) == timedelta(seconds=8)
    assert pause(FailureClass.REFUSED, 1) is None


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (ProcessLost(), 10),
        (of_database(psycopg.errors.AdminShutdown(), lost=True), 10),
        (of_database(psycopg.OperationalError("refused")), 10),
        (hidden(of_database(psycopg.errors.AdminShutdown(), lost=True)), 10),
        (of_database(psycopg.errors.LockNotAvailable()), 300),
        (ConnectionResetError(), 300),
    ],
)
def test_whoever_lost_a_process_or_the_database_often_is_back_soon(error: Exception, seconds: int) -> None:
    assert pause(failure_class(error), 12, 0.0, longest=longest_pause(error)) == timedelta(seconds=seconds)
    assert pause(failure_class(error), 1, 0.0, longest=longest_pause(error)) == timedelta(seconds=1)
