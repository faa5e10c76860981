"""Reading a person's inbox: its lines, how many there are of each kind, and a print that shows when it changed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from typing import Any

from sqlalchemy import Text, cast, func, select, union_all

from steward_core.forms.states import moves_from
from steward_core.inbox.items import InboxItem, InboxKind
from steward_core.inbox.lines import Rows
from steward_core.inbox.sources import Approvals, sources
from steward_core.industry.enabled import enabled
from steward_core.industry.registry import form_of, full_key
from steward_core.reports.models import REPORT_KINDS
from steward_core.reports.words import period_words
from steward_core.runs.service import RUN_KINDS
from steward_tenants.database.session import TenantSession
from steward_tenants.errors import invalid
from steward_tenants.texts import Bilingual

MOST = 100

Fingerprint = tuple[tuple[Any, ...], ...]
"""Equal as long as no line of an inbox comes, goes or changes its time."""


async def inbox_of(
    session: TenantSession, *, today: date, limit: int = 20, kinds: Collection[InboxKind] = ()
) -> list[InboxItem]:
    """What waits for the actor or lately happened to what was theirs, the latest first; `kinds` only, where given.

    Raises InvalidInput (limit).
    """
    if not 1 <= limit <= MOST:
        raise invalid("limit", "range", f"每次 1 到 {MOST} 条。", f"Ask for 1 to {MOST}.")
    found = await _chosen(session, today, kinds)
    if not found:
        return []
    newest = [one.order_by(one.selected_columns["at"].desc()).limit(limit).subquery() for one in found.values()]
    lines = union_all(*(select(one) for one in newest)).subquery("line")
    order = (lines.c["at"].desc(), lines.c["kind"], lines.c["id"])
    return [_item(tuple(row)) for row in await session.rows(select(lines).order_by(*order).limit(limit))]


async def inbox_counts(session: TenantSession, *, today: date) -> Mapping[InboxKind, int]:
    """How many there are of each kind that the actor may have: records and pairs, not lines; of notices the unread."""
    found = await _chosen(session, today, ())
    counts = dict.fromkeys(found, 0)
    for kind, lines, things, *_ in await _summed(session, found):
        sort = InboxKind(kind)
        counts[sort] = things if sort in (InboxKind.DUPLICATES, InboxKind.NOTICE) else lines
    return counts


async def inbox_fingerprint(session: TenantSession, *, today: date) -> Fingerprint:
    """A print of the actor's inbox, in one statement, for those who watch it."""
    return tuple(sorted(await _summed(session, await _chosen(session, today, ())), key=lambda row: str(row[0])))


async def _chosen(session: TenantSession, today: date, kinds: Collection[InboxKind]) -> dict[InboxKind, Rows]:
    found = sources(session, today, await approvals_here(session))
    return {kind: statement for kind, statement in found.items() if not kinds or kind in kinds}


async def approvals_here(session: TenantSession) -> Approvals:
    """The states of the enabled plugins' forms in which somebody else than the writer decides."""
    found: dict[str, list[str]] = {}
    for one in await enabled(session):
        for form in one.industry.forms:
            flow = form.about.flow
            states = [state.key for state in flow.states if any(move.approval for move in moves_from(form, state.key))]
            if states and form.about.by_people:
                found[full_key(one.key, form.about.key)] = states
    return found


async def _summed(session: TenantSession, found: Mapping[InboxKind, Rows]) -> list[tuple[Any, ...]]:
    """(kind, lines, things, latest, mixed) of each kind that has any."""
    if not found:
        return []
    parts = []
    for statement in found.values():
        line = statement.subquery()
        mixed = func.bit_xor(func.hashtext(func.concat(cast(line.c["id"], Text), line.c["at"], line.c["count"])))
        parts.append(
            select(line.c.kind, func.count(), func.sum(line.c["count"]), func.max(line.c["at"]), mixed).group_by(
                line.c.kind
            )
        )
    return [tuple(row) for row in await session.rows(union_all(*parts))]


def _item(row: Any) -> InboxItem:
    kind, row_id, client_id, name, note, at, count = row
    sort = InboxKind(kind)
    title = _title(sort, name or "", note or "", count)
    if sort is InboxKind.NOTICE:
        return InboxItem(sort, row_id, client_id, title, at, unread=count > 0)
    return InboxItem(sort, row_id, client_id, title, at, count)


def _title(kind: InboxKind, name: str, note: str, count: int) -> Bilingual:
    title = kind.text
    match kind:
        case InboxKind.NOTICE:
            return Bilingual(name, note)
        case InboxKind.FORM_APPROVAL:
            form = form_of(note).about.title
            return Bilingual(f"{form.zh}待审批：{name}", f"{form.en} to decide on: {name}")
        case InboxKind.OBJECTION_DECIDED:
            upheld = note == "upheld"
            return Bilingual(
                f"评级异议{'成立' if upheld else '被驳回'}：{name}",
                f"Objection {'upheld' if upheld else 'rejected'}: {name}",
            )
        case InboxKind.PRIVACY_REQUEST:
            sort = Bilingual("删除", "erasure") if note == "erasure" else Bilingual("查阅、复制", "a copy")
            return Bilingual(f"{title.zh}：{sort.zh}", f"{title.en}: {sort.en}")
        case InboxKind.RUN_ENDED:
            run = RUN_KINDS[name].title
            failed = note == "failed"
            return Bilingual(
                f"任务{'失败' if failed else '完成'}：{run.zh}", f"{'Failed' if failed else 'Done'}: {run.en}"
            )
        case InboxKind.HAND_OVER_PLANNED:
            return Bilingual(f"{count} 个客户将于 {note} 移交给您", f"{count} clients will be yours from {note}")
        case InboxKind.HAND_OVER_DONE:
            return Bilingual(f"{count} 个客户已移交给您", f"{count} clients were handed over to you")
        case InboxKind.REPORT_SUBMITTED:
            report, _, start = note.partition(":")
            period = period_words(REPORT_KINDS[report], date.fromisoformat(start))
            return Bilingual(f"{period.zh}待批阅：{name}", f"To read: {period.en}, {name}")
        case InboxKind.PROMISE_NEAR | InboxKind.PROMISE_BROKEN:
            return Bilingual(f"{title.zh}：{name}", f"{title.en}: {note}")
        case InboxKind.DUPLICATES:
            return Bilingual(f"{count} 对疑似重复客户待确认", f"{count} possible duplicates to look at")
        case _:
            return Bilingual(f"{title.zh}：{name}", f"{title.en}: {name}")
