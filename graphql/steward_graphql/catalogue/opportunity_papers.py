"""What belongs to an opportunity: proposals, discount requests, contracts with their papers, orders, advice."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, and_, literal, select
from sqlalchemy.orm import aliased

from steward_core.clients.attachments import AttachedTo
from steward_core.opportunities.models import (
    ClientView,
    ContractFile,
    ContractPaper,
    DiscountRequest,
    DiscountState,
    Opportunity,
    OpportunityAdvice,
    OrderState,
    Proposal,
    ProposalState,
    ServiceOrder,
)
from steward_core.opportunities.reach import below
from steward_core.permissions import OPPORTUNITIES_VIEW
from steward_graphql.catalogue.people import name_of
from steward_graphql.declared.entities import Entity, Many, Row, column, computed, many, one
from steward_graphql.declared.scalars import BOOLEAN, FEN, STRING, enum_of
from steward_tenants.access.symbolic import TODAY
from steward_tenants.texts import Bilingual

PROPOSAL_STATE = enum_of(ProposalState, "ProposalState", "方案的状态", "State of a proposal")
CLIENT_VIEW = enum_of(ClientView, "ClientView", "客户对方案的意见", "What the client says to a proposal")
DISCOUNT_STATE = enum_of(DiscountState, "DiscountState", "优惠审批单的状态", "State of a discount request")
ORDER_STATE = enum_of(OrderState, "OrderState", "业务受理单的状态", "State of an order")


def seen_through(row: Row) -> ColumnElement[bool]:
    """That the row's opportunity is reached."""
    return below(row.planning.session, OPPORTUNITIES_VIEW, TODAY, row.table)


def _paper_seen(row: Row) -> ColumnElement[bool]:
    file: Any = aliased(ContractFile)
    return (
        select(file.id)
        .where(
            row.within(file),
            file.id == row.table.contract_file_id,
            below(row.planning.session, OPPORTUNITIES_VIEW, TODAY, file),
        )
        .correlate(row.table)
        .exists()
    )


def _files_on(row: Row, file: Row) -> ColumnElement[bool]:
    """The files on a proposal; they hang on its opportunity's client too."""
    opportunity: Any = aliased(Opportunity)
    client_id = (
        select(opportunity.client_id)
        .where(row.within(opportunity), opportunity.id == row.table.opportunity_id)
        .correlate(row.table)
        .scalar_subquery()
    )
    return and_(
        file.table.subject_kind == literal(AttachedTo.PROPOSAL.value),
        file.table.subject_id == row.table.id,
        file.table.client_id == client_id,
    )


def _papers_missing(row: Row) -> ColumnElement[bool]:
    paper: Any = aliased(ContractPaper)
    lacking = (paper.present < paper.copies) | (paper.seam_seal & ~paper.sealed)
    return (
        select(paper.key)
        .where(row.within(paper), paper.contract_file_id == row.table.id, lacking)
        .correlate(row.table)
        .exists()
    )


