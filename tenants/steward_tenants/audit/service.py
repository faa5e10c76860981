"""Writing audit events, in the transaction of what they describe."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import insert, literal, select

from steward_tenants.audit.models import AuditEvent
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


def _plain(value: Any) -> Any:
    if isinstance(value, UUID | datetime | date):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    return value


def _statement(
    session: WriteSession | BlockingSession,
    action: str,
    subject: Subject,
    changes: dict[str, list[Any]],
    reason: str | None,
) -> Any:
    event = (
        insert(AuditEvent)
        .values(
            tenant_id=session.tenant_id,
            id=new_id(),
            action=action,
            actor_kind=session.actor.kind.value,
            actor_id=session.actor.id,
            actor_label=session.actor.label,
            subject_kind=subject.kind,
            subject_id=subject.id,
            changes=changes,
            reason=reason,
            request_id=session.request_id,
        )
        .returning(AuditEvent.tenant_id, AuditEvent.id)
        .cte("event")
    )
    return insert(Doorbell).from_select(
        ["queue", "tenant_id", "job_id"], select(literal(AUDIT_QUEUE), event.c.tenant_id, event.c.id)
    )


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
    await session.execute(_statement(session, action, subject, changes, reason))
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
    session.execute(_statement(session, action, subject, changes, None))
    session.audited.append(action)
