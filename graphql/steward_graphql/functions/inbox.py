"""The inbox, and what keeps coming: changes of it, progress of a run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

from steward_core.inbox.items import InboxKind
from steward_core.inbox.queries import Fingerprint, Inbox, inbox, inbox_fingerprint
from steward_core.runs.models import Run, RunStatus
from steward_core.runs.queries import run_of
from steward_core.runs.service import OVER
from steward_graphql.declared.scalars import BOOLEAN, DATETIME, ID, INT, STRING, EnumKind
from steward_graphql.declared.shapes import Asked, EntityRef, Function, Subscription
from steward_graphql.functions.parts import FIRST, MOST, argument, few, page_size, part, several, shape, texts
from steward_graphql.functions.standing import Watch
from steward_tenants.database.session import ReadSession
from steward_tenants.texts import Bilingual

INBOX_SECONDS = 2.0
"""How often a watched inbox is looked at."""
RUN_SECONDS = 0.5
"""How often a watched run is looked at."""

KIND = EnumKind(
    "InboxKind",
    Bilingual("收件箱条目的类别", "What sort of thing stands in an inbox"),
    tuple((kind.value, kind.text) for kind in InboxKind),
)
ITEM = shape(
    "InboxItem",
    "收件箱的一条",
    "A line of an inbox",
    part("key", STRING, "区别于其他条目的标识", "Tells it from all other lines"),
    part("kind", KIND, "类别", "Its sort", read=lambda item: item.kind.value),
    part(
        "id",
        ID,
        "表单记录、异议、请求、导入、任务、移交或通知的编号；合计条目为空",
        "Identifier of the record, objection, request, import, run, hand-over or notice; none for counted lines",
        nullable=True,
    ),
    part("clientId", ID, "客户编号", "Identifier of the client", nullable=True),
    part("client", EntityRef("Client"), "客户", "The client", nullable=True, read=lambda item: item.client_id),
    texts("title", "标题", "Its title"),
    part("at", DATETIME, "时间", "Since when, or when it happened"),
    part("count", INT, "所代表的数量", "How many things it stands for"),
    part(
        "unread",
        BOOLEAN,
        "通知是否未读；其他条目恒为是",
        "Whether a notice was not read yet; always true of other lines",
    ),
)
COUNT = shape(
    "InboxCount",
    "某类条目的数量",
    "How many there are of one sort",
    part("kind", KIND, "类别", "The sort", read=lambda pair: pair[0].value),
    texts("title", "类别名称", "Its title", read=lambda pair: pair[0].text),
    part("count", INT, "数量", "How many", read=lambda pair: pair[1]),
)


async def _inbox(
    session: ReadSession, asked: Asked, *, kinds: list[str] | None = None, first: int | None = None
) -> Inbox:
    """Raises InvalidInput."""
    chosen = [InboxKind(kind) for kind in few("kinds", kinds)]
    return await inbox(session, today=asked.today, limit=page_size(first), kinds=chosen)


INBOX = shape(
    "Inbox",
    "收件箱：待办与近期结果",
    "What waits for the caller, and what lately became of what was theirs",
    several("items", ITEM, "条目，最近在前", "The lines, the latest first"),
    several("counts", COUNT, "各类数量", "How many there are of each sort", read=lambda one: list(one.counts.items())),
)
CHANGE = shape(
    "InboxChange",
    "收件箱的一次变化",
    "A change of an inbox",
    several("counts", COUNT, "各类数量", "How many there are of each sort", read=lambda one: list(one.counts.items())),
    several("items", ITEM, "新出现的条目，最近在前", "The lines that are new, the latest first"),
)


async def _inbox_changes(asked: Asked) -> AsyncIterator[Inbox]:
    """The counts at once, then at every change the counts and the lines that are new. Ends with the caller's rights."""
    watch = await Watch.of(asked)
    before: Fingerprint | None = None
    known: set[tuple[str, Any]] = set()
    while True:
        change: Inbox | None = None
        async with watch.session() as session:
            if session is None:
                return
            today = watch.now().today
            print_now = await inbox_fingerprint(session, today=today)
            if print_now != before:
                now = await inbox(session, today=today, limit=MOST)
                fresh = [] if before is None else [item for item in now.items if (item.key, item.at) not in known]
                known = {(item.key, item.at) for item in now.items}
                change, before = Inbox(fresh, now.counts), print_now
        if change is not None:
            yield change
        await asyncio.sleep(INBOX_SECONDS)


async def _run_progress(asked: Asked, *, id: UUID) -> AsyncIterator[UUID]:  # noqa: A002 - the argument's name
    """The run whenever it went on, until it is over or the caller's rights end. Raises RunNotFound."""
    watch = await Watch.of(asked)
    before: tuple[Any, ...] | None = None
    while True:
        async with watch.session() as session:
            if session is None:
                return
            run = await run_of(session, id)
            seen, ended = _place(run), run.status in {*OVER, RunStatus.FAILED}
        if seen != before:
            before = seen
            yield id
        if ended:
            return
        await asyncio.sleep(RUN_SECONDS)


def _place(run: Run) -> tuple[Any, ...]:
    return run.version, run.status, run.done, run.total


FUNCTIONS = (
    Function(
        "inbox",
        Bilingual("收件箱：待办与近期结果", "What waits for the caller, and what lately became of what was theirs"),
        INBOX,
        _inbox,
        (argument("kinds", KIND, "只要这些类别", "Of these sorts only", listed=True), FIRST),
        cost=30,
    ),
)
SUBSCRIPTIONS = (
    Subscription(
        "inbox",
        Bilingual("收件箱的变化：先给出数量，之后每次变化给出数量与新条目", "Changes of the caller's inbox"),
        CHANGE,
        _inbox_changes,
    ),
    Subscription(
        "runProgress",
        Bilingual("任务进度，直到结束", "A run whenever it went on, until it is over"),
        EntityRef("Run"),
        _run_progress,
        (argument("id", ID, "任务编号", "Identifier of the run", required=True),),
    ),
)
