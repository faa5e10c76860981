"""What is due at clients (triggers), how managers do (indicators), and what advisors answer."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from pydantic_core import to_jsonable_python

from steward_core.clients.models import Client
from steward_core.forms.description import json_schema
from steward_core.industry.containment import Fault, contained
from steward_core.industry.declarations import Advice, Period
from steward_core.industry.dispatcher import ask
from steward_core.industry.enabled import enabled
from steward_core.industry.errors import TriggerNotFound
from steward_core.industry.evaluation import (
    Declared,
    IndicatorFound,
    TriggerFound,
    TriggerRow,
    indicator_rows,
    indicators,
    trigger_rows,
    trigger_select,
    triggers,
)
from steward_core.industry.registry import full_key
from steward_core.permissions import CLIENTS_VIEW
from steward_graphql.declared.scalars import DATE, DECIMAL, ID, JSON, STRING
from steward_graphql.declared.shapes import Asked, EntityRef, Function, ListOf, Part
from steward_graphql.functions.parts import FIRST, TEXT, argument, few, page_size, part, several, shape, texts
from steward_tenants.access.rules import require
from steward_tenants.database.session import ReadSession
from steward_tenants.errors import invalid
from steward_tenants.texts import Bilingual

_PERIOD = re.compile(r"(?P<year>20\d\d)(?:-(?P<month>0[1-9]|1[0-2])|Q(?P<quarter>[1-4])|H(?P<half>[12]))?")

FAULT = shape(
    "EvaluationFault",
    "插件查询失败",
    "A query of a plugin that failed",
    part("plugin", STRING, "插件标识", "Key of the plugin"),
    part("hook", STRING, "失败的查询", "What failed"),
)


async def _triggers(session: ReadSession, asked: Asked) -> list[Declared]:  # noqa: ARG001 - how functions are called
    """Raises Forbidden."""
    require(session.actor, CLIENTS_VIEW)
    return list((await triggers(session)).values())


TRIGGER = shape(
    "Trigger",
    "触发条件：把待办列入计划的规则",
    "A trigger: what puts an action into the next plan",
    part("key", STRING, "完整标识", "Its full key"),
    texts("title", "名称", "Its title", read=lambda one: one.what.title),
    texts("description", "说明", "What it finds", nullable=True, read=lambda one: one.what.description),
)


async def _trigger_rows(
    session: ReadSession,
    asked: Asked,
    *,
    key: str,
    client_ids: list[UUID] | None = None,
    unit_id: UUID | None = None,
    owner_id: UUID | None = None,
    first: int | None = None,
) -> TriggerFound:
    """Raises Forbidden, TriggerNotFound, InvalidInput."""
    require(session.actor, CLIENTS_VIEW)
    size = page_size(first)
    if client_ids is None:
        return await trigger_rows(session, key, asked.today, unit_id=unit_id, owner_id=owner_id, limit=size)
    if unit_id is not None or owner_id is not None:
        raise invalid("clientIds", "exclusive", "不能同时指定客户与机构或负责人。", "Name clients, or a unit or owner.")
    one = (await triggers(session)).get(key)
    if one is None:
        raise TriggerNotFound(trigger=key)
    return await _at_clients(session, one, asked.today, few("clientIds", client_ids), size)


async def _at_clients(
    session: ReadSession, one: Declared, today: date, client_ids: Sequence[UUID], size: int
) -> TriggerFound:
    async def run() -> list[TriggerRow]:
        selected = trigger_select(session, one, today).where(Client.id.in_(client_ids))
        order = [selected.selected_columns[name] for name in ("due_on", "client_id", "subject_id")]
        return [TriggerRow(one.key, *row) for row in await session.rows(selected.order_by(*order).limit(size))]

    outcome = await contained(session, one.plugin, f"trigger:{one.what.key}", run)
    return TriggerFound(tuple(outcome.value or ()), (outcome.fault,) if outcome.fault else ())


async def _client_triggers(
    session: ReadSession, asked: Asked, *, client_id: UUID, first: int | None = None
) -> TriggerFound:
    """Raises Forbidden."""
    require(session.actor, CLIENTS_VIEW)
    return await trigger_rows(session, None, asked.today, client_id=client_id, limit=page_size(first))


TRIGGER_ROWS = shape(
    "TriggerRows",
    "触发条件的结果",
    "What triggers found",
    several(
        "rows",
        shape(
            "TriggerRow",
            "某客户的一项到期事项",
            "Something that is due at a client",
            part("trigger", STRING, "触发条件的完整标识", "Full key of the trigger"),
            part("clientId", ID, "客户编号", "Identifier of the client"),
            part("client", EntityRef("Client"), "客户", "The client", nullable=True, read=lambda row: row.client_id),
            part("clientName", STRING, "客户名称", "The client's name"),
            part("ownerId", ID, "客户经理编号", "Identifier of the owner", nullable=True),
            part("unitId", ID, "所属机构编号", "Identifier of the unit", nullable=True),
            part(
                "subjectId",
                ID,
                "所涉联系人、合同或记录的编号",
                "The contact, contract or record it is about",
                nullable=True,
            ),
            part("dueOn", DATE, "到期日期", "The day"),
            part("figures", JSON, "所依据的数据", "What was found"),
        ),
        "结果",
        "The rows, by day and client",
        read=lambda found: list(found.rows),
    ),
    several("faults", FAULT, "失败的查询", "What failed", read=lambda found: list(found.faults)),
)


async def _indicators(session: ReadSession, asked: Asked) -> list[Declared]:  # noqa: ARG001 - how functions are called
    """Raises Forbidden."""
    require(session.actor, CLIENTS_VIEW)
    return list((await indicators(session)).values())


INDICATOR = shape(
    "Indicator",
    "指标：客户经理在某期间的数据",
    "An indicator: a figure of each manager over a period",
    part("key", STRING, "完整标识", "Its full key"),
    texts("title", "名称", "Its title", read=lambda one: one.what.title),
    texts("description", "说明", "What it says", nullable=True, read=lambda one: one.what.description),
    part("measure", STRING, "单位", "Its unit", read=lambda one: one.what.measure),
    part(
        "better",
        STRING,
        "越高越好（higher）或越低越好（lower）",
        "Whether higher or lower is better",
        read=lambda one: one.what.better,
    ),
)


def period_named(name: str | None, today: date) -> Period:
    """The period of a name (`2026-11`, `2026Q4`, `2026H2`, `2026`); None: the present month. Raises InvalidInput."""
    found = _PERIOD.fullmatch(name or f"{today:%Y-%m}")
    if found is None:
        raise invalid(
            "period",
            "period",
            "期间应为 2026-11、2026Q4、2026H2 或 2026 的形式。",
            "A period is written 2026-11, 2026Q4, 2026H2 or 2026.",
        )
    year, month, months = int(found["year"]), 1, 12
    for part_name, length in (("month", 1), ("quarter", 3), ("half", 6)):
        if found[part_name]:
            month, months = (int(found[part_name]) - 1) * length + 1, length
    start = date(year, month, 1)
    after = month + months
    end = date(year + (after - 1) // 12, (after - 1) % 12 + 1, 1)
    return Period(found.group(), start, end)


@dataclass(frozen=True)
class Figures:
    """An indicator's rows over a period."""

    period: Period
    found: IndicatorFound
    size: int

    @property
    def faults(self) -> list[Fault]:
        """Why there are no rows."""
        return [] if self.found.fault is None else [self.found.fault]


