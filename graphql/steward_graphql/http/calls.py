"""One HTTP request on its way through the endpoint."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

from steward_graphql.http.negotiation import JSON

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


_READ = "headers by name"
_BETWEEN = {b"cookie": b"; "}
"""HTTP/2 may bring cookies in several headers; what stands between the others is a comma."""


@dataclass(slots=True)
class Call:
    """What ASGI gives, its headers by name, and what was made out of them. `kind`: the media type of the answer."""

    scope: Scope
    receive: Receive
    send: Send
    headers: Mapping[bytes, bytes]
    locale: str
    request_id: str
    kind: str = JSON

    @property
    def posted(self) -> bool:
        """Whether it may change anything."""
        posted: bool = self.scope["method"] == "POST"
        return posted


def headers_of(scope: Scope) -> dict[bytes, bytes]:
    """A request's headers by name; of those given several times, joined as HTTP says. They are read once, and again
    when others were put in their place."""
    state = scope.setdefault("state", {})
    given = scope["headers"]
    known: tuple[object, dict[bytes, bytes]] | None = state.get(_READ)
    if known is not None and known[0] is given:
        return known[1]
    found: dict[bytes, bytes] = dict(given)
    if len(found) < len(given):
        found = {}
        for name, value in given:
            found[name] = value if name not in found else found[name] + (_BETWEEN.get(name, b", ") + value)
    state[_READ] = given, found
    return found
