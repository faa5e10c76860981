"""Reading the audit log: a page of events for a person, and the contents that seals are computed over."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Text, any_, bindparam, cast, func, select, tuple_
from sqlalchemy import Uuid as UuidType
from sqlalchemy.dialects.postgresql import ARRAY

from steward_tenants.access.permissions import AUDIT_READ
from steward_tenants.access.rules import require
from steward_tenants.audit.models import AuditEvent
from steward_tenants.audit.rules import EventContent
from steward_tenants.audit.service import AUDIT_QUEUE, Subject, record
from steward_tenants.database.session import DirectorySession, TenantSession, WriteSession
from steward_tenants.directory.models import Doorbell
from steward_tenants.errors import invalid
from steward_tenants.people.models import User, UserStatus

MOST_EVENTS = 500
_LAST_CHARACTER = "\U0010ffff"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

CONTENT: tuple[Any, ...] = (
    AuditEvent.tenant_id,
    AuditEvent.at,
    AuditEvent.id,
    AuditEvent.action,
    AuditEvent.actor_kind,
    AuditEvent.actor_id,
    AuditEvent.actor_label,
    AuditEvent.subject_kind,
    AuditEvent.subject_id,
    cast(AuditEvent.changes, Text).label("changes_text"),
    AuditEvent.reason,
    AuditEvent.request_id,
)


class Position(NamedTuple):
    """Where an event stands in the log."""

    at: datetime
    id: UUID

    def cursor(self) -> str:
        """The position as an opaque text."""
        moment = (self.at - _EPOCH) // _MICROSECOND
        return base64.urlsafe_b64encode(moment.to_bytes(8, signed=True) + self.id.bytes).decode()

    @classmethod
    def of(cls, cursor: str, field: str) -> Position:
        """The position in a cursor; raises InvalidInput naming `field`."""
        try:
            data = base64.b64decode(cursor, altchars=b"-_", validate=True)
            moment = _EPOCH + int.from_bytes(data[:8], signed=True) * _MICROSECOND
            return cls(moment, UUID(bytes=data[8:]))
        except (binascii.Error, ValueError, OverflowError):
            raise invalid(field, "cursor", "翻页位置无效。", "Not a position in this list.") from None


@dataclass(frozen=True)
class EventFilter:
    """Which events. `action` is a prefix (`people.` means all of people); `since` is included, `until` is not."""

    actor_id: UUID | None = None
    action: str | None = None
    subject_kind: str | None = None
    subject_id: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """The filter in SQL. The prefix is a range, which an index serves behind row-level security."""
        found: list[ColumnElement[bool]] = []
        if self.actor_id is not None:
            found.append(AuditEvent.actor_id == self.actor_id)
        if self.action:
            found.append(AuditEvent.action >= self.action)
            found.append(AuditEvent.action < self.action + _LAST_CHARACTER)
        if self.subject_kind is not None:
            found.append(AuditEvent.subject_kind == self.subject_kind)
        if self.subject_id is not None:
            found.append(AuditEvent.subject_id == self.subject_id)
        if self.since is not None:
            found.append(AuditEvent.at >= self.since)
        if self.until is not None:
            found.append(AuditEvent.at < self.until)
        return found

    def as_values(self) -> dict[str, Any]:
        """What was asked for, for the audit event of the reading itself."""
        return {name: value for name, value in vars(self).items() if value is not None}


@dataclass(frozen=True)
class EventPage:
    """Events, newest first. `newer` and `older` are cursors to the pages beside this one, None at an end.

    `names` has the names of the users among the actors, except erased ones.
    """

    events: Sequence[AuditEvent]
    newer: str | None
    older: str | None
    names: Mapping[UUID, str] = field(default_factory=dict)


async def list_events(
    session: WriteSession,
    wanted: EventFilter | None = None,
    *,
    limit: int = 50,
    older_than: str | None = None,
    newer_than: str | None = None,
) -> EventPage:
    """A page of the log, newest first, beside a cursor of another page or from the newest event.

    Reading it is itself recorded (`read.audit`), hence the writing session. Raises Forbidden, InvalidInput.
    """
    require(session.actor, AUDIT_READ)
    wanted = wanted or EventFilter()
    if not 1 <= limit <= MOST_EVENTS:
        raise invalid("limit", "range", f"每页 1 到 {MOST_EVENTS} 条。", f"Ask for 1 to {MOST_EVENTS} events.")
    if older_than and newer_than:
        raise invalid("newerThan", "exclusive", "只能向一个方向翻页。", "Turn pages in one direction only.")
    place = tuple_(AuditEvent.at, AuditEvent.id)
    statement = select(AuditEvent).where(session.within(AuditEvent), *wanted.conditions())
    order: list[ColumnElement[Any]] = [AuditEvent.at.desc(), AuditEvent.id.desc()]
    if older_than:
        statement = statement.where(place < tuple_(*Position.of(older_than, "olderThan")))
    elif newer_than:
        statement = statement.where(place > tuple_(*Position.of(newer_than, "newerThan")))
        order = [AuditEvent.at.asc(), AuditEvent.id.asc()]
    found = list(await session.scalars(statement.order_by(*order).limit(limit + 1)))
    await record(session, "read.audit", Subject("audit"), after=wanted.as_values())
    names = await actor_names(session, {event.actor_id for event in found})
    return _page(found, limit, older_than, newer_than, names)


async def actor_names(session: TenantSession, ids: Collection[UUID]) -> dict[UUID, str]:
    """The names that users go by today; erased people are not among them."""
    rows = await session.rows(
        select(User.id, User.name).where(
            session.within(User), identifiers_in(User.id, list(ids)), User.status != UserStatus.ERASED
        )
    )
    return {row.id: row.name for row in rows}


def _page(
    found: list[AuditEvent], limit: int, older_than: str | None, newer_than: str | None, names: Mapping[UUID, str]
) -> EventPage:
    more = len(found) > limit
    events = found[:limit]
    if newer_than:
        events.reverse()
    if not events:
        return EventPage((), newer=older_than, older=newer_than)
    newest, oldest = (Position(event.at, event.id).cursor() for event in (events[0], events[-1]))
    return EventPage(
        events,
        newer=newest if (more if newer_than else older_than is not None) else None,
        older=oldest if (newer_than is not None or more) else None,
        names=names,
    )


def contents(session: TenantSession) -> Select[Any]:
    """A select of this tenant's events as rows of `EventContent`'s fields, to be narrowed further."""
    return select(*CONTENT).where(session.within(AuditEvent))


def identifiers_in(column: Any, ids: Sequence[UUID]) -> ColumnElement[bool]:
    """`column = any(ids)`, one parameter however many there are."""
    found: ColumnElement[bool] = column == any_(
        bindparam("ids", list(ids), type_=ARRAY(UuidType(as_uuid=True)), unique=True)
    )
    return found


async def contents_of(
    session: TenantSession, ids: Sequence[UUID], first_at: datetime, last_at: datetime
) -> dict[UUID, EventContent]:
    """The contents of events by id. Only those with `at` in the given range: the key starts with it."""
    rows = await session.rows(
        contents(session).where(AuditEvent.at >= first_at, AuditEvent.at <= last_at, identifiers_in(AuditEvent.id, ids))
    )
    return {event.id: event for event in map(EventContent._make, rows)}


@dataclass(frozen=True)
class SealingBacklog:
    """Committed events of all tenants that no seal holds yet; `oldest` is the age of the oldest, in seconds."""

    events: int
    oldest: float


async def sealing_backlog(directory: DirectorySession) -> SealingBacklog:
    """How far the sealers are behind, over all tenants."""
    result = await directory.execute(
        select(
            func.count(),
            func.coalesce(func.extract("epoch", func.clock_timestamp() - func.min(Doorbell.due)), 0),
        ).where(Doorbell.queue == AUDIT_QUEUE)
    )
    row: Any = result.one()
    return SealingBacklog(row[0], max(0.0, float(row[1])))
