"""What a tenant sets about promises and follow-ups, and what people say of single clocks."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from steward_core.calendars.settings import NAMED_CALENDARS
from steward_core.permissions import REQUESTS_EDIT
from steward_core.promises.definitions import (
    OWN,
    Definition,
    declared_here,
    definitions_here,
    forget_definitions,
    latest_versions,
    next_number,
)
from steward_core.promises.errors import ClockNotFound, ClockOver, DefinitionChanged, DefinitionNotFound
from steward_core.promises.follow_ups import FollowUp
from steward_core.promises.models import DefinitionKind, PromiseClock, PromiseVersion
from steward_core.promises.row_kinds import CLOCK
from steward_core.promises.service import cancel, end
from steward_core.promises.templates import Promise, read
from steward_tenants.access.permissions import SETTINGS_MANAGE
from steward_tenants.access.queries import today
from steward_tenants.audit.service import Subject, record
from steward_tenants.clock import clock_now
from steward_tenants.commands.service import command
from steward_tenants.configuration.queries import get_setting
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.locks import take_turn
from steward_tenants.database.session import WriteSession
from steward_tenants.errors import invalid
from steward_tenants.texts import Bilingual

MOST_OWN = 200
TURN = "promises"
LONGEST_REASON = 1_000


@command("promises.set", "设置承诺与跟进规则", "Set a promise or follow-up", permission=SETTINGS_MANAGE)
async def set_promise(
    session: WriteSession,
    kind: DefinitionKind,
    key: str,
    *,
    document: Mapping[str, Any] | None = None,
    active: bool = True,
    expected_number: int | None = None,
) -> PromiseVersion:
    """The next version of a promise or follow-up: `document` is the whole of it (None: as it was). Clocks that run keep
    what they started with. A promise of the tenant's own has a key that begins with `own.`. `expected_number` is the
    version that was read. Raises Forbidden, InvalidInput naming every bad field, DefinitionNotFound, DefinitionChanged.
    """
    await take_turn(session, TURN)
    known = (await definitions_here(session)).find(kind, key)
    if known is None and document is None:
        raise DefinitionNotFound(key=key)
    _expect(known, key, expected_number)
    if known is None:
        await _check_new(session, kind, key)
    stored = None if document is None else await _checked(session, kind, key, document)
    if document is None and known is not None and known.changed:
        stored = known.what.model_dump(mode="json")
    return await _write(session, "promises.set", kind, key, known, document=stored, active=active)


@command("promises.restore", "恢复承诺的原有规定", "Restore a promise as declared", permission=SETTINGS_MANAGE)
async def restore_promise(
    session: WriteSession, kind: DefinitionKind, key: str, *, expected_number: int | None = None
) -> PromiseVersion:
    """Let what the plugin declares hold again; a promise of the tenant's own is gone with it.
    Raises Forbidden, DefinitionNotFound, DefinitionChanged."""
    await take_turn(session, TURN)
    known = (await definitions_here(session)).find(kind, key)
    if known is None:
        raise DefinitionNotFound(key=key)
    _expect(known, key, expected_number)
    return await _write(session, "promises.restore", kind, key, known, document=None, active=True)


@command("promises.clock.finish", "登记承诺已履行", "Record a promise as kept", permission=REQUESTS_EDIT)
async def finish_clock(
    session: WriteSession, clock_id: UUID, *, reason: str, at: datetime | None = None
) -> PromiseClock:
    """What was promised is done, at `at` (now), though nothing told so; later than its limit it is late all the same.
    Raises Forbidden, ClockNotFound, ClockOver, InvalidInput."""
    row = await _held(session, clock_id)
    why, now = _reason(reason), clock_now()
    moment = at or now
    if not row.started_at <= moment <= now:
        raise invalid("at", "range", "时间应在开始之后、现在之前。", "Give a moment between the start and now.")
    await end(session, [row], {row.id: moment})
    await session.refresh(row)
    after = {"state": row.state, "ended_at": moment}
    await record(session, "promises.clock.finish", Subject("promise_clock", row.id), after=after, reason=why)
    return row


@command("promises.clock.cancel", "取消承诺计时", "Cancel a promise under way", permission=SETTINGS_MANAGE)
async def cancel_clock(session: WriteSession, clock_id: UUID, *, reason: str) -> PromiseClock:
    """What it was about came to nothing, or it was started by mistake; a breach stays noted.
    Raises Forbidden, ClockNotFound, ClockOver, InvalidInput."""
    row = await _held(session, clock_id, everywhere=True)
    why, now = _reason(reason), clock_now()
    await cancel(session, [row], at=now, reason=Bilingual(f"取消：{why}", f"Cancelled: {why}"))
    await session.refresh(row)
    after = {"state": row.state}
    await record(session, "promises.clock.cancel", Subject("promise_clock", row.id), after=after, reason=why)
    return row


def _expect(known: Definition | None, key: str, expected_number: int | None) -> None:
    number = 0 if known is None else known.number
    if expected_number is not None and expected_number != number:
        raise DefinitionChanged(key=key, number=number)


async def _check_new(session: WriteSession, kind: DefinitionKind, key: str) -> None:
    """A definition that nobody declares is the tenant's own. Raises InvalidInput."""
    if kind is DefinitionKind.PROMISE and not key.startswith(f"{OWN}."):
        raise invalid(
            "key", "unknown", "自定义承诺的标识以 own. 开头。", "The key of a promise of your own begins with own."
        )
    declared = await declared_here(session)
    own = [place for place in await latest_versions(session) if place not in declared]
    if len(own) >= MOST_OWN:
        raise invalid("key", "too_many", f"最多自定义 {MOST_OWN} 条规则。", f"At most {MOST_OWN} of your own.")


