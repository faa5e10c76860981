"""Errors of plans as the platform keeps them; those of their rules stand in `visits.errors`."""

from __future__ import annotations

from steward_tenants.errors import Conflict, Forbidden, NotFound
from steward_tenants.texts import Bilingual


class PlanNotFound(NotFound):
    """No such plan, or outside the actor's scope."""

    code = "plan_not_found"
    message = Bilingual("找不到该计划。", "No such plan.")
    remedy = Bilingual("请确认月份与客户经理，或请其主管查看。", "Check month and manager, or ask who supervises them.")


class ActionNotFound(NotFound):
    """No such action in the plan."""

    code = "plan_action_not_found"
    message = Bilingual("计划中没有该事项。", "The plan has no such action.")
    remedy = Bilingual("请刷新计划后重试。", "Reload the plan and try again.")


class PolicyNotFound(NotFound):
    """The tenant has no policy of its own of this key."""

    code = "visit_policy_not_found"
    message = Bilingual("没有自定的频次规则“{key}”。", "There is no policy “{key}” of your own.")
    remedy = Bilingual(
        "行业自带的规则请以同一键名停用，而不是删除。", "One that an industry declares is set inactive under its key."
    )


class PlanChanged(Conflict):
    """Somebody changed the plan since it was read."""

    code = "plan_changed"
    message = Bilingual("计划在此期间已被修改。", "The plan was changed meanwhile.")
    remedy = Bilingual("请刷新后重试。", "Reload it and try again.")


class PlanClosed(Conflict):
    """The plan's month is closed."""

    code = "plan_closed"
    message = Bilingual("{month} 已月结，计划不能再变更。", "{month} is closed; its plans change no more.")
    remedy = Bilingual("请在当月计划中处理。", "Use the plan of the present month.")


class ActionNotOpen(Conflict):
    """The action is done or dropped already."""

    code = "plan_action_not_open"
    message = Bilingual("该事项已完成或已取消。", "The action is done or dropped already.")
    remedy = Bilingual("请刷新计划后重试。", "Reload the plan and try again.")


class ClientNotPlanned(Forbidden):
    """The client belongs to somebody else than the plan's owner."""

    code = "client_not_of_plan"
    message = Bilingual("该客户不由计划的负责人管理。", "The client is not managed by the plan's owner.")
    remedy = Bilingual("请选择其名下的客户，或先移交客户。", "Choose one of theirs, or hand the client over first.")
