"""Errors of opportunities, their proposals, discount requests, contracts and orders."""

from __future__ import annotations

from steward_tenants.errors import Conflict, NotFound, StewardError
from steward_tenants.texts import Bilingual


class OpportunityNotFound(NotFound):
    """No such opportunity, or it is outside the actor's scope."""

    code = "opportunity_not_found"
    message = Bilingual("找不到该商机。", "No such opportunity.")


class ProposalNotFound(NotFound):
    """No such proposal, or its opportunity is outside the actor's scope."""

    code = "proposal_not_found"
    message = Bilingual("找不到该方案。", "No such proposal.")


class DiscountNotFound(NotFound):
    """No such discount request, or its opportunity is outside the actor's scope."""

    code = "discount_request_not_found"
    message = Bilingual("找不到该优惠审批单。", "No such discount request.")


class ContractFileNotFound(NotFound):
    """No such contract on its way to signature, or its opportunity is outside the actor's scope."""

    code = "contract_file_not_found"
    message = Bilingual("找不到该合同资料清单。", "No such list of contract papers.")


class PaperNotFound(NotFound):
    """The contract's list has no such paper."""

    code = "contract_paper_not_found"
    message = Bilingual("资料清单中没有“{paper}”。", "The list has no paper “{paper}”.")
    remedy = Bilingual("请从清单中选择。", "Choose one of the list.")


class OrderNotFound(NotFound):
    """No such order, or its opportunity is outside the actor's scope."""

    code = "service_order_not_found"
    message = Bilingual("找不到该业务受理单。", "No such order.")


class AdviceNotFound(NotFound):
    """No such answer, or its opportunity is outside the actor's scope."""

    code = "opportunity_advice_not_found"
    message = Bilingual("找不到该咨询记录。", "No such answer.")


class MemberNotFound(NotFound):
    """The person is not in the opportunity's team."""

    code = "opportunity_member_not_found"
    message = Bilingual("该人员不在商机团队中。", "This person is not in the team.")


class OpportunityChanged(Conflict):
    """The row was changed since the caller read it."""

    code = "opportunity_changed"
    message = Bilingual("“{title}”已被他人修改。", "“{title}” was changed by someone else.")


class _Refused(StewardError):
    status = 409


class OpportunityEnded(_Refused):
    """It was signed, delivered or lost."""

    code = "opportunity_ended"
    message = Bilingual("商机“{title}”{outcome}，不能再修改。", "Opportunity “{title}” is over: {outcome}.")
    remedy = Bilingual("丢单的商机可先重新打开。", "One that was lost can be reopened first.")


class OpportunityNotLost(_Refused):
    """Only a lost one is reopened."""

    code = "opportunity_not_lost"
    message = Bilingual("商机“{title}”并未丢单。", "Opportunity “{title}” was not lost.")
    remedy = Bilingual("进行中的商机请直接变更阶段。", "Move an open one to another stage instead.")


class StageMoveRefused(_Refused):
    """The move is none: it stands there already."""

    code = "opportunity_stage_same"
    message = Bilingual("商机已处于“{stage}”阶段。", "The opportunity is at the stage “{stage}” already.")
    remedy = Bilingual("请选择其他阶段。", "Choose another stage.")


class ProposalNotDraft(_Refused):
    """Only a draft changes; what was sent is changed by a new version."""

    code = "proposal_not_draft"
    message = Bilingual("方案 {number} {state}，不能修改。", "Proposal {number} is no draft: {state}.")
    remedy = Bilingual("请新建一个版本。", "Make a new version.")


class ProposalNotSent(_Refused):
    """The client has not got it, or has got a later one."""

    code = "proposal_not_sent"
    message = Bilingual(
        "方案 {number} {state}，不是客户手中的版本。", "Proposal {number} is not with the client: {state}."
    )
    remedy = Bilingual("请在已送达的最新版本上登记。", "Record it on the latest version that was sent.")


