"""Pure decisions on the audit chain: an event's canonical bytes, a batch's digest, the chain over batches.

Version 1 of the form. Every field is written with its length before it, in a fixed order, so that no two different
events share their bytes; `changes` enters as the text in which the database prints its jsonb. A later version is a new
constant and new functions beside these: seals already written are never computed anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

FORM = b"steward.audit.v1"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class EventContent(NamedTuple):
    """All that is sealed of an event, in the order in which it is sealed. `changes` is JSON text."""

    tenant_id: UUID
    at: datetime
    id: UUID
    action: str
    actor_kind: str
    actor_id: UUID
    actor_label: str
    subject_kind: str
    subject_id: UUID | None
    changes: str
    reason: str | None
    request_id: str


def _framed(value: UUID | datetime | str | bytes | None) -> bytes:
    if value is None:
        return b"-"
    if isinstance(value, UUID):
        data = value.bytes
    elif isinstance(value, str):
        data = value.encode()
    elif isinstance(value, datetime):
        data = b"%d" % ((value - _EPOCH) // _MICROSECOND)
    else:
        data = value
    return b"%d:%b" % (len(data), data)


def event_bytes(event: EventContent) -> bytes:
    """The canonical bytes of one event."""
    return b"".join(map(_framed, event))


def in_seal_order(events: Iterable[EventContent]) -> list[EventContent]:
    """Events in the order in which a batch chains them: by time, then id."""
    return sorted(events, key=lambda event: (event.at, event.id))


def batch_digest(events: Iterable[EventContent]) -> bytes:
    """SHA-256 over the events' canonical bytes, in the order given."""
    digest = hashlib.sha256(_framed(FORM))
    for event in events:
        digest.update(_framed(event_bytes(event)))
    return digest.digest()


def genesis(tenant_id: UUID) -> bytes:
    """What stands before a tenant's first batch, so that one tenant's chain is no other's."""
    return hashlib.sha256(_framed(FORM) + _framed(tenant_id)).digest()


def chained(previous: bytes, batch: int, digest: bytes) -> bytes:
    """The chain value of a batch: SHA-256(previous ‖ batch number, 8 bytes ‖ digest)."""
    return hashlib.sha256(previous + batch.to_bytes(8) + digest).digest()


def month_of(at: datetime) -> tuple[int, int]:
    """The UTC month of an event. A batch never spans two, so that a dropped partition takes whole batches along."""
    moment = at.astimezone(UTC)
    return moment.year, moment.month


def next_batch(events: Iterable[EventContent]) -> list[EventContent]:
    """Of events waiting, those that the next batch takes: the earliest month's, in order."""
    ordered = in_seal_order(events)
    return [event for event in ordered if month_of(event.at) == month_of(ordered[0].at)]
