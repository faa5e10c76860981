"""Commands on opportunities."""

from __future__ import annotations

from functools import cache

from steward_core.opportunities.models import (
    ContractFile,
    DiscountRequest,
    Opportunity,
    OpportunityAdvice,
    PipelineReview,
    Proposal,
    ServiceOrder,
)
from steward_graphql.catalogue.opportunities import LOST_REASON
from steward_graphql.catalogue.opportunity_papers import CLIENT_VIEW
from steward_graphql.declared.scalars import DATE, FEN, INT, STRING
from steward_graphql.declared.shapes import Argument, InputObject
from steward_graphql.mutations.derive import Offer
from steward_graphql.mutations.inputs import part
from steward_graphql.mutations.payloads import Result, row
from steward_tenants.texts import Bilingual

_TEXTS = {
    "opportunity_id": Bilingual("商机", "The opportunity"),
    "visit_id": Bilingual("来源或对应的走访", "The visit that it came from"),
    "stage": Bilingual("阶段标识，默认第一阶段", "Key of the stage; the first when left out"),
    "lost_reason": Bilingual("丢单原因", "Why it was lost"),
    "note": Bilingual("说明", "A note"),
    "part": Bilingual("分工", "What they do in the team"),
    "proposal_id": Bilingual("方案", "The proposal"),
    "items": Bilingual("项目，整份替换", "The items; they replace all of them"),
    "view": Bilingual("客户意见", "What the client says"),
    "discount_id": Bilingual("优惠审批单", "The discount request"),
    "contract_file_id": Bilingual("合同资料", "The contract with its papers"),
    "template": Bilingual("资料清单标识，默认客户所属行业的清单", "Key of the list; the industry's when left out"),
    "paper": Bilingual("资料标识", "Key of the paper"),
    "present": Bilingual("已有份数", "Copies that are there"),
    "sealed": Bilingual("是否已盖骑缝章", "Whether there are seals on the seam"),
    "resource_available": Bilingual("线路资源是否具备", "Whether there are resources for the line"),
    "order_id": Bilingual("业务受理单", "The order"),
    "record_id": Bilingual("作为单据的表单记录", "The form record that is its paper"),
    "advisor": Bilingual("规则的完整标识", "Full key of the advisor"),
    "question": Bilingual("问题，JSON 对象", "The question, a JSON object"),
    "week": Bilingual("该周的任意一天", "Any day of the week"),
}
_MOMENT = ("at",)
"""When it happened is the server's to say."""


def _columns(*, new: bool) -> tuple[Argument, ...]:
    return (
        part("title", STRING, "名称", "Title", required=new),
        part("need", STRING, "客户需求", "What the client needs"),
        part("amount", FEN, "金额（分）", "Amount in fen"),
        part("probability", INT, "成功概率（%），默认阶段的概率", "Probability in percent; the stage's when left out"),
        part("expected_on", DATE, "预计签约日期", "The day it is expected on"),
    )


def _input(name: str, zh: str, en: str, *parts: Argument) -> InputObject:
    return InputObject(name, Bilingual(zh, en), parts)


@cache
def new_fields() -> InputObject:
    """What a new opportunity may be given."""
    return _input("NewOpportunityFields", "新商机的字段", "Fields of a new opportunity", *_columns(new=True))


@cache
def changed_fields() -> InputObject:
    """What a change may give."""
    zh, en = "要修改的商机字段；空值清空，未给的不变", "Fields of an opportunity to change; null empties one"
    return _input("OpportunityFields", zh, en, *_columns(new=False))


def _proposal_columns(*, new: bool) -> tuple[Argument, ...]:
    return (
        part("title", STRING, "标题", "Title", required=new),
        part("body", STRING, "正文", "Its text"),
        part("change", STRING, "修改说明", "What it changes and why"),
    )


@cache
def new_proposal() -> InputObject:
    """What a new proposal may be given."""
    return _input("NewProposalFields", "新方案的字段", "Fields of a new proposal", *_proposal_columns(new=True))


@cache
def changed_proposal() -> InputObject:
    """What a change of a draft may give."""
    zh, en = "要修改的方案字段；空值清空", "Fields of a proposal to change; null empties one"
    return _input("ProposalFields", zh, en, *_proposal_columns(new=False))


@cache
def quoted_item() -> InputObject:
    """An item of a proposal."""
    return _input(
        "QuotedItem",
        "方案的一个项目；价格为整批",
        "An item of a proposal; prices for the whole quantity",
        part("title", STRING, "项目", "Item", required=True),
        part("quantity", INT, "数量，默认 1", "Quantity; 1 when left out"),
        part("standard", FEN, "标准价（分）", "Standard price in fen", required=True),
        part("quoted", FEN, "报价（分）", "Price quoted in fen", required=True),
    )


@cache
def asked_item() -> InputObject:
    """An item of a discount request."""
    return _input(
        "AskedItem",
        "申请优惠的一个项目；价格为整批",
        "An item for which a lower price is asked; prices for the whole quantity",
        part("title", STRING, "项目", "Item", required=True),
        part("quantity", INT, "数量，默认 1", "Quantity; 1 when left out"),
        part("standard", FEN, "标准价（分）", "Standard price in fen", required=True),
        part("asked", FEN, "申请价（分）", "Price asked for in fen", required=True),
        part("reason", STRING, "理由", "Why", required=True),
    )


@cache
def discount_fields() -> InputObject:
    """What a discount request says beside its items."""
    return _input(
        "DiscountFields",
        "优惠审批单的字段；未给的取自表单记录",
        "Fields of a discount request; those left out are taken from the form record",
        part("trade", STRING, "行业", "Trade"),
        part("services", STRING, "产品或服务", "Products or services"),
        part("background", STRING, "背景", "Background"),
        part("competition", STRING, "竞争情况", "Competition"),
    )