async def _indicator_rows(
    session: ReadSession,
    asked: Asked,
    *,
    key: str,
    period: str | None = None,
    unit_id: UUID | None = None,
    owner_id: UUID | None = None,
    first: int | None = None,
) -> Figures:
    """Raises Forbidden, IndicatorNotFound, InvalidInput."""
    require(session.actor, CLIENTS_VIEW)
    size, over = page_size(first), period_named(period, asked.today)
    found = await indicator_rows(session, key, over, asked.today, unit_id=unit_id, owner_id=owner_id)
    return Figures(over, found, size)


def _figure(name: str, zh: str, en: str) -> Part:
    """A figure of a plugin, which may count in whole numbers."""

    def read(row: Any) -> Decimal | None:
        value = getattr(row, name)
        return None if value is None else Decimal(str(value))

    return part(name, DECIMAL, zh, en, nullable=True, read=read)


INDICATOR_ROWS = shape(
    "IndicatorRows",
    "指标的结果",
    "An indicator's figures over a period",
    part("period", STRING, "期间", "The period", read=lambda one: one.period.name),
    part("start", DATE, "开始日期（含）", "Its first day", read=lambda one: one.period.start),
    part("lastDay", DATE, "最后一日", "Its last day", read=lambda one: one.period.end - timedelta(days=1)),
    several(
        "rows",
        shape(
            "IndicatorRow",
            "某客户经理的数据",
            "The figure of one manager",
            part("ownerId", ID, "客户经理编号", "Identifier of the manager"),
            part("owner", EntityRef("Person"), "客户经理", "The manager", nullable=True, read=lambda row: row.owner_id),
            part("ownerName", STRING, "客户经理姓名", "The manager's name"),
            _figure("value", "数值", "The figure"),
            _figure("numerator", "分子", "Of a rate: what is counted"),
            _figure("denominator", "分母", "Of a rate: out of what"),
        ),
        "各客户经理的数据",
        "The figures, by name",
        read=lambda one: list(one.found.rows[: one.size]),
    ),
    several("faults", FAULT, "失败的查询", "What failed"),
)


