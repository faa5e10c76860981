"""Errors as problem+json (RFC 9457), in the language that the request asks for."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm.exc import StaleDataError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from steward_server.api.errors import BadRequest, MethodNotAllowed, NoSuchRoute, Unavailable
from steward_tenants.errors import Conflict, FieldProblem, InvalidInput, StewardError
from steward_tenants.structured_logs import structlog
from steward_tenants.texts import Bilingual, Locale

PROBLEM_JSON = "application/problem+json"
log = structlog.get_logger(__name__)

_UNAVAILABLE_STATES = ("08", "53", "57P", "55P03")
_TEXTS = {
    "missing": Bilingual("必填。", "This is required."),
    "string_too_short": Bilingual("至少 {min_length} 个字符。", "At least {min_length} characters."),
    "string_too_long": Bilingual("最多 {max_length} 个字符。", "At most {max_length} characters."),
    "string_type": Bilingual("应为文本。", "This must be text."),
    "int_parsing": Bilingual("应为整数。", "This must be a whole number."),
    "bool_parsing": Bilingual("应为 true 或 false。", "This must be true or false."),
    "uuid_parsing": Bilingual("编号格式不正确。", "This is not an identifier."),
    "json_invalid": Bilingual("不是有效的 JSON。", "This is not valid JSON."),
    "extra_forbidden": Bilingual("没有这个字段。", "There is no such field."),
    "string_pattern_mismatch": Bilingual("格式不正确。", "The format is not right."),
    "model_attributes_type": Bilingual("应为对象。", "This must be an object."),
}
_ANY = Bilingual("值不正确。", "The value is not right.")


def wanted_locale(request: Request) -> Locale:
    """Chinese unless the request prefers English."""
    best, best_quality = "zh", 0.0
    for part in request.headers.get("accept-language", "").split(","):
        tag, _, quality = part.strip().partition(";q=")
        try:
            weight = float(quality) if quality else 1.0
        except ValueError:
            continue
        if tag[:2].lower() in ("zh", "en") and weight > best_quality:
            best, best_quality = tag[:2].lower(), weight
    return "en" if best == "en" else "zh-CN"


def problem(request: Request, error: StewardError) -> JSONResponse:
    """The answer that tells of an error."""
    locale = wanted_locale(request)
    told = error.as_dict(locale)
    body = {
        "type": f"urn:steward:problem:{error.code}",
        "title": told["message"],
        "status": error.status,
        "detail": told["remedy"],
        "instance": f"urn:steward:request:{getattr(request.state, 'request_id', '')}",
        "code": error.code,
        "problems": told["problems"],
    }
    headers = {**error.headers(), "Content-Language": locale, "Cache-Control": "no-store"}
    return JSONResponse(body, error.status, headers, PROBLEM_JSON)


def _field(item: dict[str, Any]) -> FieldProblem:
    path = tuple(str(part) for part in item["loc"] if part not in ("body", "query", "path", "header"))
    text = _TEXTS.get(item["type"], _ANY)
    try:
        text = text.fill(**item.get("ctx", {}))
    except KeyError:
        text = _ANY
    return FieldProblem(path or ("body",), item["type"], text)


def from_exception(error: Exception) -> StewardError:
    """The typed error that stands for any exception; what it does not know is `internal_error`."""
    if isinstance(error, StewardError):
        return error
    if isinstance(error, RequestValidationError):
        return InvalidInput(problems=[_field(item) for item in error.errors()])
    if isinstance(error, HTTPException):
        if isinstance(error.__cause__, StewardError):  # raised while the body was being read
            return error.__cause__
        known = {404: NoSuchRoute(), 405: MethodNotAllowed()}
        return known.get(error.status_code) or BadRequest()
    if isinstance(error, ClientDisconnect):
        return BadRequest()
    if isinstance(error, StaleDataError):
        return Conflict()
    if isinstance(error, PoolTimeout) or (isinstance(error, DBAPIError) and _is_unavailable(error)):
        return Unavailable()
    return StewardError()


def _is_unavailable(error: DBAPIError) -> bool:
    state = getattr(error.orig, "sqlstate", None)
    return error.connection_invalidated or state is None or state.startswith(_UNAVAILABLE_STATES)


async def answer(request: Request, error: Exception) -> Response:
    """Exception handler for all of them."""
    told = from_exception(error)
    if told.status >= 500:
        # A database's message may quote the values of a row; its state and the place in the code say enough.
        log.error(
            "request failed",
            code=told.code,
            error=type(error).__name__,
            sqlstate=getattr(getattr(error, "orig", None), "sqlstate", None),
            place=_place(error),
        )
    response = problem(request, told)
    if isinstance(error, HTTPException) and error.headers:
        response.headers.update(error.headers)
    return response


def _place(error: Exception) -> list[str]:
    frames, trace = [], error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        if "steward_" in code.co_filename:
            frames.append(f"{code.co_filename.rpartition('steward_')[2]}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    return frames[-6:]


def install(app: FastAPI) -> None:
    """Have the application answer every error this way."""
    for kind in (StewardError, RequestValidationError, HTTPException, Exception):
        app.add_exception_handler(kind, answer)
