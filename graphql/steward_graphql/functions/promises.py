"""Questions about promises that are no table: what is promised here, by when something would be due, where a clock
stands at this moment; and the clocks that come near their limit, as they do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from steward_core.promises.definitions import Definition
from steward_core.promises.models import DefinitionKind
from steward_core.promises.queries import (
    StandingNow,
    WouldBe,
    definitions,
    near_limit,
    request_kinds,
    standing_now,
    would_be,
)
from steward_core.promises.request_settings import RequestKind
from steward_graphql.catalogue.promises import CLOCK_STATE, DEFINITION_KIND
from steward_graphql.declared.scalars import BOOLEAN, DATETIME, ID, INT, JSON, STRING
from steward_graphql.declared.shapes import Asked, EntityRef, Function, ListOf, Subscription
from steward_graphql.functions.parts import TEXT, argument, part, several, shape, texts
from steward_graphql.functions.standing import Watch
from steward_tenants.database.session import ReadSession
from steward_tenants.texts import Bilingual

NEAR_SECONDS = 2.0
"""How often clocks are looked at that somebody watches."""


def _document(one: Definition) -> dict[str, Any]:
    return one.what.model_dump(mode="json")


def _state(one: StandingNow) -> str:
    return one.clock.state if one.standing is None else one.standing.state.value


def _due(one: StandingNow) -> datetime:
    return one.clock.due_at if one.standing is None else one.standing.due


def _lines(one: StandingNow) -> list[Bilingual]:
    return [] if one.standing is None else list(one.standing.lines)


DEFINITION = shape(
    "PromiseDefinition",
    "一项承诺或跟进的现行规定",
    "A promise or follow-up as it holds here",
    part("kind", DEFINITION_KIND, "承诺或跟进", "A promise or follow-up", read=lambda one: one.kind.value),
    part("key", STRING, "标识", "Its key"),
    texts("title", "名称", "Its title", read=lambda one: one.what.title.text),
    part("source", STRING, "来源：插件标识、core 或 own", "Where it comes from: a plugin's key, core or own"),
    part("number", INT, "租户最近设置的版本，0 为从未设置", "The tenant's latest version, 0 when it set none"),
    part("active", BOOLEAN, "是否启用", "Whether it starts clocks"),
    part("changed", BOOLEAN, "是否与原有规定不同", "Whether it is not as declared"),
    part("trigger", STRING, "触发", "What starts it", read=lambda one: one.what.trigger),
    part("narrowed", STRING, "仅限", "What narrows it down", nullable=True, read=lambda one: one.what.narrowed),
    part(
        "document",
        JSON,
        "完整规定，可修改后提交",
        "The whole of it, to be changed and set",
        read=_document,
    ),
)
WOULD_BE = shape(
    "PromiseCalculation",
    "如果现在开始，何时到期",
    "By when a promise would be due",
    part("definition", DEFINITION, "规定", "What it goes by"),
    part("startedAt", DATETIME, "开始时间", "When it starts", read=lambda one: one.started),
    part("dueAt", DATETIME, "到期时间", "When it would be due", read=lambda one: one.standing.due),
    part("warnAt", DATETIME, "预警时间", "From when on it warns", nullable=True, read=lambda one: one.standing.warning),
    part(
        "provisional",
        BOOLEAN,
        "期间含未公布放假安排的年份",
        "Whether holidays not announced yet may move it",
        read=lambda one: one.standing.provisional,
    ),
    several("lines", TEXT, "说明", "How it comes about", read=lambda one: list(one.standing.lines)),
)
STANDING = shape(
    "PromiseStanding",
    "一项承诺此刻的情况",
    "Where a promise stands at this moment",
    part("promiseId", ID, "承诺计时编号", "Identifier of the promise", read=lambda one: one.clock.id),
    part("promise", EntityRef("PromiseClock"), "承诺计时", "The promise", read=lambda one: one.clock.id),
    part("at", DATETIME, "此刻", "The moment"),
    part("state", CLOCK_STATE, "状态", "Where it stands", read=_state),
    part("dueAt", DATETIME, "到期时间", "When it is due", read=_due),
    part(
        "remainingSeconds",
        INT,
        "按其计时方式剩余的秒数；超时为负",
        "Seconds left as its clock counts them; negative when over",
        nullable=True,
        read=lambda one: None if one.standing is None else int(one.standing.remaining.total_seconds()),
    ),
    several("lines", TEXT, "说明", "How it comes about", read=_lines),
)
KIND = shape(
    "ServiceRequestKind",
    "服务请求的一种类别",
    "A kind of service requests",
    part("key", STRING, "标识", "Its key"),
    texts("title", "名称", "Its name"),
)


async def _definitions(session: ReadSession, _asked: Asked, *, kind: str | None = None) -> Sequence[Definition]:
    """Raises Forbidden."""
    return [one for one in await definitions(session) if kind is None or one.kind.value == kind]


async def _would_be(
    session: ReadSession,
    _asked: Asked,
    *,
    key: str,
    kind: str | None = None,
    started_at: datetime | None = None,
    unit_id: UUID | None = None,
) -> WouldBe:
    """Raises Forbidden, PromiseNotFound, InvalidInput, CalendarEnds."""
    sort = DefinitionKind[kind.upper()] if kind else DefinitionKind.PROMISE
    return await would_be(session, sort, key, started_at or datetime.now(UTC), unit_id=unit_id)


async def _standing(session: ReadSession, _asked: Asked, *, id: UUID) -> StandingNow:  # noqa: A002 - the argument's name
    """Raises Forbidden, ClockNotFound, CalendarEnds."""
    return await standing_now(session, id, datetime.now(UTC))


async def _kinds(session: ReadSession, _asked: Asked) -> Sequence[RequestKind]:
    return await request_kinds(session)


async def _near(asked: Asked, *, minutes: int | None = None) -> AsyncIterator[UUID]:
    """Each clock in reach once it is near its limit, and again when it goes over it or changes hands, until the
    caller's rights end. Raises Forbidden, InvalidInput."""
    watch = await Watch.of(asked)
    within = timedelta(minutes=30 if minutes is None else minutes)
    known: set[tuple[UUID, str]] = set()
    while True:
        async with watch.session() as session:
            if session is None:
                return
            found = await near_limit(session, within=within)
        for one in found:
            if one not in known:
                yield one[0]
        known = set(found)
        await asyncio.sleep(NEAR_SECONDS)


