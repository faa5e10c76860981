"""Questions about plans that are no table: what may be done, which policy holds, what does not fit, a month by unit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from steward_core.plans.queries import NotFitting, Offered, UnitMonth, not_fitting, offers, overview
from steward_core.plans.settings import ClassPolicy, foreseen, preview
from steward_core.visits.plan_states import PlanCommand, PlanEdit
from steward_graphql.catalogue.plans import STATE
from steward_graphql.declared.scalars import BOOLEAN, DATE, ID, INT, JSON, STRING, enum_of
from steward_graphql.declared.shapes import Asked, EntityRef, Function, ListOf
from steward_graphql.functions.parts import TEXT, argument, part, several, shape, texts
from steward_tenants.database.session import ReadSession
from steward_tenants.texts import Bilingual

COMMAND = enum_of(PlanCommand, "PlanCommand", "改变计划状态的操作", "What takes a plan to another state")
EDIT = enum_of(PlanEdit, "PlanEdit", "对计划内容的改动", "A change of what a plan holds")

OFFERED = shape(
    "PlanOffers",
    "调用者当前可对计划做什么",
    "What the caller may do with a plan now",
    part("plan", EntityRef("VisitPlan"), "计划", "The plan", nullable=True, read=lambda one: one.plan_id),
    part("state", STATE, "状态", "Its state", read=lambda one: one.state.value),
    several("commands", COMMAND, "可用操作", "Commands", read=lambda one: [each.value for each in one.commands]),
    several(
        "edits", EDIT, "可做的改动", "Changes of what it holds", read=lambda one: [each.value for each in one.edits]
    ),
    part("letThrough", BOOLEAN, "可否放行月结", "Whether the caller may let the month close without it"),
)
POLICY = shape(
    "VisitPolicyForClass",
    "某类客户适用的走访规则及理由",
    "Which visit policy holds for a class of clients, and why",
    part("industry", STRING, "行业", "Industry", nullable=True, read=lambda one: one.of.industry),
    part("kind", STRING, "客户类型", "Kind of client", read=lambda one: one.of.kind),
    part("tier", STRING, "客户等级", "Tier", nullable=True, read=lambda one: one.of.tier),
    part("clients", INT, "其中可见的在管客户数", "How many active clients in reach are of it"),
    part("policy", STRING, "规则的键", "Key of the policy", read=lambda one: one.held.policy.key),
    texts("title", "规则名称", "Title of the policy", read=lambda one: one.held.policy.title),
    texts("interval", "频次", "How often", read=lambda one: one.held.interval.text),
    part(
        "firstVisitDays",
        INT,
        "装机后首访（天）",
        "Days from installation to the first visit",
        read=lambda one: one.held.first_visit_days,
    ),
    several("lines", TEXT, "说明", "Why, line by line", read=lambda one: list(one.held.lines)),
)
FITTING = shape(
    "PlanActionNotFitting",
    "当月排不下的事项",
    "An action of which some visits do not fit into the month",
    part("action", EntityRef("PlanAction"), "事项", "The action", nullable=True, read=lambda one: one.action_id),
    part("plan", EntityRef("VisitPlan"), "计划", "The plan", nullable=True, read=lambda one: one.plan_id),
    part("ownerId", ID, "客户经理编号", "Id of the manager"),
    part("ownerName", STRING, "客户经理姓名", "Name of the manager"),
    part("client", EntityRef("Client"), "客户", "The client", nullable=True, read=lambda one: one.client_id),
    part("source", STRING, "来源", "What asked for it"),
    part("dueOn", DATE, "到期日", "The day on which it fell due"),
    part("carried", INT, "结转次数", "How often it was carried over"),
    part("missing", INT, "排不下的走访数", "How many of its visits stand on no day"),
)
MONTH = shape(
    "UnitPlanMonth",
    "一个机构某月的计划概况",
    "A month's plans of one unit",
    part("unit", EntityRef("OrgUnit"), "机构", "The unit", nullable=True, read=lambda one: one.unit_id),
    part("plans", INT, "计划数", "How many plans"),
    part("states", JSON, "各状态的计划数", "Plans by state", read=lambda one: dict(one.states)),
    part("actions", INT, "事项数", "How many actions"),
    part("open", INT, "未完成", "Open ones"),
    part("done", INT, "已完成", "Done ones"),
    part("dropped", INT, "已取消", "Dropped ones"),
    part("carried", INT, "上月结转来的", "Carried over into it"),
    part("carriedOut", INT, "结转到以后月份的", "Taken over by later months"),
    part("temporary", INT, "临时任务", "Temporary tasks"),
    part("overflow", INT, "排不下的", "That do not fit"),
)


async def _offers(session: ReadSession, asked: Asked, *, id: UUID) -> Offered:  # noqa: A002 - the argument's name
    """Raises Forbidden, PlanNotFound."""
    return await offers(session, id, today=asked.today)


async def _policies(
    session: ReadSession, asked: Asked, *, document: Mapping[str, Any] | None = None
) -> Sequence[ClassPolicy]:
    """Raises InvalidInput."""
    if document is None:
        return await preview(session, asked.today)
    return await foreseen(session, asked.today, document)


async def _fitting(
    session: ReadSession, asked: Asked, *, month: date, unit_id: UUID | None = None
) -> Sequence[NotFitting]:
    """Raises Forbidden."""
    return await not_fitting(session, month.replace(day=1), today=asked.today, unit_id=unit_id)


async def _overview(
    session: ReadSession, asked: Asked, *, month: date, unit_id: UUID | None = None
) -> Sequence[UnitMonth]:
    """Raises Forbidden."""
    return await overview(session, month.replace(day=1), today=asked.today, unit_id=unit_id)


_MONTH = argument("month", DATE, "月份（当月任一天）", "The month, by any day of it", required=True)
_UNIT = argument("unitId", ID, "机构及其下级", "The unit with those below it")
FUNCTIONS: tuple[Function, ...] = (
    Function(
        "planOffers",
        Bilingual("调用者当前可对某计划做什么", "What the caller may do with a plan now"),
        OFFERED,
        _offers,
        (argument("id", ID, "计划编号", "Id of the plan", required=True),),
    ),
    Function(
        "visitPolicies",
        Bilingual("各类客户适用的走访规则及理由", "Which visit policy holds for each class of clients, and why"),
        ListOf(POLICY),
        _policies,
        (
            argument(
                "document",
                JSON,
                "试算：若采用这些自定规则与指标",
                "As it would be with these own policies and figures",
            ),
        ),
        cost=50,
    ),
    Function(
        "visitsNotFitting",
        Bilingual("当月排不下的走访，供主管安排", "What does not fit into a month, for the supervisor"),
        ListOf(FITTING),
        _fitting,
        (_MONTH, _UNIT),
        cost=50,
    ),
    Function(
        "planMonth",
        Bilingual("某月各机构的计划概况", "A month's plans by unit"),
        ListOf(MONTH),
        _overview,
        (_MONTH, _UNIT),
        cost=50,
    ),
)
