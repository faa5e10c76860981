"""Commands on approvals."""

from __future__ import annotations

from steward_core.approvals.models import Approval, ApprovalAbsence, ApprovalDefinition, ApprovalRequest
from steward_graphql.catalogue.approvals import APPROVAL_ACT, REQUEST_KIND
from steward_graphql.declared.scalars import DATE, DATETIME, DECIMAL, ID, STRING
from steward_graphql.declared.shapes import InputObject
from steward_graphql.mutations.derive import Offer, columns
from steward_graphql.mutations.inputs import part
from steward_graphql.mutations.payloads import row
from steward_tenants.texts import Bilingual

_TEXTS = {
    "approval_id": Bilingual("审批", "The approval"),
    "act": Bilingual("审批人的操作", "What is done: one of the acts of those who are asked"),
    "turn": Bilingual("所见的轮次；已变化则拒绝", "The turn that was seen; refused when another has begun"),
    "person": Bilingual("加签、委托、转交或替换的对象", "Who is asked as well, stands in, or takes over"),
    "instead_of": Bilingual("被替换的审批人", "The approver who is replaced"),
    "step": Bilingual("退回到的步骤标识；空为申请人", "Key of the step to send it back to; none: to the requester"),
    "reason": Bilingual("理由；拒绝和退回时必填", "The reason; rejecting and sending back need one"),
    "key": Bilingual("本操作的编号，重复提交只算一次", "The command's own id: the same one twice counts once"),
    "document": Bilingual("流程内容（JSON）", "The definition"),
    "place": Bilingual("在同类事项流程中的次序", "Its place among the definitions of its subject"),
    "substitute_id": Bilingual("代办人", "The substitute"),
    "starts_at": Bilingual("开始时间", "From this moment"),
    "ends_at": Bilingual("结束时间（不含）", "Until this moment"),
    "user_id": Bilingual("缺席人；默认本人，其他人须由审批管理员设定", "Who is away; oneself when left out"),
    "absence_id": Bilingual("代办设定", "The absence"),
    "kind": Bilingual("申请类型", "What is asked for"),
    "text": Bilingual("说明", "Its text"),
    "from_on": Bilingual("开始日期；请假必填", "First day; leave needs one"),
    "until_on": Bilingual("结束日期（含）；请假必填", "Last day; leave needs one"),
    "amount": Bilingual("数量；合理定量必填", "How much; a reasonable volume needs it"),
    "client_id": Bilingual("客户；合理定量必填", "The client; a reasonable volume needs one"),
    "submit": Bilingual("是否立即提交", "Whether it is submitted at once"),
    "request_id": Bilingual("申请", "The request"),
}
_FIELDS = InputObject(
    "ApprovalRequestFields",
    Bilingual("申请的字段", "Fields of a request"),
    (
        part("title", STRING, "标题", "Title"),
        part("text", STRING, "说明", "Text"),
        part("client_id", ID, "客户", "The client"),
        part("from_on", DATE, "开始日期", "First day"),
        part("until_on", DATE, "结束日期（含）", "Last day"),
        part("amount", DECIMAL, "数量", "How much"),
    ),
)


def approvals() -> dict[str, Offer]:
    """Decisions, definitions, absences, and requests about nothing else."""
    approval = (row("approval", Approval, "审批", "The approval"),)
    definition = (row("approval_definition", ApprovalDefinition, "审批流程", "The definition"),)
    absence = (row("approval_absence", ApprovalAbsence, "代办设定", "The absence"),)
    request = (row("approval_request", ApprovalRequest, "申请", "The request"),)
    return {
        "approvals.decide": Offer(
            "decideApproval",
            approval,
            Bilingual(
                "同意、拒绝、加签、委托、转交、退回", "agree, reject, ask others, delegate, hand over, send back"
            ),
            kinds={"act": APPROVAL_ACT},
            texts=_TEXTS,
        ),
        "approvals.withdraw": Offer("withdrawApproval", approval, texts=_TEXTS),
        "approvals.resubmit": Offer("resubmitApproval", approval, texts=_TEXTS),
        "approvals.replace": Offer("replaceApprover", approval, texts=_TEXTS),
        "approvals.definition.set": Offer(
            "setApprovalDefinition",
            definition,
            Bilingual("成为该标识的新版本，进行中的审批不变", "it becomes the next version; what runs keeps its own"),
            texts=_TEXTS,
        ),
        "approvals.definition.retire": Offer(
            "retireApprovalDefinition",
            definition,
            texts={"key": Bilingual("流程标识", "Key of the definition")},
        ),
        "approvals.absence.set": Offer(
            "setApprovalAbsence",
            absence,
            kinds={"starts_at": DATETIME, "ends_at": DATETIME},
            texts=_TEXTS,
        ),
        "approvals.absence.end": Offer("endApprovalAbsence", absence, texts=_TEXTS),
        "approvals.request.create": Offer("createApprovalRequest", request, kinds={"kind": REQUEST_KIND}, texts=_TEXTS),
        "approvals.request.change": Offer("changeApprovalRequest", request, kinds=columns(_FIELDS), texts=_TEXTS),
        "approvals.request.submit": Offer("submitApprovalRequest", request, texts=_TEXTS),
    }
