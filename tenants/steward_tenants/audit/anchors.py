"""Anchors: the chain value of each sealed batch, exported to be kept elsewhere and given back to `verify`."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import select, tuple_

from steward_tenants.audit.errors import AnchorsUnreadable
from steward_tenants.database.database import Database
from steward_tenants.database.session import DirectorySession
from steward_tenants.directory.models import AuditAnchor

PAGE = 2_000
_COLUMNS: tuple[Any, ...] = (
    AuditAnchor.tenant_id,
    AuditAnchor.batch,
    AuditAnchor.chain,
    AuditAnchor.events,
    AuditAnchor.sealed_at,
)


class Anchor(NamedTuple):
    """The chain value of one batch and how many events it holds."""

    tenant_id: UUID
    batch: int
    chain: bytes
    events: int
    sealed_at: datetime

    def line(self) -> bytes:
        """The anchor as one line of an exported file."""
        values = {
            "tenant": str(self.tenant_id),
            "batch": self.batch,
            "chain": self.chain.hex(),
            "events": self.events,
            "sealed_at": self.sealed_at.isoformat(),
        }
        return json.dumps(values, separators=(",", ":")).encode() + b"\n"


async def anchors_between(directory: DirectorySession, tenant_id: UUID, first: int, last: int) -> dict[int, Anchor]:
    """A tenant's anchors of batches `first` to `last`, both included, by batch."""
    rows = await directory.rows(
        select(*_COLUMNS).where(
            AuditAnchor.tenant_id == tenant_id, AuditAnchor.batch >= first, AuditAnchor.batch <= last
        )
    )
    return {anchor.batch: anchor for anchor in map(Anchor._make, rows)}


async def export_anchors(database: Database, tenant_id: UUID | None = None) -> AsyncIterator[bytes]:
    """All anchors, of one tenant or of all, as JSON lines in order of tenant and batch. Holds no personal data."""
    after: tuple[UUID, int] = (UUID(int=0), 0)
    while True:
        place = tuple_(AuditAnchor.tenant_id, AuditAnchor.batch)
        statement = select(*_COLUMNS).where(place > tuple_(*after)).order_by(*place).limit(PAGE)
        if tenant_id is not None:
            statement = statement.where(AuditAnchor.tenant_id == tenant_id)
        async with database.directory() as directory:
            page: Sequence[Anchor] = list(map(Anchor._make, await directory.rows(statement)))
        if not page:
            return
        yield b"".join(anchor.line() for anchor in page)
        after = (page[-1].tenant_id, page[-1].batch)


def read_anchors(lines: Iterable[str | bytes], tenant_id: UUID) -> Iterator[Anchor]:
    """The anchors of one tenant in an exported file, one at a time. Raises AnchorsUnreadable."""
    last = 0
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            values = json.loads(line)
            anchor = Anchor(
                UUID(values["tenant"]),
                int(values["batch"]),
                bytes.fromhex(values["chain"]),
                int(values["events"]),
                datetime.fromisoformat(values["sealed_at"]),
            )
        except (ValueError, KeyError, TypeError, AttributeError):
            raise AnchorsUnreadable(line=number) from None
        if anchor.tenant_id != tenant_id:
            continue
        if anchor.batch <= last:
            raise AnchorsUnreadable(line=number)
        last = anchor.batch
        yield anchor
