"""Errors of the edge as GraphQL answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from steward_graphql.execution.problems import dumped, entry, note, told_of
from steward_tenants.errors import StewardError

Header = tuple[bytes, bytes]


def known(error: Exception, request_id: str) -> StewardError:
    """The typed error that stands for any exception. What is not known is logged without its texts."""
    told = told_of(error)
    note(error, told, request_id)
    return told


def refusal(error: StewardError, locale: str) -> bytes:
    """The body of an answer that has nothing but an error."""
    return dumped({"errors": [entry(error, locale)]})


def raw(headers: Mapping[str, str]) -> Iterable[Header]:
    """Headers as ASGI wants them."""
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
