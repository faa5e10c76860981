"""What goes in to the engine and what comes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from steward_graphql.execution.problems import dumped


@dataclass(frozen=True)
class Request:
    """What GraphQL over HTTP sends, read but not checked."""

    query: str | None
    operation_name: str | None = None
    variables: Mapping[str, Any] | None = None
    extensions: Mapping[str, Any] | None = None
    document_id: str | None = None


@dataclass(frozen=True)
class Answer:
    """The body to send. `executed` False: the request was refused before anything ran; `status` is what HTTP says to
    that, in the media type that has statuses."""

    body: bytes
    executed: bool
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int = 200


def assembled(
    data: Sequence[tuple[str, bytes | None]] | None,
    errors: Sequence[Mapping[str, Any]],
    extensions: Mapping[str, Any] | None = None,
) -> bytes:
    """The body of an answer. `data` None: a null went all the way up."""
    told = [b'"errors":' + dumped(errors)] if errors else []
    if data is None:
        told.append(b'"data":null')
    else:
        members = b",".join(b'"%b":%b' % (key.encode(), b"null" if text is None else text) for key, text in data)
        told.append(b'"data":{' + members + b"}")
    if extensions:
        told.append(b'"extensions":' + dumped(extensions))
    return b"{" + b",".join(told) + b"}"


def refusal(errors: Sequence[Mapping[str, Any]]) -> bytes:
    """The body of a request that was not executed."""
    return b'{"errors":' + dumped(errors) + b"}"
