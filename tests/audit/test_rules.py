"""The chain's bytes: different events never share them, and every change of a field shows."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from steward_tenants.audit.rules import (
    EventContent,
    batch_digest,
    chained,
    event_bytes,
    genesis,
    in_seal_order,
    next_batch,
)

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
moments = st.datetimes(timezones=st.just(UTC))
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "tenant_id": st.uuids(),
    "at": moments,
    "id": st.uuids(),
    "action": texts,
    "actor_kind": texts,
    "actor_id": st.uuids(),
    "actor_label": texts,
    "subject_kind": texts,
    "subject_id": st.none() | st.uuids(),
    "changes": st.dictionaries(texts, texts, max_size=3).map(json.dumps),
    "reason": st.none() | texts,
    "request_id": texts,
}
events = st.builds(EventContent, **FIELDS)


@given(events, st.sampled_from(EventContent._fields), st.data())
def test_any_change_of_any_field_changes_the_digest(event: EventContent, name: str, data: st.DataObject) -> None:
    value = data.draw(FIELDS[name].filter(lambda value: value != getattr(event, name)))
    assert batch_digest([event._replace(**{name: value})]) != batch_digest([event])


@given(events, events)
def test_different_events_have_different_bytes(one: EventContent, other: EventContent) -> None:
    assert (event_bytes(one) == event_bytes(other)) == (one == other)


@given(events, texts, texts, texts, texts)
def test_text_does_not_slip_from_one_field_to_the_next(event: EventContent, a: str, b: str, c: str, d: str) -> None:
    one = event._replace(actor_label=a, subject_kind=b)
    other = event._replace(actor_label=c, subject_kind=d)
    assert (event_bytes(one) == event_bytes(other)) == ((a, b) == (c, d))


@given(st.lists(events, max_size=4), st.lists(events, max_size=4))
def test_different_batches_have_different_digests(one: list[EventContent], other: list[EventContent]) -> None:
    assert (batch_digest(one) == batch_digest(other)) == (one == other)


@given(events, texts)
def test_no_text_stands_for_none(event: EventContent, text: str) -> None:
    assert event_bytes(event._replace(reason=None)) != event_bytes(event._replace(reason=text))


@given(events, st.integers(-12, 14))
def test_the_zone_in_which_a_time_is_told_does_not_matter(event: EventContent, hours: int) -> None:
    told = event._replace(at=event.at.astimezone(timezone(timedelta(hours=hours))))
    assert event_bytes(told) == event_bytes(event)


@given(st.binary(min_size=32, max_size=32), st.integers(1, 2**62), st.binary(min_size=32, max_size=32))
def test_a_batch_number_is_part_of_the_chain(previous: bytes, batch: int, digest: bytes) -> None:
    assert chained(previous, batch, digest) != chained(previous, batch + 1, digest)


@given(st.uuids(), st.uuids())
def test_each_tenant_starts_from_its_own_value(one: UUID, other: UUID) -> None:
    assert (genesis(one) == genesis(other)) == (one == other)


@given(st.lists(events, min_size=1, max_size=8))
def test_a_batch_holds_the_earliest_month_in_order(waiting: list[EventContent]) -> None:
    batch = next_batch(waiting)
    assert batch == in_seal_order(batch)
    assert len({(event.at.year, event.at.month) for event in batch}) == 1
    rest = [event for event in waiting if event not in batch]
    assert all(event.at > batch[-1].at for event in rest)


def test_the_form_stays_what_it_is() -> None:
    """Logs are kept for years: what is sealed today must be computed the same way later."""
    event = EventContent(
        UUID(int=1),
        datetime(2026, 11, 1, 8, 30, 0, 5, UTC),
        UUID(int=2),
        "people.user.create",
        "user",
        UUID(int=3),
        "王芳",
        "user",
        None,
        '{"name": [null, "•••"]}',
        None,
        "r-1",
    )
    digest = "ed24b317a591a8f571058826b977483141aa8dbf2ecd66ab27ce78e5e357a4ac"
    assert batch_digest([event]).hex() == digest
    assert (
        chained(genesis(UUID(int=1)), 1, bytes.fromhex(digest)).hex()
        == "ecb2a97d2fa012a0e17eb4ebf51c4a407f683666c51eea2cc8f4792f75e7aec8"
    )