PROPOSAL = Entity(
    "Proposal",
    Proposal,
    Bilingual("给客户的方案的一个版本", "One version of what is proposed to a client"),
    view=OPPORTUNITIES_VIEW,
    reach=seen_through,
    order=(("createdAt", True),),
    fields=(
        column(Proposal.id, "编号", "Identifier", filter=True),
        column(Proposal.opportunity_id, "商机编号", "Id of the opportunity", filter=True),
        column(Proposal.number, "版本号", "Its number among the versions", filter=True, order=True),
        column(Proposal.title, "标题", "Its title", filter=True),
        column(Proposal.body, "正文", "Its text"),
        column(
            Proposal.items,
            "项目：[{title, quantity, standard, quoted}]，价格为整批（分）",
            "Its items: [{title, quantity, standard, quoted}], prices in fen for the whole quantity",
        ),
        column(Proposal.standard_total, "标准价合计（分）", "Standard prices in all, in fen", kind=FEN, aggregate=True),
        column(
            Proposal.quoted_total,
            "报价合计（分）",
            "Quoted in all, in fen",
            kind=FEN,
            filter=True,
            order=True,
            aggregate=True,
        ),
        column(Proposal.state, "状态", "Its state", kind=PROPOSAL_STATE, filter=True, group=True),
        column(Proposal.visit_id, "对应的走访编号", "Id of the visit after which it was promised", filter=True),
        column(Proposal.changes_id, "所修改的方案编号", "Id of the version it changes", filter=True),
        column(Proposal.change, "修改说明", "What it changes and why"),
        column(Proposal.approval_id, "变更审批编号", "Id of the approval of the change", filter=True),
        column(Proposal.decided_by, "审批人编号", "Id of who decided", name="decidedById"),
        column(Proposal.decided_at, "审批时间", "When it was decided"),
        column(Proposal.decision, "审批意见", "Why it was decided so"),
        column(Proposal.sent_at, "送达时间", "When it was sent", filter=True, order=True, group=True),
        column(Proposal.sent_by, "送达人编号", "Id of who sent it", name="sentById", filter=True),
        computed("sentByName", STRING, name_of("sent_by"), "送达人姓名", "Name of who sent it"),
        column(Proposal.view, "客户意见", "What the client says", kind=CLIENT_VIEW, filter=True, group=True),
        column(Proposal.view_note, "客户意见说明", "What else the client said"),
        column(Proposal.viewed_at, "客户答复时间", "When the client was asked", filter=True, order=True),
        column(Proposal.created_at, "创建时间", "When it was written", filter=True, order=True),
        column(Proposal.created_by, "创建人编号", "Id of who wrote it", name="createdById", filter=True),
        column(Proposal.version, "版本，修改时用于检查冲突", "Counts its changes; a change names the one it saw"),
        one("opportunity", "Opportunity", Proposal.opportunity_id, "商机", "The opportunity", granted=True),
        one("changes", "Proposal", Proposal.changes_id, "所修改的方案", "The version it changes", granted=True),
        one("visit", "Visit", Proposal.visit_id, "对应的走访", "The visit after which it was promised"),
        one("approval", "Approval", Proposal.approval_id, "变更审批", "The approval of the change"),
        Many("attachments", "Attachment", Bilingual("附件", "Files on it"), _files_on),
    ),
)

DISCOUNT = Entity(
    "DiscountRequest",
    DiscountRequest,
    Bilingual(
        "优惠审批单：低于标准价的报价须先获批", "A request for prices below the standard, decided by an approval"
    ),
    view=OPPORTUNITIES_VIEW,
    reach=seen_through,
    order=(("createdAt", True),),
    fields=(
        column(DiscountRequest.id, "编号", "Identifier", filter=True),
        column(DiscountRequest.opportunity_id, "商机编号", "Id of the opportunity", filter=True),
        column(DiscountRequest.record_id, "作为单据的表单记录编号", "Id of the form that is its paper", filter=True),
        column(DiscountRequest.trade, "行业", "The client's trade", filter=True, group=True),
        column(DiscountRequest.services, "产品或服务", "Products or services", filter=True),
        column(DiscountRequest.background, "背景", "Background"),
        column(DiscountRequest.competition, "竞争情况", "Competition"),
        column(
            DiscountRequest.items,
            "项目：[{title, quantity, standard, asked, reason}]，价格为整批（分）",
            "Its items: [{title, quantity, standard, asked, reason}], prices in fen for the whole quantity",
        ),
        column(
            DiscountRequest.standard_total,
            "标准价合计（分）",
            "Standard prices in all, in fen",
            kind=FEN,
            aggregate=True,
        ),
        column(DiscountRequest.asked_total, "申请价合计（分）", "Asked in all, in fen", kind=FEN, aggregate=True),
        column(
            DiscountRequest.discount_total,
            "优惠金额（分）",
            "What the client would save, in fen",
            kind=FEN,
            filter=True,
            order=True,
            aggregate=True,
        ),
        column(DiscountRequest.percent, "优惠比例（%）", "The discount in percent", filter=True, order=True),
        column(DiscountRequest.state, "状态", "Its state", kind=DISCOUNT_STATE, filter=True, group=True),
        column(DiscountRequest.approval_id, "审批编号", "Id of its approval", filter=True),
        column(DiscountRequest.decided_by, "审批人编号", "Id of who decided", name="decidedById", filter=True),
        column(DiscountRequest.decided_at, "审批时间", "When it was decided", filter=True, order=True),
        column(DiscountRequest.decision, "审批意见", "Why it was decided so"),
        column(DiscountRequest.created_at, "申请时间", "When it was asked for", filter=True, order=True),
        column(DiscountRequest.created_by, "申请人编号", "Id of who asked", name="createdById", filter=True),
        computed("createdByName", STRING, name_of("created_by"), "申请人姓名", "Name of who asked"),
        column(
            DiscountRequest.version, "版本，修改时用于检查冲突", "Counts its changes; a change names the one it saw"
        ),
        one("opportunity", "Opportunity", DiscountRequest.opportunity_id, "商机", "The opportunity", granted=True),
        one("approval", "Approval", DiscountRequest.approval_id, "审批", "Its approval"),
        one("createdBy", "Person", DiscountRequest.created_by, "申请人", "Who asked"),
    ),
)

