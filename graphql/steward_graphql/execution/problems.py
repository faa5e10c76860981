"""What an error looks like in an answer: a text for people, a code for programs, nothing internal."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from graphql import GraphQLError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm.exc import StaleDataError

from steward_graphql.compiler.plan import Notice
from steward_graphql.declared.scalars import Unreadable
from steward_graphql.errors import DocumentInvalid, ValidationFailed
from steward_tenants.database.errors import DatabaseUnavailable, QueryTimeout
from steward_tenants.errors import Conflict, StewardError
from steward_tenants.structured_logs import structlog
from steward_tenants.texts import Bilingual

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode

log = structlog.get_logger(__name__)

Path = tuple[str | int, ...]

_CLASHES = frozenset({"23505", "23P01", "23503", "40001", "40P01"})
"""Somebody else was faster: a unique value taken, a row gone that was referred to, two that waited for each other."""
_UNAVAILABLE = ("08", "53", "57P", "55P03", "58")


def told_of(error: BaseException) -> StewardError:
    """The typed error that stands for any exception; what it does not know is `internal_error`."""
    if isinstance(error, StewardError):
        return error
    if isinstance(error, StaleDataError):
        return Conflict()
    if isinstance(error, PoolTimeout):
        return DatabaseUnavailable()
    state = sqlstate_of(error)
    if state == "57014":
        return QueryTimeout()
    if state in _CLASHES:
        return Conflict()
    if isinstance(error, DBAPIError) and (error.connection_invalidated or state is None):
        return DatabaseUnavailable()
    if state is not None and state.startswith(_UNAVAILABLE):
        return DatabaseUnavailable()
    return StewardError()


def sqlstate_of(error: BaseException) -> str | None:
    """The SQL state behind an exception, if a database stands behind it."""
    return getattr(getattr(error, "orig", error), "sqlstate", None)


def note(error: BaseException, told: StewardError, request_id: str) -> None:
    """Log what a caller must not see. A database's message may quote values of a row; its state and the place in the
    code say enough."""
    if told.status < 500:
        return
    log.error(
        "graphql failed",
        code=told.code,
        error=type(error).__name__,
        sqlstate=sqlstate_of(error),
        place=_place(error),
        request_id=request_id,
    )


def _place(error: BaseException) -> list[str]:
    frames, trace = [], error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        if "steward_" in code.co_filename:
            frames.append(f"{code.co_filename.rpartition('steward_')[2]}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    return frames[-6:]


def texts(text: Bilingual) -> dict[str, str]:
    """Both languages, for `extensions.messages`."""
    return {"zhCN": text.zh, "en": text.en}


def entry(error: StewardError, locale: str, path: Path | None = None) -> dict[str, Any]:
    """One entry of `errors`."""
    text = error.text
    extensions: dict[str, Any] = {
        "code": error.code,
        "messages": texts(text),
        "remedy": error.advice.in_locale(locale),
    }
    if error.problems:
        extensions["problems"] = [
            {
                "path": list(one.path),
                "code": one.code,
                "message": one.message.in_locale(locale),
                "messages": texts(one.message),
            }
            for one in error.problems
        ]
    told: dict[str, Any] = {"message": text.in_locale(locale)}
    if path is not None:
        told["path"] = list(path)
    told["extensions"] = extensions
    return told


def notice_entry(notice: Notice, locale: str) -> dict[str, Any]:
    """The entry of a field that stands as null in every execution of a plan."""
    message = notice.message if isinstance(notice.message, Bilingual) else Bilingual(*(str(notice.message),) * 2)
    extensions: dict[str, Any] = {"code": notice.code, "messages": texts(message), "at": notice.at}
    if isinstance(notice.remedy, Bilingual):
        extensions["remedy"] = notice.remedy.in_locale(locale)
    told: dict[str, Any] = {"message": message.in_locale(locale)}
    if notice.path is not None:
        told["path"] = list(notice.path)
    told["extensions"] = extensions
    return told


def document_entries(errors: Sequence[GraphQLError], locale: str, *, syntax: bool) -> list[dict[str, Any]]:
    """The entries of what the parser or the validator found, places kept. Their own words are English; what our kinds
    say of a literal is in both languages."""
    kind = DocumentInvalid() if syntax else ValidationFailed()
    found = []
    for one in errors:
        cause = one.original_error
        said = cause.text if isinstance(cause, Unreadable) else Bilingual(one.message, one.message)
        text = Bilingual(f"{kind.text.zh.rstrip('。')}：{said.zh}", said.en)
        told: dict[str, Any] = {"message": text.in_locale(locale)}
        if one.locations:
            told["locations"] = [{"line": place.line, "column": place.column} for place in one.locations]
        told["extensions"] = {
            "code": kind.code,
            "messages": texts(text),
            "remedy": kind.advice.in_locale(locale),
        }
        found.append(told)
    return found


def dumped(value: Any) -> bytes:
    """JSON as it is sent."""
    return _encode(value).encode()
