"""Errors of plans and visits."""

from __future__ import annotations

from steward_tenants.errors import Conflict, Forbidden
from steward_tenants.texts import Bilingual


class PlanStateForbids(Conflict):
    """The plan's state does not lead where the command would take it."""

    code = "plan_state_forbids"
    message = Bilingual("计划现为“{state}”，不能{command}。", "The plan is {state}; it cannot be taken to “{command}”.")
    remedy = Bilingual(
        "请刷新计划，选择当前可用的操作。", "Reload the plan and choose one of the steps that it offers."
    )


class PlanNeedsEditing(Conflict):
    """A rejected plan (or rejected results) was submitted again as it was."""

    code = "plan_needs_editing"
    message = Bilingual("计划被退回后尚未修改。", "The plan was rejected and not changed since.")
    remedy = Bilingual("请按退回原因修改后再提交。", "Change what the rejection names, then submit it again.")


class PlanNotEditable(Conflict):
    """The plan's state does not take this kind of change."""

    code = "plan_not_editable"
    message = Bilingual("计划现为“{state}”，不能{edit}。", "The plan is {state}; it does not take “{edit}”.")
    remedy = Bilingual(
        "已提交的计划请先撤回；已批准的计划只能增加临时任务。",
        "Withdraw a submitted plan first; an approved one takes temporary tasks only.",
    )


class PlanNotYours(Forbidden):
    """Only the plan's owner may do this."""

    code = "plan_not_yours"
    message = Bilingual("只有计划的负责人可以{command}。", "Only the plan's owner may do “{command}”.")
    remedy = Bilingual("请由该客户经理本人操作。", "Leave it to the account manager whose plan it is.")


class PlanNotSupervised(Forbidden):
    """Only a supervisor of the plan's owner may do this."""

    code = "plan_not_supervised"
    message = Bilingual(
        "只有该客户经理的主管可以{command}。", "Only a supervisor of the plan's owner may do “{command}”."
    )
    remedy = Bilingual("请联系其主管处理。", "Ask the owner's supervisor.")


class OwnPlan(Forbidden):
    """Nobody decides on a plan that is theirs, or that they submitted."""

    code = "own_plan"
    message = Bilingual("不能{command}本人负责或提交的计划。", "Nobody may do “{command}” on a plan of their own.")
    remedy = Bilingual("请由另一位主管审批。", "Leave it to another supervisor.")


class PlanMonthAhead(Conflict):
    """The plan's month has not begun."""

    code = "plan_month_ahead"
    message = Bilingual(
        "计划自 {start} 起执行，今天是 {today}。", "The plan is executed from {start} on; it is {today}."
    )
    remedy = Bilingual("请在当月开始后执行。", "Start it when its month has begun.")


class OverrideNotNeeded(Conflict):
    """The plan's results are approved, so that nothing needs an exception."""

    code = "override_not_needed"
    message = Bilingual("该计划的结果已批准，不阻止月结。", "The plan's results are approved and block nothing.")
    remedy = Bilingual("无需放行，可直接月结。", "Close the month without an exception.")


class MonthBlocked(Conflict):
    """Results that are not approved block the month's closing."""

    code = "month_blocked"
    message = Bilingual(
        "{count} 份计划的结果尚未批准，不能月结。",
        "{count} plan(s) without approved results block the month's closing.",
    )
    remedy = Bilingual(
        "请批准这些结果，或由主管说明原因后放行。", "Approve them, or let a supervisor override with a reason."
    )
