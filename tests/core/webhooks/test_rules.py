"""What endpoints want, what is sent to them and how it is signed, and when it is tried again."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steward_core.webhooks.rules import (
    DELAYS,
    FAILURES,
    HOLDS,
    Happened,
    body_of,
    given_up,
    new_secret,
    next_try,
    read_patterns,
    rests,
    signature,
    wants,
)
from steward_tenants.errors import InvalidInput

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
words = st.from_regex(r"[a-z]{1,6}", fullmatch=True)
keys = st.lists(words, min_size=1, max_size=4).map(".".join)


@given(keys, keys)
def test_a_prefix_means_what_stands_below_it(prefix: str, key: str) -> None:
    below = key.startswith(f"{prefix}.")
    assert wants([f"{prefix}.*"], key) == below
    assert wants([key], key)
    assert wants([prefix], key) == (prefix == key)


def test_everything_means_what_was_done() -> None:
    assert wants(["*"], "clients.client.create")
    assert not wants(["*"], "read.audit")
    assert wants(["*", "read.*"], "read.audit")
    assert not wants(["clients.*"], "clients_more.client.create")
    assert not wants([], "clients.client.create")


def test_patterns_are_read() -> None:
    assert read_patterns([" people.*", "clients.client.create", "people.*"]) == ["clients.client.create", "people.*"]
    assert read_patterns(["*"]) == ["*"]
    for bad in ([], [""], ["Clients"], ["clients."], ["*.create"], ["clients.*.x"], ["a b"], ["客户"], ["a"] * 0):
        with pytest.raises(InvalidInput):
            read_patterns(bad)
    with pytest.raises(InvalidInput):
        read_patterns([f"a{'b' * number}" for number in range(51)])


@given(st.lists(st.text(min_size=1, max_size=40), min_size=1, max_size=2), st.binary(max_size=200), st.integers(0))
def test_each_secret_signs_time_and_body(secrets: list[str], body: bytes, at: int) -> None:
    moment, *parts = signature(secrets, body, at).split(",")
    assert moment == f"t={at}"
    for secret, part in zip(secrets, parts, strict=True):
        expected = hmac.new(secret.encode(), b"%d.%b" % (at, body), hashlib.sha256).hexdigest()
        assert part == f"v1={expected}"


def test_secrets_are_long_and_never_the_same() -> None:
    made = {new_secret() for _ in range(50)}
    assert len(made) == 50
    assert all(secret.startswith("whsec_") and len(secret) >= 49 for secret in made)


def test_a_body_has_identifiers_and_kinds_and_nothing_else() -> None:
    event = Happened(UUID(int=1), NOW, "clients.client.create", "user", UUID(int=2), "client", UUID(int=3))
    body = body_of(UUID(int=4), event)
    assert body == body_of(UUID(int=4), event)
    assert json.loads(body) == {
        "id": str(UUID(int=1)),
        "type": "clients.client.create",
        "occurred_at": "2026-03-02T09:00:00.000000Z",
        "tenant_id": str(UUID(int=4)),
        "actor": {"kind": "user", "id": str(UUID(int=2))},
        "subject": {"kind": "client", "id": str(UUID(int=3))},
    }


@given(st.integers(1, 100), st.floats(0, 1))
def test_retries_come_later_and_later_and_end(attempts: int, jitter: float) -> None:
    following = next_try(attempts, NOW, jitter)
    if attempts > len(DELAYS):
        assert following is None
        return
    assert following is not None
    assert abs((following - NOW) - DELAYS[attempts - 1]) <= DELAYS[attempts - 1] * 0.051
    assert rests(attempts, following) == (following if attempts <= HOLDS else None)


def test_all_retries_take_a_day() -> None:
    assert timedelta(hours=23) < sum(DELAYS, timedelta()) <= timedelta(hours=24)
    assert list(DELAYS) == sorted(DELAYS)
    assert sum(DELAYS[:HOLDS], timedelta()) < timedelta(minutes=3)


def test_an_endpoint_is_given_up_after_a_day() -> None:
    assert not given_up(None, NOW)
    assert not given_up(NOW - timedelta(hours=23), NOW)
    assert given_up(NOW - timedelta(hours=24), NOW)


def test_failures_are_told_in_both_languages() -> None:
    for text in FAILURES.values():
        assert text.zh
        assert text.en.isascii()
