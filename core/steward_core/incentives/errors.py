"""Errors of incentives."""

from __future__ import annotations

from steward_tenants.errors import InvalidInput, StewardError
from steward_tenants.texts import Bilingual


class SchemeRefused(InvalidInput):
    """The scheme does not hold together; `problems` name each row and field."""

    code = "incentive_scheme_refused"
    message = Bilingual("绩效办法有误，未保存任何更改。", "The scheme was refused; nothing was changed.")
    remedy = Bilingual("请按提示修改各行后重试。", "Correct the rows named and save it again.")


class SchemeIncomplete(StewardError):
    """A figure that only the company can set is not set; `problems` name each."""

    code = "incentive_scheme_incomplete"
    status = 409
    message = Bilingual(
        "绩效办法第 {version} 版缺少必须由企业设定的金额，不能核算。",
        "Version {version} of the scheme lacks figures that the company must set: nothing was worked out.",
    )
    remedy = Bilingual(
        "请在绩效办法的新版本中设定所列金额后重新核算。",
        "Set the figures named in a new version of the scheme and run it again.",
    )


class InputsRefused(InvalidInput):
    """What is known about a person does not suffice or contradicts itself; `problems` name person and field."""

    code = "incentive_inputs_refused"
    message = Bilingual("核算数据有误，未生成工资单。", "The inputs were refused; no statement was made.")
    remedy = Bilingual("请更正所列人员的数据后重新核算。", "Correct the people named and run it again.")


class NoSchemeInForce(StewardError):
    """No version of the scheme is in force in this month."""

    code = "incentive_no_scheme_in_force"
    status = 409
    message = Bilingual("{month} 没有生效的绩效办法。", "No version of the scheme is in force in {month}.")
    remedy = Bilingual(
        "请设定生效日期不晚于该月的版本。", "Add a version that takes effect in this month or before it."
    )


class SchemeRuleMissing(StewardError):
    """The rules of this version are not installed."""

    code = "incentive_rule_version_missing"
    status = 409
    message = Bilingual("没有绩效规则第 {rule_version} 版。", "There is no version {rule_version} of the pay rules.")
    remedy = Bilingual("请安装包含该版规则的软件。", "Install a release that still has these rules.")


class PaySchemeNotFound(StewardError):
    """There is no such scheme in reach."""

    code = "pay_scheme_not_found"
    status = 404
    message = Bilingual("没有此薪酬方案，或不在您的数据范围内。", "There is no such pay scheme within reach.")
    remedy = Bilingual("请检查编号或联系管理员。", "Check the identifier, or ask an administrator.")


class PaySchemeExists(StewardError):
    """The key is taken."""

    code = "pay_scheme_exists"
    status = 409
    message = Bilingual("已有标识为“{key}”的薪酬方案。", "There is a pay scheme with the key {key} already.")
    remedy = Bilingual("请换一个标识，或为现有方案添加新版本。", "Choose another key, or add a version to that one.")


class PaySchemeClosed(StewardError):
    """The scheme is closed."""

    code = "pay_scheme_closed"
    status = 409
    message = Bilingual("该薪酬方案已停用。", "This pay scheme is closed.")
    remedy = Bilingual("请先重新启用，或使用其他方案。", "Open it again, or use another scheme.")


class PayMemberNotFound(StewardError):
    """There is no such membership in reach."""

    code = "pay_member_not_found"
    status = 404
    message = Bilingual("没有此方案成员，或不在您的数据范围内。", "There is no such member of a scheme within reach.")
    remedy = Bilingual("请检查编号或联系管理员。", "Check the identifier, or ask an administrator.")


class NotPaidByScheme(StewardError):
    """The person is paid by no scheme in this month."""

    code = "pay_member_missing"
    status = 409
    message = Bilingual(
        "{month} 您不在该薪酬方案的成员之中。", "In {month} you are not among the people of this pay scheme."
    )
    remedy = Bilingual("请换一个月份或方案，或联系薪酬管理员。", "Choose another month or scheme, or ask payroll.")


class PayRunNotFound(StewardError):
    """There is no such run in reach."""

    code = "pay_run_not_found"
    status = 404
    message = Bilingual("没有此次薪酬核算，或不在您的数据范围内。", "There is no such pay run within reach.")
    remedy = Bilingual("请检查编号或联系管理员。", "Check the identifier, or ask an administrator.")


class PayRunExists(StewardError):
    """The month is being worked on already."""

    code = "pay_run_exists"
    status = 409
    message = Bilingual(
        "{month} 已有第 {revision} 次核算（{status}）。", "For {month} there is revision {revision} already ({status})."
    )
    remedy = Bilingual(
        "请继续该次核算，或将其作废后重新发起；已审批的须说明重新核算的原因。",
        "Go on with it, or discard it and start again; to revise what was approved, say why.",
    )


class PayRunNotOpen(StewardError):
    """The run's state does not allow it."""

    code = "pay_run_not_open"
    status = 409
    message = Bilingual(
        "该次核算的状态为“{status}”，不能这样操作。", "The run is {status}: this cannot be done with it."
    )
    remedy = Bilingual(
        "已审批的核算不再更改：请登记更正，或发起新的核算版本。",
        "What was approved is never changed: enter a correction, or start a new revision.",
    )