async def _advisors(session: ReadSession, asked: Asked) -> list[dict[str, Any]]:  # noqa: ARG001 - how functions are called
    return [
        {"key": full_key(one.key, each.key), "title": each.title, "schema": json_schema(each.question)}
        for one in await enabled(session)
        for each in one.industry.advisors
    ]


ADVISOR = shape(
    "Advisor",
    "可咨询的规则",
    "A rule that people ask",
    part("key", STRING, "完整标识", "Its full key"),
    texts("title", "名称", "Its title"),
    part("schema", JSON, "问题的 JSON Schema", "JSON Schema of the question"),
)


async def _advice(session: ReadSession, asked: Asked, *, advisor: str, question: Any) -> Advice:  # noqa: ARG001 - how functions are called
    """Raises AdvisorNotFound, InvalidInput, PluginFailed."""
    if not isinstance(question, Mapping):
        raise invalid("question", "object", "问题应为 JSON 对象。", "The question is a JSON object.")
    return await ask(session, advisor, question)


ADVICE = shape(
    "Advice",
    "带说明的答复",
    "An explained answer",
    part("answer", STRING, "答复", "The recommendation"),
    texts("title", "结论", "It in words"),
    several(
        "lines",
        TEXT,
        "理由",
        "The reasoning",
        read=lambda advice: list(advice.lines),
    ),
    part(
        "figures",
        JSON,
        "计算出的数据",
        "Figures that were computed",
        read=lambda advice: to_jsonable_python(dict(advice.figures)),
    ),
)

_KEY = argument("key", STRING, "完整标识", "Its full key", required=True)
_UNIT = argument("unitId", ID, "只要该机构及其下级", "Of this unit and those below it")
_OWNER = argument("ownerId", ID, "只要该客户经理", "Of this manager")
FUNCTIONS = (
    Function("triggers", Bilingual("已启用的触发条件", "The triggers that are on"), ListOf(TRIGGER), _triggers, cost=5),
    Function(
        "triggerRows",
        Bilingual("某触发条件在可见客户中的结果", "What a trigger finds among the clients in reach"),
        TRIGGER_ROWS,
        _trigger_rows,
        (
            _KEY,
            argument("clientIds", ID, "只要这些客户", "At these clients", listed=True),
            _UNIT,
            _OWNER,
            FIRST,
        ),
        cost=50,
    ),
    Function(
        "clientTriggers",
        Bilingual("某客户的全部到期事项", "What is due at one client"),
        TRIGGER_ROWS,
        _client_triggers,
        (argument("clientId", ID, "客户编号", "Identifier of the client", required=True), FIRST),
        cost=50,
    ),
    Function(
        "indicators",
        Bilingual("已启用插件的指标", "The indicators that are on"),
        ListOf(INDICATOR),
        _indicators,
        cost=5,
    ),
    Function(
        "indicatorRows",
        Bilingual("某指标在某期间的数据", "An indicator's figures over a period, of the managers in reach"),
        INDICATOR_ROWS,
        _indicator_rows,
        (
            _KEY,
            argument(
                "period", STRING, "期间，例如 2026-11、2026Q4；默认本月", "As 2026-11 or 2026Q4; none: this month"
            ),
            _UNIT,
            _OWNER,
            FIRST,
        ),
        cost=100,
    ),
    Function("advisors", Bilingual("可咨询的规则", "The advisors that are on"), ListOf(ADVISOR), _advisors, cost=5),
    Function(
        "advice",
        Bilingual("就一个问题咨询某条规则", "An advisor's answer to a question"),
        ADVICE,
        _advice,
        (
            argument("advisor", STRING, "规则的完整标识", "Full key of the advisor", required=True),
            argument("question", JSON, "问题，JSON 对象", "The question, a JSON object", required=True),
        ),
        cost=10,
    ),
)
