"""Opportunities, their team, steps and reviews."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, and_, func, literal

from steward_core.opportunities.models import (
    LostReason,
    Opportunity,
    OpportunityMember,
    OpportunityStep,
    Outcome,
    PipelineReview,
)
from steward_core.opportunities.queries import weighted_amount
from steward_core.opportunities.reach import REVIEW as REVIEW_ROWS
from steward_core.opportunities.reach import reached
from steward_core.permissions import OPPORTUNITIES_VIEW
from steward_graphql.catalogue.client_names import client_name, unit_name
from steward_graphql.catalogue.opportunity_papers import ADVICE, DISCOUNT, FILE, ORDER, PAPER, PROPOSAL, seen_through
from steward_graphql.catalogue.people import name_of
from steward_graphql.declared.entities import (
    Catalogue,
    Entity,
    ListRoot,
    OneRoot,
    Row,
    column,
    computed,
    many,
    one,
)
from steward_graphql.declared.scalars import BOOLEAN, FEN, STRING, enum_of
from steward_tenants.access.symbolic import TODAY
from steward_tenants.texts import Bilingual

OUTCOME = enum_of(Outcome, "OpportunityOutcome", "商机的结果", "What has become of an opportunity")
LOST_REASON = enum_of(LostReason, "LostReason", "丢单原因", "Why an opportunity was lost")


def _seen(row: Row) -> ColumnElement[bool]:
    return reached(row.planning.session, OPPORTUNITIES_VIEW, TODAY, row.table)


def _overdue(row: Row) -> ColumnElement[bool]:
    late = and_(row.table.outcome == literal(Outcome.OPEN.value), row.table.expected_on < row.today)
    return func.coalesce(late, literal(False))


def _weighted(row: Row) -> ColumnElement[Any]:
    return weighted_amount(row.table)


OPPORTUNITY = Entity(
    "Opportunity",
    Opportunity,
    Bilingual(
        "商机，从线索到交付；负责人及其上级、团队成员可见",
        "An opportunity, from lead to delivery; seen by its owner, those above, and its team",
    ),
    view=OPPORTUNITIES_VIEW,
    reach=_seen,
    order=(("expectedOn", False),),
    plural="opportunities",
    fields=(
        column(Opportunity.id, "编号", "Identifier", filter=True),
        column(Opportunity.client_id, "客户编号", "Id of the client", filter=True, group=True),
        computed("clientName", STRING, client_name(), "客户名称", "Name of the client"),
        column(Opportunity.title, "名称", "Its title", filter=True, order=True),
        column(Opportunity.need, "客户需求", "What the client needs"),
        column(
            Opportunity.stage,
            "阶段标识，见 opportunityStages",
            "Key of its stage: see opportunityStages",
            filter=True,
            order=True,
            group=True,
        ),
        column(Opportunity.outcome, "结果", "What has become of it", kind=OUTCOME, filter=True, group=True),
        column(
            Opportunity.amount, "金额（分）", "Its amount in fen", kind=FEN, filter=True, order=True, aggregate=True
        ),
        column(Opportunity.probability, "成功概率（%）", "Its probability in percent", filter=True, order=True),
        computed(
            "weightedAmount",
            FEN,
            _weighted,
            "加权金额（分）：金额×概率，四舍五入",
            "Amount times probability in fen, rounded half up",
            nullable=False,
            filter=True,
            order=True,
            aggregate=True,
        ),
        column(
            Opportunity.expected_on, "预计签约日期", "The day it is expected on", filter=True, order=True, group=True
        ),
        computed(
            "overdue",
            BOOLEAN,
            _overdue,
            "进行中且已过预计日期",
            "Whether it is open and its day has passed",
            nullable=False,
            filter=True,
            group=True,
        ),
        column(Opportunity.owner_id, "负责人编号", "Id of its owner", filter=True, group=True),
        computed("ownerName", STRING, name_of("owner_id"), "负责人姓名", "Name of its owner"),
        column(Opportunity.unit_id, "所属机构编号", "Id of its unit", filter=True, group=True),
        computed("unitName", STRING, unit_name("unit_id"), "所属机构名称", "Name of its unit"),
        column(Opportunity.visit_id, "来源走访编号", "Id of the visit it came from", filter=True),
        column(Opportunity.lost_reason, "丢单原因", "Why it was lost", kind=LOST_REASON, filter=True, group=True),
        column(Opportunity.lost_note, "丢单说明", "What else there is to say of the loss"),
        column(Opportunity.stage_since, "进入当前阶段的时间", "When it came to its stage", filter=True, order=True),
        column(Opportunity.ended_at, "签约或丢单的时间", "When it was signed or lost", filter=True, order=True),
        column(Opportunity.created_at, "创建时间", "When it was opened", filter=True, order=True),
        column(Opportunity.created_by, "创建人编号", "Id of who opened it", name="createdById", filter=True),
        column(Opportunity.updated_at, "修改时间", "When it was last changed", filter=True, order=True),
        column(Opportunity.version, "版本，修改时用于检查冲突", "Counts its changes; a change names the one it saw"),
        one("client", "Client", Opportunity.client_id, "客户", "The client"),
        one("owner", "Person", Opportunity.owner_id, "负责人", "Its owner"),
        one("unit", "OrgUnit", Opportunity.unit_id, "所属机构", "Its unit"),
        one("visit", "Visit", Opportunity.visit_id, "来源走访", "The visit it came from"),
        many("members", "OpportunityMember", "opportunity_id", "团队成员", "Its team", filter=True, granted=True),
        many("steps", "OpportunityStep", "opportunity_id", "阶段历史", "Its steps", filter=True, granted=True),
        many("proposals", "Proposal", "opportunity_id", "方案", "Its proposals", filter=True, granted=True),
        many(
            "discountRequests",
            "DiscountRequest",
            "opportunity_id",
            "优惠审批单",
            "Its discount requests",
            filter=True,
            granted=True,
        ),
        many("contractFiles", "ContractFile", "opportunity_id", "合同资料", "Its contracts", filter=True, granted=True),
        many("orders", "ServiceOrder", "opportunity_id", "业务受理单", "Its orders", filter=True, granted=True),
        many("advice", "OpportunityAdvice", "opportunity_id", "咨询记录", "Answers of advisors", granted=True),
    ),
)

MEMBER = Entity(
    "OpportunityMember",
    OpportunityMember,
    Bilingual("商机的团队成员", "A person of an opportunity's team"),
    view=OPPORTUNITIES_VIEW,
    reach=seen_through,
    key=("opportunity_id", "user_id"),
    node=False,
    fields=(
        column(OpportunityMember.opportunity_id, "商机编号", "Id of the opportunity", filter=True),
        column(OpportunityMember.user_id, "人员编号", "Id of the person", filter=True, order=True),
        computed("userName", STRING, name_of("user_id"), "姓名", "Name of the person"),
        column(OpportunityMember.part, "分工", "What they do in it"),
        column(OpportunityMember.added_at, "加入时间", "Since when", order=True),
        column(OpportunityMember.added_by, "加入人编号", "Id of who put them in", name="addedById"),
        one("opportunity", "Opportunity", OpportunityMember.opportunity_id, "商机", "The opportunity", granted=True),
        one("user", "Person", OpportunityMember.user_id, "人员", "The person"),
    ),
)

STEP = Entity(
    "OpportunityStep",
    OpportunityStep,
    Bilingual("商机阶段的一次变化，只增不改", "One step of an opportunity through its stages; never changed"),
    view=OPPORTUNITIES_VIEW,
    reach=seen_through,
    order=(("at", True),),
    fields=(
        column(OpportunityStep.id, "编号", "Identifier", filter=True),
        column(OpportunityStep.opportunity_id, "商机编号", "Id of the opportunity", filter=True),
        column(OpportunityStep.before, "之前的阶段；空为新建", "The stage before; none: it was new", filter=True),
        column(OpportunityStep.after, "之后的阶段", "The stage after", filter=True, group=True),
        column(OpportunityStep.outcome, "之后的结果", "The outcome after", kind=OUTCOME, filter=True, group=True),
        column(OpportunityStep.amount, "当时的金额（分）", "Its amount then, in fen", kind=FEN, filter=True),
        column(OpportunityStep.probability, "当时的概率（%）", "Its probability then", filter=True),
        column(OpportunityStep.by, "操作人编号", "Id of who took it", name="byId", filter=True, group=True),
        computed("byName", STRING, name_of("by"), "操作人姓名", "Name of who took it"),
        column(OpportunityStep.at, "时间", "When", filter=True, order=True, group=True),
        column(OpportunityStep.reason, "原因", "Why"),
        one("opportunity", "Opportunity", OpportunityStep.opportunity_id, "商机", "The opportunity", granted=True),
        one("by", "Person", OpportunityStep.by, "操作人", "Who took it"),
    ),
)

REVIEW = Entity(
    "PipelineReview",
    PipelineReview,
    Bilingual("机构负责人对某周商机的评审", "A unit lead's review of a week of opportunities"),
    kind=REVIEW_ROWS,
    order=(("week", True),),
    fields=(
        column(PipelineReview.id, "编号", "Identifier", filter=True),
        column(PipelineReview.unit_id, "机构编号", "Id of the unit", filter=True, group=True),
        computed("unitName", STRING, unit_name("unit_id"), "机构名称", "Name of the unit"),
        column(PipelineReview.week, "周一的日期", "The week's Monday", filter=True, order=True, group=True),
        column(PipelineReview.note, "评审意见", "What the lead wrote"),
        column(PipelineReview.figures, "当时的数据（分）", "The figures as they stood, money in fen"),
        column(PipelineReview.reviewed_by, "评审人编号", "Id of who reviewed", name="reviewedById", filter=True),
        computed("reviewedByName", STRING, name_of("reviewed_by"), "评审人姓名", "Name of who reviewed"),
        column(PipelineReview.reviewed_at, "评审时间", "When", filter=True, order=True),
        column(PipelineReview.version, "版本，修改时用于检查冲突", "Counts its changes; a change names the one it saw"),
        one("unit", "OrgUnit", PipelineReview.unit_id, "机构", "The unit"),
        one("reviewedBy", "Person", PipelineReview.reviewed_by, "评审人", "Who reviewed"),
    ),
)


def _list(name: str, entity: str, zh: str, en: str) -> ListRoot:
    return ListRoot(name, entity, Bilingual(zh, en))


def _one(name: str, entity: str, zh: str, en: str) -> OneRoot:
    return OneRoot(name, entity, Bilingual(zh, en))


CATALOGUE = Catalogue(
    entities=(OPPORTUNITY, MEMBER, STEP, REVIEW, PROPOSAL, DISCOUNT, FILE, PAPER, ORDER, ADVICE),
    roots=(
        _list("opportunities", "Opportunity", "可见的商机", "Opportunities in reach"),
        _one("opportunity", "Opportunity", "一个商机", "One opportunity"),
        _list("opportunitySteps", "OpportunityStep", "可见商机的阶段变化", "Steps of the opportunities in reach"),
        _list("pipelineReviews", "PipelineReview", "商机周评审", "Weekly reviews of opportunities"),
        _list("proposals", "Proposal", "可见的方案", "Proposals in reach"),
        _one("proposal", "Proposal", "一个方案", "One proposal"),
        _list("discountRequests", "DiscountRequest", "可见的优惠审批单", "Discount requests in reach"),
        _one("discountRequest", "DiscountRequest", "一张优惠审批单", "One discount request"),
        _list("contractFiles", "ContractFile", "签约中的合同", "Contracts with their papers"),
        _one("contractFile", "ContractFile", "一份合同的资料", "One contract with its papers"),
        _list("serviceOrders", "ServiceOrder", "业务受理单", "Orders in reach"),
        _one("serviceOrder", "ServiceOrder", "一张业务受理单", "One order"),
    ),
)
