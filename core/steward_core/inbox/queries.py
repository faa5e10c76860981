"""Reading a person's inbox: its lines, how many there are of each kind, and a print that shows when it changed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from steward_core.forms.states import moves_from
from steward_core.inbox.items import InboxItem, InboxKind
from steward_core.inbox.sources import Approvals
from steward_core.inbox.statements import LIMIT, MOST, InboxStatements, statements_of
from steward_core.industry.enabled import enabled
from steward_core.industry.registry import form_of, full_key
from steward_core.reports.models import REPORT_KINDS
from steward_core.reports.words import period_words
from steward_core.runs.service import RUN_KINDS
from steward_tenants.access.symbolic import Standing, standing_of
from steward_tenants.database.session import TenantSession
from steward_tenants.errors import invalid
from steward_tenants.texts import Bilingual

Fingerprint = tuple[tuple[Any, ...], ...]
"""Equal as long as no line of an inbox comes, goes or changes its time."""
_COUNTED_THINGS = (InboxKind.DUPLICATES, InboxKind.NOTICE)


@dataclass(frozen=True)
class Inbox:
    """Lines of an inbox, the latest first, and how many there are of each kind that the actor may have: records and
    pairs, not lines; of notices the unread."""

    items: list[InboxItem]
    counts: Mapping[InboxKind, int]


async def inbox(session: TenantSession, *, today: date, limit: int = 20, kinds: Collection[InboxKind] = ()) -> Inbox:
    """What waits for the actor or lately happened to what was theirs; `kinds` only, where given.

    Raises InvalidInput (limit).
    """
    if not 1 <= limit <= MOST:
        raise invalid("limit", "range", f"每次 1 到 {MOST} 条。", f"Ask for 1 to {MOST}.")
    standing, statements = await _prepared(session, kinds)
    counts = dict.fromkeys(statements.kinds, 0)
    if statements.lines is None:
        return Inbox([], counts)
    rows = await statements.lines.rows(session, standing, today, {LIMIT: limit})
    for row in rows:
        kind = InboxKind(row.kind)
        counts[kind] = _number(kind, row.lines, row.things)
    return Inbox([_item(tuple(row[:-2])) for row in rows[:limit]], counts)


async def inbox_of(
    session: TenantSession, *, today: date, limit: int = 20, kinds: Collection[InboxKind] = ()
) -> list[InboxItem]:
    """The lines of `inbox`. Raises InvalidInput (limit)."""
    return (await inbox(session, today=today, limit=limit, kinds=kinds)).items


async def inbox_counts(session: TenantSession, *, today: date) -> Mapping[InboxKind, int]:
    """The counts of `inbox`."""
    standing, statements = await _prepared(session, ())
    counts = dict.fromkeys(statements.kinds, 0)
    for kind, lines, things, *_ in await _sums(session, standing, statements, today):
        counts[InboxKind(kind)] = _number(InboxKind(kind), lines, things)
    return counts


async def inbox_fingerprint(session: TenantSession, *, today: date) -> Fingerprint:
    """A print of the actor's inbox, in one statement, for those who watch it."""
    standing, statements = await _prepared(session, ())
    return tuple(sorted(await _sums(session, standing, statements, today), key=lambda row: str(row[0])))


async def _prepared(session: TenantSession, kinds: Collection[InboxKind]) -> tuple[Standing, InboxStatements]:
    standing = standing_of(session.actor)
    states = tuple(sorted((form, tuple(states)) for form, states in (await approvals_here(session)).items()))
    return standing, statements_of(standing.profile, states, frozenset(kinds), frozenset(RUN_KINDS))


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


async def _sums(
    session: TenantSession, standing: Standing, statements: InboxStatements, today: date
) -> list[tuple[Any, ...]]:
    if statements.sums is None:
        return []
    return [tuple(row) for row in await statements.sums.rows(session, standing, today)]


def _number(kind: InboxKind, lines: int, things: int) -> int:
    return things if kind in _COUNTED_THINGS else lines


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
