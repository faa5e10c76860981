"""Errors of gradings and objections."""

from steward_tenants.errors import Conflict, Forbidden, NotFound, StewardError
from steward_tenants.texts import Bilingual


class RuleVersionMissing(StewardError):
    """The installed plugin no longer has the scoring functions of this version."""

    code = "grading_rule_version_missing"
    status = 409
    message = Bilingual("插件中没有评级规则第 {version} 版。", "The plugin lacks version {version} of the rules.")
    remedy = Bilingual("请安装包含该版规则的插件。", "Install a version of the plugin that still has these rules.")


class SchemeFailed(StewardError):
    """The plugin's query or scoring function failed, or answered what its form does not allow."""

    code = "grading_scheme_failed"
    status = 500
    message = Bilingual("评级方案“{scheme}”出错，未保存任何结果。", "The scheme {scheme} failed; nothing was kept.")
    remedy = Bilingual(
        "请把插件名称和任务编号告知插件的提供方，修复后继续该任务。",
        "Tell the plugin's author the run's id, and resume the run once it is repaired.",
    )


class GradingNotFound(NotFound):
    """No such grading, or it is not the actor's to see."""

    code = "grading_not_found"
    message = Bilingual("找不到该评级。", "No such grading.")


class PeriodNotBegun(StewardError):
    """The period lies in the future."""

    code = "grading_period_not_begun"
    status = 422
    message = Bilingual("周期 {period} 尚未开始。", "The period {period} has not begun.")
    remedy = Bilingual("请选择已开始的周期。", "Choose a period that has begun.")


class PeriodNotOver(Conflict):
    """Figures of a period that goes on are not whole: they can be previewed, and bind nobody."""

    code = "grading_period_not_over"
    message = Bilingual("周期 {period} 尚未结束（至 {end} 前）。", "The period {period} goes on until {end}.")
    remedy = Bilingual("周期结束后请作废预览并重新评级。", "Once it is over, discard the preview and grade anew.")


class GradingExists(Conflict):
    """This unit has a grading of the period already."""

    code = "grading_exists"
    message = Bilingual(
        "该单位 {period} 的评级已存在（第 {revision} 版，{status}）。",
        "This unit has a grading of {period} already (revision {revision}, {status}).",
    )
    remedy = Bilingual(
        "预览中的评级可先作废；已生效的评级通过异议重新评级。",
        "Discard a preview first; a bound grading changes by objections and re-grading.",
    )


class GradingNotOpen(Conflict):
    """The grading's status does not allow this."""

    code = "grading_not_open"
    message = Bilingual("评级处于“{status}”状态，不能执行此操作。", "The grading is {status}: this cannot be done.")
    remedy = Bilingual("请刷新后查看评级的状态。", "Reload it and look at its status.")


class GradingOutdated(Conflict):
    """A later revision exists."""

    code = "grading_outdated"
    message = Bilingual("该评级已有第 {revision} 版。", "The grading has a later revision, {revision}.")
    remedy = Bilingual("请处理最新一版，或先将其作废。", "Work with the latest revision, or discard it first.")


class GradingOverlaps(Conflict):
    """Some clients have a bound result of the period from another unit's grading."""

    code = "grading_overlaps"
    message = Bilingual(
        "{clients} 个客户在 {period} 已有其他单位的生效评级。",
        "{clients} clients have a bound result of {period} from another unit already.",
    )
    remedy = Bilingual(
        "按互不包含的单位评级；如有客户移入，请作废预览并重新评级，已有结果的客户不再计入。",
        "Grade units that do not contain each other; where clients moved in, discard the preview and grade anew:"
        " those with a result are left out.",
    )


class GradingNested(Conflict):
    """A unit above or below has a bound grading of the period: every client would be graded twice."""

    code = "grading_nested"
    message = Bilingual(
        "上级或下级单位 {period} 的评级已生效。", "A unit above or below has a bound grading of {period} already."
    )
    remedy = Bilingual("请按互不包含的单位评级。", "Grade units that do not contain each other.")


class UnitPartlyReached(Forbidden):
    """A grading is of the unit and all below it; the actor's scope ends before."""

    code = "grading_unit_partly_reached"
    message = Bilingual("您的数据范围不含该单位的全部下级。", "Your scope does not cover all units below this one.")
    remedy = Bilingual("请由数据范围包含下级单位的人员操作。", "Have somebody do it whose scope includes them.")


class OwnGrading(Forbidden):
    """Who asked for a grading cannot bind it here."""

    code = "grading_own"
    message = Bilingual("发起评级的人不能确认其生效。", "Who asked for a grading cannot bind it.")
    remedy = Bilingual("请由另一位有权限的人员确认。", "Have another person with the permission bind it.")


class ObjectionNotFound(NotFound):
    """No such objection, or it is not the actor's to see."""

    code = "grading_objection_not_found"
    message = Bilingual("找不到该异议。", "No such objection.")


class ResultNotFound(NotFound):
    """The grading has no result of this client, or it is not the actor's to see."""

    code = "grading_result_not_found"
    message = Bilingual("找不到该客户的评级结果。", "No such result of this client.")


class ObjectionExists(Conflict):
    """There is an open objection to this result."""

    code = "grading_objection_exists"
    message = Bilingual("该结果已有未裁定的异议。", "There is an open objection to this result.")
    remedy = Bilingual("请等待裁定或先撤回。", "Wait for its decision, or withdraw it first.")


class ObjectionTooLate(Conflict):
    """The days for objections are over."""

    code = "grading_objection_too_late"
    message = Bilingual("异议期（生效后 {days} 天）已过。", "Objections were possible for {days} days after binding.")
    remedy = Bilingual("新的情况将计入下一期评级。", "What is new counts in the next period's grading.")


class ObjectionDecided(Conflict):
    """The objection is no longer open."""

    code = "grading_objection_decided"
    message = Bilingual("该异议已处理（{status}）。", "The objection is over ({status}).")
    remedy = Bilingual("如有新的理由，请另提异议。", "Raise another objection if there is a new reason.")


class OwnObjection(Forbidden):
    """Who raised an objection cannot decide on it; nobody else can withdraw it."""

    code = "grading_objection_own"
    message = Bilingual("异议由提出人撤回，由他人裁定。", "Who raised it withdraws it; another decides.")
    remedy = Bilingual("请由相应的人员操作。", "Have the right person do it.")


class ObjectionsOpen(Conflict):
    """Open objections keep a grading from being graded again."""

    code = "grading_objections_open"
    message = Bilingual("还有 {count} 条异议未裁定。", "{count} objections are not decided yet.")
    remedy = Bilingual("请先裁定全部异议，再重新评级。", "Decide on all of them, then grade again.")


class NothingUpheld(Conflict):
    """No upheld objection would change anything."""

    code = "grading_nothing_upheld"
    message = Bilingual("没有成立的异议，无需重新评级。", "No objection was upheld: there is nothing to grade again.")
    remedy = Bilingual("重新评级只用于落实成立的异议。", "Grading again carries out objections that were upheld.")