FILE = Entity(
    "ContractFile",
    ContractFile,
    Bilingual("签约中的合同及其资料", "A contract on its way to signature, with its papers"),
    view=OPPORTUNITIES_VIEW,
    reach=seen_through,
    order=(("createdAt", True),),
    fields=(
        column(ContractFile.id, "编号", "Identifier", filter=True),
        column(ContractFile.opportunity_id, "商机编号", "Id of the opportunity", filter=True),
        column(ContractFile.contract_id, "合同编号", "Id of the contract", filter=True),
        column(ContractFile.template, "资料清单标识", "Key of the list of papers", filter=True, group=True),
        computed(
            "papersMissing",
            BOOLEAN,
            _papers_missing,
            "资料是否不齐",
            "Whether papers are missing",
            nullable=False,
            filter=True,
        ),
        column(ContractFile.signed_at, "签订时间", "When it was signed", filter=True, order=True),
        column(ContractFile.signed_by, "登记人编号", "Id of who recorded it", name="signedById"),
        column(ContractFile.resource_available, "线路资源是否具备", "Whether there are resources", filter=True),
        column(ContractFile.created_at, "创建时间", "When it was begun", filter=True, order=True),
        column(ContractFile.created_by, "创建人编号", "Id of who began it", name="createdById"),
        column(ContractFile.version, "版本，修改时用于检查冲突", "Counts its changes; a change names the one it saw"),
        one("opportunity", "Opportunity", ContractFile.opportunity_id, "商机", "The opportunity", granted=True),
        one("contract", "Contract", ContractFile.contract_id, "合同", "The contract"),
        many("papers", "ContractPaper", "contract_file_id", "资料", "Its papers", filter=True, granted=True),
    ),
)

PAPER = Entity(
    "ContractPaper",
    ContractPaper,
    Bilingual("合同所需的一项资料", "A paper that a contract needs"),
    view=OPPORTUNITIES_VIEW,
    reach=_paper_seen,
    key=("contract_file_id", "key"),
    node=False,
    order=(("place", False),),
    fields=(
        column(ContractPaper.contract_file_id, "合同资料编号", "Id of the contract's list", filter=True),
        column(ContractPaper.key, "标识", "Its key", filter=True),
        column(ContractPaper.place, "次序", "Its place in the list", order=True),
        column(ContractPaper.title_zh, "中文名称", "Chinese title"),
        column(ContractPaper.title_en, "英文名称", "English title"),
        column(ContractPaper.copies, "应有份数", "Copies that are needed"),
        column(ContractPaper.present, "已有份数", "Copies that are there", filter=True),
        column(ContractPaper.seam_seal, "是否须盖骑缝章", "Whether seals on the seam are needed", filter=True),
        column(ContractPaper.sealed, "是否已盖骑缝章", "Whether they are there", filter=True),
        column(ContractPaper.checked_by, "核对人编号", "Id of who checked it", name="checkedById"),
        column(ContractPaper.checked_at, "核对时间", "When it was checked"),
        one("contractFile", "ContractFile", ContractPaper.contract_file_id, "合同资料", "Its list", granted=True),
    ),
)

