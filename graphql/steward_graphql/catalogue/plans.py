"""Monthly service plans, what is to be done in them, and the steps that each took."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Text, case, func, literal, select
from sqlalchemy.orm import aliased

from steward_core.plans.models import ActionStatus, PlanAction, PlanGround, PlanTransition, VisitPlan
from steward_core.plans.row_kinds import ACTION as ACTION_ROWS
from steward_core.plans.row_kinds import PLAN as PLAN_ROWS
from steward_core.plans.row_kinds import TRANSITION as TRANSITION_ROWS
from steward_core.visits.actions import Symbol
from steward_core.visits.plan_states import PlanState
from steward_graphql.catalogue.client_names import client_name, unit_name
from steward_graphql.catalogue.people import name_of
from steward_graphql.declared.entities import (
    Catalogue,
    Entity,
    Expression,
    ListRoot,
    OneRoot,
    Row,
    column,
    computed,
    many,
    one,
)
from steward_graphql.declared.scalars import INT, STRING, enum_of
from steward_tenants.texts import Bilingual

STATE = enum_of(PlanState, "PlanState", "计划的状态", "State of a plan")
ACTION_STATUS = enum_of(
    ActionStatus,
    "PlanActionStatus",
    "计划事项的状态",
    "State of a plan's action",
    {
        "open": ("未完成", "Open"),
        "done": ("已完成", "Done"),
        "dropped": ("已取消", "Dropped"),
    },
)


def _counted(status: ActionStatus | None) -> Expression:
    """How many actions a plan has, of one status or all."""

    def expression(row: Row) -> ColumnElement[Any]:
        action: Any = aliased(PlanAction)
        counted = select(func.count()).where(row.within(action), action.plan_id == row.table.id)
        if status is not None:
            counted = counted.where(action.status == status.value)
        return counted.correlate(row.table).scalar_subquery()

    return expression


PLAN = Entity(
    "VisitPlan",
    VisitPlan,
    Bilingual("客户经理某月的服务计划", "A manager's service plan of a month"),
    kind=PLAN_ROWS,
    order=(("month", True), ("ownerName", False)),
    fields=(
        column(VisitPlan.id, "编号", "Identifier", filter=True),
        column(VisitPlan.owner_id, "客户经理编号", "Id of the manager", filter=True, group=True),
        computed("ownerName", STRING, name_of("owner_id"), "客户经理姓名", "Name of the manager", order=True),
        column(VisitPlan.unit_id, "制定时的机构编号", "Id of the manager's unit then", filter=True, group=True),
        computed("unitName", STRING, unit_name("unit_id"), "制定时的机构", "The manager's unit then"),
        column(VisitPlan.month, "月份（当月首日）", "Its month, by its first day", filter=True, order=True, group=True),
        column(VisitPlan.state, "状态", "Its state", kind=STATE, filter=True, order=True, group=True),
        column(VisitPlan.submitted_by, "提交人编号", "Id of who submitted it", name="submittedById"),
        column(VisitPlan.submitted_at, "提交时间", "When it was submitted", filter=True, order=True),
        column(VisitPlan.approval_id, "审批编号", "Id of its approval", filter=True),
        column(VisitPlan.decided_by, "审批人编号", "Id of who decided", name="decidedById"),
        computed("decidedByName", STRING, name_of("decided_by"), "审批人姓名", "Name of who decided"),
        column(VisitPlan.decided_at, "审批时间", "When it was decided", filter=True, order=True),
        column(VisitPlan.reason, "审批意见", "What the decision said"),
        column(
            VisitPlan.let_through,
            "主管放行月结时的状态",
            "The state in which a supervisor let the month close without it",
            kind=STATE,
            filter=True,
        ),
        column(VisitPlan.generated_at, "生成时间", "When policies and triggers filled it"),
        column(VisitPlan.spread_at, "安排日期的时间", "When its visits were put on days"),
        column(VisitPlan.closed_at, "月结时间", "When its month was closed", filter=True),
        column(VisitPlan.carried_out, "结转到以后月份的事项数", "How many actions later months took over"),
        computed("actionCount", INT, _counted(None), "事项数", "How many actions it has", nullable=False),
        computed("openCount", INT, _counted(ActionStatus.OPEN), "未完成数", "How many are open", nullable=False),
        computed("doneCount", INT, _counted(ActionStatus.DONE), "已完成数", "How many are done", nullable=False),
        column(VisitPlan.version, "版本，修改时用于检查冲突", "Counts its changes; a change names the one it saw"),
        one("owner", "Person", VisitPlan.owner_id, "客户经理", "The manager"),
        one("unit", "OrgUnit", VisitPlan.unit_id, "机构", "The unit"),
        one("decidedBy", "Person", VisitPlan.decided_by, "审批人", "Who decided"),
        many("actions", "PlanAction", "plan_id", "计划事项", "What is to be done", filter=True),
        many("transitions", "PlanTransition", "plan_id", "流转记录", "The steps that it took", filter=True),
    ),
)


def _symbol(row: Row) -> ColumnElement[Any]:
    action = row.table
    return case(
        (action.status == ActionStatus.DONE.value, literal(Symbol.DONE.value, Text())),
        (action.temporary, literal(Symbol.TEMPORARY.value, Text())),
        else_=literal(Symbol.PLANNED.value, Text()),
    )


def _day(day: Any) -> ColumnElement[Any]:
    return func.to_char(day, literal("YYYY-MM-DD", Text()))


def _said(*parts: Any) -> ColumnElement[Any]:
    """Texts and values one after the other; nothing where a value is missing."""
    found: Any = literal("", Text())
    for one_part in parts:
        found = found.concat(literal(one_part, Text()) if isinstance(one_part, str) else one_part)
    return func.nullif(found, literal("", Text()))


def _explained(language: str) -> Expression:
    """Why an action is there, a line each: what `visits.rules` and `visits.carrying` say of it."""
    chinese = language == "zh"

    def expression(row: Row) -> ColumnElement[Any]:
        action, ground = row.table, aliased(PlanGround)
        interval = getattr(ground, f"interval_{language}")
        due, since = _day(action.due_on), _day(action.counted_from)
        days = ground.first_days.concat(literal("", Text()))
        if chinese:
            never = _said("从未走访，", due, " 起到期")
            first = _said(since, " 装机，", days, " 天后首访：", due, " 到期")
            regular = _said("上次走访 ", since, "，", interval, "：", due, " 到期")
            other = _said("到期日 ", due)
            carried = _said("结转 ", action.carried.concat(literal("", Text())), " 次，原定 ", due)
        else:
            never = _said("Never visited: due from ", due, " on")
            first = _said("Installed ", since, ", first visit ", days, " days later: due ", due)
            regular = _said("Last visit ", since, ", ", interval, ": due ", due)
            other = _said("Due ", due)
            carried = _said("Carried over ", action.carried.concat(literal("", Text())), " time(s), due ", due)
        line = case(
            (interval.is_(None), other),
            (action.first_visit, first),
            (action.counted_from.is_(None), never),
            else_=regular,
        )
        newline = literal("\n", Text())
        over = case((action.carried > 0, carried))
        stated = (
            select(func.concat_ws(newline, getattr(ground, f"lines_{language}"), line, over))
            .where(row.within(ground), ground.id == action.ground_id)
            .correlate(action)
            .scalar_subquery()
        )
        return func.coalesce(stated, func.concat_ws(newline, action.title, other, over))

    return expression


def _of_ground(shown: str) -> Expression:
    def expression(row: Row) -> ColumnElement[Any]:
        ground: Any = aliased(PlanGround)
        return (
            select(getattr(ground, shown))
            .where(row.within(ground), ground.id == row.table.ground_id)
            .correlate(row.table)
            .scalar_subquery()
        )

    return expression


ACTION = Entity(
    "PlanAction",
    PlanAction,
    Bilingual("计划中要在客户处做的一件事", "Something to be done at a client in a month's plan"),
    kind=ACTION_ROWS,
    order=(("plannedOn", False), ("placeOnDay", False)),
    fields=(
        column(PlanAction.id, "编号", "Identifier", filter=True),
        column(PlanAction.plan_id, "计划编号", "Id of the plan", filter=True, group=True),
        column(PlanAction.client_id, "客户编号", "Id of the client", filter=True, group=True),
        computed("clientName", STRING, client_name(), "客户名称", "Name of the client"),
        computed(
            "symbol",
            STRING,
            _symbol,
            "☆ 计划内未完成，● 临时未完成，★ 已完成",
            "☆ planned and open, ● temporary and open, ★ done",
            nullable=False,
            filter=True,
            group=True,
        ),
        column(PlanAction.status, "状态", "Its state", kind=ACTION_STATUS, filter=True, order=True, group=True),
        column(
            PlanAction.source,
            "来源：频次规则、提醒的标识，或 temporary:…",
            "What asked for it: key of a policy or trigger, or temporary:…",
            filter=True,
            group=True,
        ),
        computed(
            "titleZh", STRING, _of_ground("title_zh"), "来源名称（中文）", "Title of what asked for it, in Chinese"
        ),
        computed(
            "titleEn", STRING, _of_ground("title_en"), "来源名称（英文）", "Title of what asked for it, in English"
        ),
        column(PlanAction.title, "临时任务的内容", "What a temporary task is about"),
        computed(
            "explanationZh",
            STRING,
            _explained("zh"),
            "说明（中文），每步一行",
            "Why it is there, in Chinese, a line each",
        ),
        computed(
            "explanationEn",
            STRING,
            _explained("en"),
            "说明（英文），每步一行",
            "Why it is there, in English, a line each",
        ),
        column(PlanAction.due_on, "到期日", "The day on which it fell due", filter=True, order=True, group=True),
        column(PlanAction.visits, "应走访的日期", "The days on which its visits should take place"),
        column(PlanAction.visited, "已完成的走访数", "How many of them were done"),
        column(
            PlanAction.planned_on,
            "下次走访安排在哪天；空为排不下或尚未安排",
            "The day of its next visit; none: it does not fit, or is not placed yet",
            filter=True,
            order=True,
            group=True,
        ),
        column(PlanAction.place_on_day, "在当天路线中的次序", "Its place in that day's route", order=True),
        column(PlanAction.carried, "结转次数", "How often it was carried over", filter=True, order=True, group=True),
        column(PlanAction.temporary, "是否临时任务", "Whether it is a temporary task", filter=True, group=True),
        column(
            PlanAction.first_visit, "是否装机后首访", "Whether it is the first visit after an installation", filter=True
        ),
        column(
            PlanAction.counted_from, "起算日：上次走访或装机", "The day it was counted from: last visit or installation"
        ),
        column(PlanAction.subject_id, "提醒所指对象的编号", "Id of the contact, contract or record that it is about"),
        column(PlanAction.basis, "提醒的数据", "What the trigger found"),
        column(PlanAction.result, "完成情况或取消原因", "What became of it, or why it was dropped"),
        column(PlanAction.done_on, "完成日期", "The day on which it was done", filter=True, order=True, group=True),
        column(PlanAction.added_by, "增加人编号", "Id of who added it", name="addedById"),
        column(PlanAction.created_at, "生成时间", "When it was made", order=True),
        column(PlanAction.version, "版本，修改时用于检查冲突", "Counts its changes; a change names the one it saw"),
        one("plan", "VisitPlan", PlanAction.plan_id, "计划", "The plan", granted=True),
        one("client", "Client", PlanAction.client_id, "客户", "The client"),
        one("addedBy", "Person", PlanAction.added_by, "增加人", "Who added it"),
    ),
)

TRANSITION = Entity(
    "PlanTransition",
    PlanTransition,
    Bilingual("计划的一步流转：谁、何时、为何", "A step of a plan: who took it, when and why"),
    kind=TRANSITION_ROWS,
    order=(("at", False),),
    node=False,
    fields=(
        column(PlanTransition.id, "编号", "Identifier", filter=True),
        column(PlanTransition.plan_id, "计划编号", "Id of the plan", filter=True),
        column(
            PlanTransition.what, "操作的标识", "Key of the command, change, or let_through", filter=True, group=True
        ),
        column(PlanTransition.before, "之前的状态", "The state before", kind=STATE, filter=True),
        column(PlanTransition.after, "之后的状态", "The state after", kind=STATE, filter=True),
        column(
            PlanTransition.by, "操作人编号；空为平台", "Id of who did it; none: the platform", name="byId", filter=True
        ),
        computed("byName", STRING, name_of("by"), "操作人姓名", "Name of who did it"),
        column(PlanTransition.at, "时间", "When", filter=True, order=True),
        column(PlanTransition.reason, "原因", "Why"),
        one("plan", "VisitPlan", PlanTransition.plan_id, "计划", "The plan", granted=True),
        one("by", "Person", PlanTransition.by, "操作人", "Who did it"),
    ),
)

CATALOGUE = Catalogue(
    entities=(PLAN, ACTION, TRANSITION),
    roots=(
        ListRoot("visitPlans", "VisitPlan", Bilingual("可见的服务计划", "The service plans in reach")),
        OneRoot("visitPlan", "VisitPlan", Bilingual("一份服务计划", "One service plan")),
        ListRoot("planActions", "PlanAction", Bilingual("可见的计划事项", "The actions of plans in reach")),
        OneRoot("planAction", "PlanAction", Bilingual("一个计划事项", "One action of a plan")),
    ),
)
