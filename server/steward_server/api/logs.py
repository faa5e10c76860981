"""Structured logs: one JSON object a line, without personal data.

What a person typed, query strings, addresses, names and tokens never go in; request, tenant and actor ids do.
"""

from __future__ import annotations

import logging
import sys

from steward_server.settings import Settings
from steward_tenants.structured_logs import structlog


def configure(settings: Settings) -> None:
    """Send structlog's and the standard library's records to standard error in the format that is set."""
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    last: structlog.types.Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if settings.log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.dict_tracebacks if settings.log_level == "debug" else _error_name_only,
                last,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.log_level.upper())
    for name in ("uvicorn", "uvicorn.error"):
        logging.getLogger(name).handlers = []
        logging.getLogger(name).propagate = True
    logging.getLogger("uvicorn.access").disabled = True


def _error_name_only(_logger: object, _method: str, event: structlog.types.EventDict) -> structlog.types.EventDict:
    """An exception's text may quote personal data; outside debugging only its type is logged."""
    info = event.pop("exc_info", None)
    if isinstance(info, BaseException):
        event["error"] = type(info).__name__
    elif isinstance(info, tuple) and info[0] is not None:
        event["error"] = info[0].__name__
    elif info:
        kind = sys.exc_info()[0]
        event["error"] = kind.__name__ if kind else None
    return event