FUNCTIONS: tuple[Function, ...] = (
    Function(
        "promiseDefinitions",
        Bilingual("现行的承诺与跟进规定", "The promises and follow-ups of this tenant"),
        ListOf(DEFINITION),
        _definitions,
        (argument("kind", DEFINITION_KIND, "只要承诺或跟进", "Promises or follow-ups only"),),
        cost=20,
    ),
    Function(
        "promiseDue",
        Bilingual("计算：此承诺何时到期", "By when this promise would be due"),
        WOULD_BE,
        _would_be,
        (
            argument("key", STRING, "承诺标识", "Key of the promise", required=True),
            argument("kind", DEFINITION_KIND, "承诺（默认）或跟进", "A promise, unless it is a follow-up"),
            argument("startedAt", DATETIME, "开始时间，默认现在", "When it starts; now when left out"),
            argument("unitId", ID, "按哪个机构的上班时间", "The unit whose business hours count"),
        ),
        cost=20,
    ),
    Function(
        "promiseStanding",
        Bilingual("一项承诺此刻的情况", "Where a promise stands at this moment"),
        STANDING,
        _standing,
        (argument("id", ID, "承诺计时编号", "Identifier of the promise", required=True),),
        cost=20,
    ),
    Function(
        "serviceRequestKinds",
        Bilingual("服务请求的类别", "The kinds of service requests"),
        ListOf(KIND),
        _kinds,
    ),
)
SUBSCRIPTIONS: tuple[Subscription, ...] = (
    Subscription(
        "promisesNearLimit",
        Bilingual(
            "临近到期与超时的承诺：先给出已有的，之后随时给出新的",
            "Promises near their limit or over it: those there are, then each as it comes",
        ),
        EntityRef("PromiseClock"),
        _near,
        (argument("minutes", INT, "提前多少分钟，默认 30", "How many minutes ahead; 30 when left out"),),
    ),
)
