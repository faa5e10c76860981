"""Writing audit events, in the transaction of what they describe."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, NamedTuple, cast
from uuid import UUID

from sqlalchemy import CTE, Insert, Table, bindparam, insert, literal, select

from steward_tenants.audit.models import AuditEvent
from steward_tenants.commands.at_once import Acting, Given
from steward_tenants.database.actor import ActorKind
from steward_tenants.database.blocking import BlockingSession
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import WriteSession
from steward_tenants.database.vault import Vault
from steward_tenants.directory.models import Doorbell

AUDIT_QUEUE = "audit"
SECRET = "•••"
Values = Mapping[str, Any]


class Subject(NamedTuple):
    """What an event is about: its kind (`user`, `role`, …) and id."""

    kind: str
    id: UUID | None = None


def differences(
    vault: Vault,
    before: Values | None,
    after: Values | None,
    *,
    secret: Collection[str] = (),
    personal: Collection[str] = (),
) -> dict[str, list[Any]]:
    """`{field: [before, after]}` of what differs; `secret` values are masked, `personal` ones become keyed digests."""
    changes = {}
    for name in sorted({*(before or {}), *(after or {})}):
        pair = [(before or {}).get(name), (after or {}).get(name)]
        if pair[0] == pair[1]:
            continue
        if name in secret:
            pair = [None if value is None else SECRET for value in pair]
        elif name in personal:
            pair = [None if value is None else vault.digest(str(value), f"audit/{name}") for value in pair]
        changes[name] = [_plain(value) for value in pair]
    return changes


_AS_IT_IS = frozenset({bool, int, float, type(None)})


def _plain(value: Any) -> Any:
    if type(value) in _AS_IT_IS:
        return value
    if isinstance(value, str):
        return _storable(value)
    if isinstance(value, UUID | datetime | date | time | timedelta | Decimal):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, set | frozenset):
        return sorted((_plain(item) for item in value), key=str)
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def _storable(text: str) -> str:
    """The text without what PostgreSQL cannot hold (NUL, halves of surrogate pairs): an odd input must not be able
    to keep a command from being recorded."""
    return text.replace("\0", "\ufffd").encode(errors="replace").decode()


def _both_rows() -> Insert:
    """Event and doorbell in one statement, made once: only the parameters differ from one event to the next."""
    events, doorbells = cast(Table, AuditEvent.__table__), cast(Table, Doorbell.__table__)
    given = {column.name: bindparam(column.name, type_=column.type) for column in events.c if column.name != "at"}
    event = insert(events).values(given).returning(events.c.tenant_id, events.c.id).cte("event")
    return insert(doorbells).from_select(
        ["queue", "tenant_id", "job_id"], select(literal(AUDIT_QUEUE), event.c.tenant_id, event.c.id)
    )


RECORD = _both_rows()


_OF_EACH = ("id", "actor_kind", "actor_id", "actor_label", "changes", "request_id")
"""What events of one command differ in, besides tenant and subject."""


def recorded_after(made: CTE, given: Given, action: str, subject_kind: str) -> CTE:
    """Event and doorbell as part of a larger statement, for each row of `made`: of its tenant, about it. The values
    are those of `event_values`."""
    events, doorbells = cast(Table, AuditEvent.__table__), cast(Table, Doorbell.__table__)
    of_row = {
        "tenant_id": made.c.tenant_id,
        "action": literal(action),
        "subject_kind": literal(subject_kind),
        "subject_id": made.c.id,
    }
    of_each = {name: given(f"event_{name}", events.c[name].type) for name in _OF_EACH}
    names, values = [*of_row, *of_each], select(*of_row.values(), *of_each.values())
    event = (
        insert(events)
        .from_select(names, values, include_defaults=False)
        .returning(events.c.tenant_id, events.c.id)
        .cte("event")
    )
    bell = select(literal(AUDIT_QUEUE), event.c.tenant_id, event.c.id)
    return insert(doorbells).from_select(["queue", "tenant_id", "job_id"], bell, include_defaults=False).cte("bell")


def event_values(acting: Acting, *, after: Values, personal: Collection[str] = ()) -> dict[str, Any]:
    """What `record` would write, under the names of `recorded_after`."""
    changes = differences(acting.vault, None, after, personal=personal)
    return {f"event_{name}": value for name, value in _of_each(acting, changes).items()}


def _of_each(session: WriteSession | BlockingSession | Acting, changes: dict[str, list[Any]]) -> dict[str, Any]:
    return {
        "id": new_id(),
        "actor_kind": session.actor.kind.value,
        "actor_id": session.actor.id,
        # A user's name stays out of a log that cannot be erased; lists look it up by the id as long as it stands.
        "actor_label": "" if session.actor.kind is ActorKind.USER else _storable(session.actor.label),
        "changes": changes,
        "request_id": _storable(session.request_id),
    }


def _values(
    session: WriteSession | BlockingSession,
    action: str,
    subject: Subject,
    changes: dict[str, list[Any]],
    reason: str | None,
) -> dict[str, Any]:
    return {
        **_of_each(session, changes),
        "tenant_id": session.tenant_id,
        "action": action,
        "subject_kind": subject.kind,
        "subject_id": subject.id,
        "reason": None if reason is None else _storable(reason),
    }


async def record(
    session: WriteSession,
    action: str,
    subject: Subject,
    *,
    before: Values | None = None,
    after: Values | None = None,
    secret: Collection[str] = (),
    personal: Collection[str] = (),
    reason: str | None = None,
) -> None:
    """Record a command or a sensitive read. `action` is the command's key, or `read.<what>`.

    Rings the sealer through the doorbell in the same statement. Free text in `reason` is the actor's own.
    """
    changes = differences(session.vault, before, after, secret=secret, personal=personal)
    await session.flush()
    await session.execute(RECORD, _values(session, action, subject, changes, reason))
    session.audited.append(action)


def record_blocking(
    session: BlockingSession,
    action: str,
    subject: Subject,
    *,
    after: Values | None = None,
    secret: Collection[str] = (),
) -> None:
    """`record` for code that cannot await."""
    changes = differences(session.vault, None, after, secret=secret)
    session.flush()
    session.execute(RECORD, _values(session, action, subject, changes, None))
    session.audited.append(action)