ORDER = Entity(
    "ServiceOrder",
    ServiceOrder,
    Bilingual("在已签合同上受理的业务", "An order that was accepted on a signed contract"),
    view=OPPORTUNITIES_VIEW,
    reach=seen_through,
    order=(("acceptedAt", True),),
    fields=(
        column(ServiceOrder.id, "编号", "Identifier", filter=True),
        column(ServiceOrder.opportunity_id, "商机编号", "Id of the opportunity", filter=True),
        column(ServiceOrder.contract_id, "合同编号", "Id of the contract", filter=True),
        column(ServiceOrder.record_id, "作为单据的表单记录编号", "Id of the form that is its paper", filter=True),
        column(ServiceOrder.service, "受理业务", "What was ordered", filter=True),
        column(ServiceOrder.engineering_contact, "工程联系人", "Contact at engineering"),
        column(ServiceOrder.planned_on, "计划完工日", "Planned for", filter=True, order=True, group=True),
        column(ServiceOrder.state, "状态", "Its state", kind=ORDER_STATE, filter=True, group=True),
        column(ServiceOrder.ended_at, "完工或取消时间", "When it was completed or cancelled", filter=True, order=True),
        column(ServiceOrder.ended_by, "完工登记人编号", "Id of who ended it", name="endedById"),
        column(ServiceOrder.note, "取消原因", "Why it was cancelled"),
        column(ServiceOrder.accepted_at, "受理时间", "When it was accepted", filter=True, order=True),
        column(ServiceOrder.accepted_by, "受理人编号", "Id of who accepted it", name="acceptedById", filter=True),
        column(ServiceOrder.version, "版本，修改时用于检查冲突", "Counts its changes; a change names the one it saw"),
        one("opportunity", "Opportunity", ServiceOrder.opportunity_id, "商机", "The opportunity", granted=True),
        one("contract", "Contract", ServiceOrder.contract_id, "合同", "The contract"),
    ),
)

ADVICE = Entity(
    "OpportunityAdvice",
    OpportunityAdvice,
    Bilingual("就商机咨询规则所得的答复，可复算", "What an advisor answered about an opportunity; it can be replayed"),
    view=OPPORTUNITIES_VIEW,
    reach=seen_through,
    order=(("askedAt", True),),
    plural="opportunityAdvices",
    fields=(
        column(OpportunityAdvice.id, "编号", "Identifier", filter=True),
        column(OpportunityAdvice.opportunity_id, "商机编号", "Id of the opportunity", filter=True),
        column(OpportunityAdvice.advisor, "规则的完整标识", "Full key of the advisor", filter=True, group=True),
        column(OpportunityAdvice.rule_version, "规则版本", "Version of the rule", filter=True),
        column(OpportunityAdvice.plugin_version, "插件版本", "Version of the plugin"),
        column(OpportunityAdvice.question, "问题", "The question"),
        column(OpportunityAdvice.settings, "当时的插件设置", "The plugin's settings then"),
        column(OpportunityAdvice.answer, "答复", "The recommendation", filter=True, group=True),
        column(OpportunityAdvice.title_zh, "结论（中文）", "It in Chinese"),
        column(OpportunityAdvice.title_en, "结论（英文）", "It in English"),
        column(OpportunityAdvice.lines, "理由：[{zh, en}]", "The reasoning: [{zh, en}]"),
        column(OpportunityAdvice.figures, "计算出的数据", "Figures that were computed"),
        column(OpportunityAdvice.asked_by, "咨询人编号", "Id of who asked", name="askedById", filter=True),
        column(OpportunityAdvice.asked_at, "咨询时间", "When", filter=True, order=True),
        one("opportunity", "Opportunity", OpportunityAdvice.opportunity_id, "商机", "The opportunity", granted=True),
    ),
)
