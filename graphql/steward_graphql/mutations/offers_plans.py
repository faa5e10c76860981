"""Commands on plans."""

from __future__ import annotations

from steward_core.plans.models import PlanAction, VisitPlan
from steward_graphql.declared.scalars import JSON
from steward_graphql.mutations.derive import Offer
from steward_graphql.mutations.payloads import Result, row
from steward_tenants.texts import Bilingual

_TEXTS = {
    "plan_id": Bilingual("服务计划", "The plan"),
    "action_id": Bilingual("计划事项", "The action"),
    "client_id": Bilingual("客户经理名下的客户", "One of the manager's clients"),
    "day": Bilingual("当月的日期", "A day of the plan's month"),
    "title": Bilingual("要做什么", "What is to be done"),
    "reason": Bilingual("原因或附言", "Why, or a word to the supervisor"),
    "done": Bilingual("是否已完成", "Whether it is done"),
    "done_on": Bilingual("完成日期，默认今天", "The day on which it was done; today when left out"),
    "result": Bilingual("完成情况，或未完成的原因", "What became of it, or why it is not done"),
    "again": Bilingual("重新安排全部未完成事项", "Whether to place all that is open anew"),
    "document": Bilingual("走访规则与指标：{policies, figures}", "Policies and figures: {policies, figures}"),
    "policy": Bilingual("一条频次规则", "A cadence policy"),
    "key": Bilingual("规则的键", "Key of the policy"),
}


def _template() -> tuple[Result, ...]:
    text = Bilingual("现行的自定规则与指标", "The tenant's own policies and figures now")
    return (Result("template", JSON, text, lambda answer, _given: answer.model_dump(mode="json")),)


def plans() -> dict[str, Offer]:
    """What is offered, by command."""
    plan = (row("plan", VisitPlan, "服务计划", "The plan"),)
    action = (row("action", PlanAction, "计划事项", "The action"),)
    names = {
        "plans.submit": "submitPlan",
        "plans.withdraw": "withdrawPlan",
        "plans.start": "startPlan",
        "plans.results.submit": "submitPlanResults",
        "plans.let_through": "letPlanThrough",
        "plans.spread": "spreadPlan",
    }
    found = {key: Offer(name, plan, texts=_TEXTS) for key, name in names.items()}
    on_actions = {
        "plans.action.move": "movePlanAction",
        "plans.action.drop": "dropPlanAction",
        "plans.action.add": "addPlanAction",
        "plans.result.record": "recordPlanResult",
    }
    found |= {key: Offer(name, action, texts=_TEXTS) for key, name in on_actions.items()}
    on_policies = {
        "plans.policies.set": "setVisitPolicies",
        "plans.policy.set": "setVisitPolicy",
        "plans.policy.remove": "removeVisitPolicy",
    }
    return found | {key: Offer(name, _template(), texts=_TEXTS) for key, name in on_policies.items()}