class ProposalCannotGo(_Refused):
    """A proposal in this state is not sent."""

    code = "proposal_cannot_go"
    message = Bilingual("方案 {number} {state}，不能送出。", "Proposal {number} cannot go out: {state}.")
    remedy = Bilingual("请等待审批，或新建一个版本。", "Wait for the approval, or make a new version.")


class ChangeNotApproved(_Refused):
    """A changed proposal goes out only after the head of department has approved it [000#5]."""

    code = "proposal_change_not_approved"
    message = Bilingual(
        "方案 {number} 修改了已送达的方案，须先经部门负责人批准。",
        "Proposal {number} changes one that was sent: the head of department approves it first.",
    )
    remedy = Bilingual("请先提交方案变更审批。", "Ask for the approval of the change first.")


class NoChange(_Refused):
    """Only a proposal that changes a sent one is approved as a change."""

    code = "proposal_no_change"
    message = Bilingual(
        "方案 {number} 没有修改已送达的方案，无需审批。", "Proposal {number} changes none: no approval."
    )
    remedy = Bilingual("请直接送出。", "Send it.")


class DiscountNotApproved(_Refused):
    """Prices below the standard that nobody has approved: nobody promises them on the spot [000#5]."""

    code = "discount_not_approved"
    message = Bilingual(
        "报价低于标准价而没有批准的优惠：{items}。", "Quoted below the standard price without approval: {items}."
    )
    remedy = Bilingual("请先提交优惠审批单，获批后再送方案。", "Ask for the discount, and send it once it is approved.")


class DiscountDecided(_Refused):
    """The request is not waiting any more."""

    code = "discount_request_decided"
    message = Bilingual("优惠审批单{state}。", "The discount request is decided: {state}.")
    remedy = Bilingual("如需调整请新建审批单。", "Make a new request.")


class RecordTaken(Conflict):
    """The form record is the paper of something else already."""

    code = "paper_record_taken"
    message = Bilingual("该表单记录已用于另一张单据。", "This form record is the paper of something else already.")
    remedy = Bilingual("请选择另一条记录。", "Choose another record.")


class ContractFiled(Conflict):
    """The contract has its list of papers already."""

    code = "contract_filed"
    message = Bilingual("该合同已有资料清单。", "This contract has its list of papers already.")
    remedy = Bilingual("请打开已有的清单。", "Open the list that is there.")


class ContractSigned(_Refused):
    """It was signed already."""

    code = "contract_signed"
    message = Bilingual("合同“{number}”已签订。", "Contract “{number}” was signed already.")
    remedy = Bilingual("无需重复操作。", "There is nothing to do.")


class ContractNotSigned(_Refused):
    """Orders are accepted on signed contracts."""

    code = "contract_not_signed"
    message = Bilingual("合同“{number}”尚未签订。", "Contract “{number}” is not signed yet.")
    remedy = Bilingual("请先登记签订。", "Record its signature first.")


class PapersMissing(_Refused):
    """Papers are missing: an order is not accepted without them."""

    code = "contract_papers_missing"
    message = Bilingual("合同资料不齐：{papers}。", "Papers are missing: {papers}.")
    remedy = Bilingual("请补齐并核对后再受理。", "Complete and check them first.")


class OrderEnded(_Refused):
    """The order was completed or cancelled."""

    code = "service_order_ended"
    message = Bilingual("该业务受理单{state}。", "The order is over: {state}.")
    remedy = Bilingual("如需继续请新建受理单。", "Accept a new order to go on.")


class RuleVersionGone(_Refused):
    """The version of the rule that gave the answer is not there any more, so it cannot be replayed."""

    code = "advice_rule_version_gone"
    message = Bilingual(
        "规则 {advisor} 的第 {version} 版已不存在。", "Version {version} of {advisor} is not there any more."
    )
    remedy = Bilingual("请联系插件提供方。", "Ask whoever provides the plugin.")