async def _checked(
    session: WriteSession, kind: DefinitionKind, key: str, document: Mapping[str, Any]
) -> dict[str, Any]:
    """A document as it is stored. Raises InvalidInput naming every bad field."""
    given = {"key": key, **document}
    what: Promise | FollowUp = read(Promise, given) if kind is DefinitionKind.PROMISE else read(FollowUp, given)
    if what.key != key:
        raise invalid("key", "differs", "文档中的标识与所改的规则不一致。", "The document names another key.")
    calendar = what.clock.calendar if isinstance(what, Promise) else None
    if calendar is not None and calendar not in await get_setting(session, NAMED_CALENDARS):
        raise invalid(
            "clock.calendar",
            "unknown",
            f"没有日历“{calendar}”，请选择已有的日历。",
            f"There is no calendar “{calendar}”; choose one that exists.",
        )
    return what.model_dump(mode="json")


async def _write(
    session: WriteSession,
    action: str,
    kind: DefinitionKind,
    key: str,
    known: Definition | None,
    *,
    document: dict[str, Any] | None,
    active: bool,
) -> PromiseVersion:
    row = PromiseVersion(
        id=new_id(),
        kind=kind.value,
        key=key,
        number=await next_number(session, kind, key),
        active=active,
        document=document,
        set_by=session.actor.id,
    )
    session.add(row)
    await session.flush()
    before = None if known is None else {"active": known.active, "document": known.what.model_dump(mode="json")}
    after = {"kind": kind.value, "key": key, "number": row.number, "active": active, "document": document}
    await record(session, action, Subject("promise_version", row.id), before=before, after=after)
    forget_definitions(session)
    await session.refresh(row)
    return row


async def _held(session: WriteSession, clock_id: UUID, *, everywhere: bool = False) -> PromiseClock:
    permission = SETTINGS_MANAGE if everywhere else REQUESTS_EDIT
    reach = CLOCK.within_reach(session, permission, today(session.time_zone))
    row = await session.find(PromiseClock, PromiseClock.id == clock_id, reach, lock=True)
    if row is None:
        raise ClockNotFound
    if row.ended_at is not None:
        raise ClockOver
    return row


def _reason(reason: str) -> str:
    text = reason.strip()
    if not text:
        raise invalid("reason", "required", "请说明原因。", "Give a reason.")
    if len(text) > LONGEST_REASON:
        most = LONGEST_REASON
        raise invalid("reason", "length", f"最多 {most} 个字符。", f"Use at most {most} characters.")
    return text
