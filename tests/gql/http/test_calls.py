"""Headers by name: joined, read once, and read again when a socket brings its token later."""

from __future__ import annotations

from typing import Any

from steward_graphql.http.calls import headers_of


def test_headers_given_several_times_are_joined() -> None:
    scope: dict[str, Any] = {
        "headers": [(b"accept", b"a"), (b"cookie", b"x=1"), (b"accept", b"b"), (b"cookie", b"y=2"), (b"host", b"h")]
    }
    assert headers_of(scope) == {b"accept": b"a, b", b"cookie": b"x=1; y=2", b"host": b"h"}
    assert headers_of(scope) is headers_of(scope)


def test_headers_put_in_their_place_are_read_again() -> None:
    scope: dict[str, Any] = {"headers": [(b"cookie", b"x=1")]}
    assert b"authorization" not in headers_of(scope)
    scope["headers"] = [*scope["headers"], (b"authorization", b"Bearer t")]
    assert headers_of(scope)[b"authorization"] == b"Bearer t"