class PayRunOutdated(StewardError):
    """A correction in the draft was paid by another run meanwhile, or taken back."""

    code = "pay_run_outdated"
    status = 409
    message = Bilingual(
        "草稿中的 {count} 条更正已在别处发放或撤销。",
        "{count} corrections in the draft were paid elsewhere meanwhile, or taken back.",
    )
    remedy = Bilingual("请作废该草稿后重新核算。", "Discard the draft and run it again.")


class PaidElsewhere(StewardError):
    """People already have a statement of the month by another scheme; `problems` name them."""

    code = "pay_paid_elsewhere"
    status = 409
    message = Bilingual(
        "{count} 人在 {month} 已有其他方案的薪酬单。", "{count} people have a statement of {month} by another scheme."
    )
    remedy = Bilingual(
        "请先作废或重新核算另一方案，或更正成员的起止月份。",
        "Discard or revise that one first, or correct the members' months.",
    )


class NobodyToPay(StewardError):
    """The scheme has no member in the month."""

    code = "pay_nobody"
    status = 409
    message = Bilingual("{month} 该方案没有成员。", "Nobody is paid by this scheme in {month}.")
    remedy = Bilingual("请先添加成员。", "Add its members first.")


class MonthNotOver(StewardError):
    """The month still runs: its figures are not whole."""

    code = "pay_month_not_over"
    status = 409
    message = Bilingual("{month} 尚未结束，数据不完整。", "{month} is not over: its figures are not whole.")
    remedy = Bilingual(
        "请在月份结束后核算；此前可用试算。", "Run it when the month is over; until then use the what-if."
    )


class OwnPayRun(StewardError):
    """Who ran or submitted it may not approve it."""

    code = "pay_run_own"
    status = 403
    message = Bilingual("薪酬核算须由发起人以外的人审批。", "A pay run is approved by somebody else than who ran it.")
    remedy = Bilingual("请由其他有权限的人员审批。", "Ask somebody else with the right to.")


class PayLineNotFound(StewardError):
    """There is no such line of a published statement of the person's own."""

    code = "pay_line_not_found"
    status = 404
    message = Bilingual("您的薪酬单中没有此行。", "There is no such line in your own statements.")
    remedy = Bilingual("请检查编号；只能对本人已公布的薪酬单提出异议。", "Check it: only own, published lines count.")


class PayStatementNotFound(StewardError):
    """There is no such statement in reach."""

    code = "pay_statement_not_found"
    status = 404
    message = Bilingual("没有此薪酬单，或不在您的数据范围内。", "There is no such pay statement within reach.")
    remedy = Bilingual("请检查编号或联系管理员。", "Check the identifier, or ask an administrator.")


class DisputeNotFound(StewardError):
    """There is no such dispute in reach."""

    code = "pay_dispute_not_found"
    status = 404
    message = Bilingual("没有此异议，或不在您的数据范围内。", "There is no such dispute within reach.")
    remedy = Bilingual("请检查编号或联系管理员。", "Check the identifier, or ask an administrator.")


class DisputeExists(StewardError):
    """The line is disputed already."""

    code = "pay_dispute_exists"
    status = 409
    message = Bilingual("对该行已有未答复的异议。", "There is an open dispute about this line already.")
    remedy = Bilingual("请等待答复，或先撤回。", "Wait for the answer, or take it back first.")


class DisputeTooLate(StewardError):
    """The days for disputes are over."""

    code = "pay_dispute_too_late"
    status = 409
    message = Bilingual("异议须在公布后 {days} 天内提出。", "A line can be disputed for {days} days after approval.")
    remedy = Bilingual("请联系薪酬管理员登记更正。", "Ask payroll to enter a correction.")


class DisputeDecided(StewardError):
    """The dispute is no longer open."""

    code = "pay_dispute_decided"
    status = 409
    message = Bilingual("该异议已处理（{status}）。", "This dispute is no longer open ({status}).")
    remedy = Bilingual("如有新情况，请重新提出。", "Raise another one if there is something new.")


class OwnPay(StewardError):
    """Nobody decides about the own pay."""

    code = "pay_own"
    status = 403
    message = Bilingual("不能处理本人的薪酬。", "Nobody decides about their own pay.")
    remedy = Bilingual("请由其他薪酬管理员处理。", "Ask another payroll officer.")


class CorrectionNotFound(StewardError):
    """There is no such correction in reach."""

    code = "pay_correction_not_found"
    status = 404
    message = Bilingual("没有此更正，或不在您的数据范围内。", "There is no such correction within reach.")
    remedy = Bilingual("请检查编号或联系管理员。", "Check the identifier, or ask an administrator.")


class CorrectionTaken(StewardError):
    """The correction stands in a statement, or was taken back."""

    code = "pay_correction_taken"
    status = 409
    message = Bilingual("该更正已列入薪酬单或已撤销。", "This correction stands in a statement, or was taken back.")
    remedy = Bilingual(
        "请先作废含有它的草稿，或另行登记相反的更正。",
        "Discard the draft that holds it, or enter another one to the contrary.",
    )


class MemberPaid(StewardError):
    """The membership stands behind statements."""

    code = "pay_member_paid"
    status = 409
    message = Bilingual("{month} 起该成员已有薪酬单。", "This member has statements from {month} on.")
    remedy = Bilingual(
        "请先作废草稿；已公布的薪酬单保持不变，请改为设定终止月份。",
        "Discard the draft first; what was published stays: end the membership instead.",
    )