@cache
def order_fields() -> InputObject:
    """What an order says."""
    return _input(
        "OrderFields",
        "业务受理单的字段；未给的取自表单记录",
        "Fields of an order; those left out are taken from the form record",
        part("service", STRING, "受理业务", "What is ordered"),
        part("engineering_contact", STRING, "工程联系人", "Contact at engineering"),
        part("planned_on", DATE, "计划完工日", "Planned for"),
    )


def _opportunity() -> Result:
    return row("opportunity", Opportunity, "商机", "The opportunity")


def _proposal() -> Result:
    return row("proposal", Proposal, "方案", "The proposal")


def _discount() -> Result:
    return row("discountRequest", DiscountRequest, "优惠审批单", "The discount request")


def _file() -> Result:
    return row("contractFile", ContractFile, "合同资料", "The contract with its papers")


def _order() -> Result:
    return row("serviceOrder", ServiceOrder, "业务受理单", "The order")


def opportunities() -> dict[str, Offer]:
    """What is offered, by command."""
    return {**_pipeline(), **_proposals(), **_contracts()}


def _pipeline() -> dict[str, Offer]:
    return {
        "opportunities.open": Offer(
            "openOpportunity",
            (_opportunity(),),
            Bilingual("归客户的客户经理所有", "it belongs to the client's owner"),
            kinds={"fields": new_fields()},
            texts=_TEXTS,
        ),
        "opportunities.change": Offer(
            "changeOpportunity", (_opportunity(),), kinds={"fields": changed_fields()}, texts=_TEXTS
        ),
        "opportunities.move": Offer(
            "moveOpportunity",
            (_opportunity(),),
            Bilingual("退回之前的阶段须填写原因", "back only with a reason"),
            texts={**_TEXTS, "stage": Bilingual("阶段标识", "Key of the stage")},
        ),
        "opportunities.lose": Offer(
            "loseOpportunity", (_opportunity(),), kinds={"lost_reason": LOST_REASON}, texts=_TEXTS
        ),
        "opportunities.reopen": Offer("reopenOpportunity", (_opportunity(),), texts=_TEXTS),
        "opportunities.member.set": Offer("setOpportunityMember", (_opportunity(),), texts=_TEXTS),
        "opportunities.member.remove": Offer("removeOpportunityMember", (_opportunity(),), texts=_TEXTS),
        "opportunities.review.write": Offer(
            "writePipelineReview",
            (row("pipelineReview", PipelineReview, "周评审", "The review"),),
            Bilingual("留存当时的数据", "with the figures as they stand"),
            texts=_TEXTS,
            cost=100,
        ),
        "opportunities.advice.ask": Offer(
            "askOpportunityAdvice",
            (row("advice", OpportunityAdvice, "咨询记录", "The answer"),),
            Bilingual("答复及其依据留存备查", "the answer is kept with all it was answered from"),
            texts=_TEXTS,
        ),
    }


def _proposals() -> dict[str, Offer]:
    return {
        "opportunities.proposal.draft": Offer(
            "draftProposal",
            (_proposal(),),
            kinds={"fields": new_proposal(), "items": quoted_item()},
            texts=_TEXTS,
        ),
        "opportunities.proposal.change": Offer(
            "changeProposal",
            (_proposal(),),
            kinds={"fields": changed_proposal(), "items": quoted_item()},
            texts=_TEXTS,
        ),
        "opportunities.proposal.submit": Offer("submitProposalChange", (_proposal(),), texts=_TEXTS),
        "opportunities.proposal.send": Offer(
            "sendProposal",
            (_proposal(),),
            Bilingual("低于标准价的报价须先获批", "prices below the standard need an approved request"),
            withheld=_MOMENT,
            texts=_TEXTS,
        ),
        "opportunities.proposal.view": Offer(
            "recordClientView", (_proposal(),), kinds={"view": CLIENT_VIEW}, withheld=_MOMENT, texts=_TEXTS
        ),
        "opportunities.discount.request": Offer(
            "requestDiscount",
            (_discount(),),
            Bilingual("随即进入审批", "the approval starts at once"),
            kinds={"fields": discount_fields(), "items": asked_item()},
            texts=_TEXTS,
        ),
        "opportunities.discount.resubmit": Offer(
            "resubmitDiscount",
            (_discount(),),
            kinds={"fields": discount_fields(), "items": asked_item()},
            texts=_TEXTS,
        ),
    }


def _contracts() -> dict[str, Offer]:
    return {
        "opportunities.contract.prepare": Offer("prepareContract", (_file(),), texts=_TEXTS),
        "opportunities.contract.check_paper": Offer("checkContractPaper", (_file(),), texts=_TEXTS),
        "opportunities.contract.sign": Offer(
            "signContract",
            (_file(),),
            Bilingual("开始装机承诺的计时", "the promises of installation begin"),
            withheld=_MOMENT,
            texts=_TEXTS,
        ),
        "opportunities.order.accept": Offer(
            "acceptOrder",
            (_order(),),
            Bilingual("资料须齐全", "its papers must be complete"),
            kinds={"fields": order_fields()},
            texts=_TEXTS,
        ),
        "opportunities.order.complete": Offer(
            "completeOrder",
            (_order(),),
            Bilingual("开始完工后回访的计时", "the visits after completion begin"),
            withheld=_MOMENT,
            texts=_TEXTS,
        ),
        "opportunities.order.cancel": Offer("cancelOrder", (_order(),), texts=_TEXTS),
    }
