"""Opportunities from lead to delivery: their stages, team, reviews, proposals, discount requests, contracts, orders."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Date, Index, Numeric, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from steward_core.forms.fields import Choice
from steward_tenants.database.tables import TenantTable, created, identifier, one_of, refers, version
from steward_tenants.texts import Bilingual


def title_of(choices: type[Choice], value: str) -> Bilingual:
    """The title of a stored choice."""
    return next(one.title for one in choices if one.value == value)


class Outcome(Choice):
    """What has become of an opportunity, whatever its stage is called. Only open ones count in the pipeline."""

    OPEN = "open", "进行中", "Open"
    SIGNED = "signed", "已签约", "Signed"
    DELIVERED = "delivered", "已交付", "Delivered"
    LOST = "lost", "已丢单", "Lost"


class LostReason(Choice):
    """Why an opportunity was lost [001#9]."""

    PRICE = "price", "价格", "Price"
    RESOURCE = "resource", "资源", "Resources"
    RELATION = "relation", "客户关系", "Relation with the client"
    COMPETITOR = "competitor", "竞争对手", "A competitor"


class Opportunity(TenantTable):
    """A chance to sell something to a client. `stage` is one of the tenant's stages, `outcome` what it amounts to.

    `amount` in fen, `probability` in percent: the stage's own unless somebody set another. While it is open it follows
    its client's owner; afterwards owner and unit stay those who brought it there. `visit_id` is the visit it came from.
    `stage_since` is when it came to its stage, `ended_at` when it was signed or lost.
    """

    __tablename__ = "opportunity"
    __table_args__ = (
        refers("client_id", "client"),
        refers("visit_id", "visit"),
        one_of("outcome", Outcome),
        one_of("lost_reason", LostReason),
        CheckConstraint("amount >= 0", name="amount"),
        CheckConstraint("probability between 0 and 100", name="probability"),
        Index("ix_opportunity_tenant_id_client_id", "tenant_id", "client_id", "id"),
        Index("ix_opportunity_tenant_id_owner_id", "tenant_id", "owner_id", "outcome", "expected_on"),
        Index("ix_opportunity_tenant_id_unit_id", "tenant_id", "unit_id", "outcome", "expected_on"),
        Index("ix_opportunity_tenant_id_outcome", "tenant_id", "outcome", "expected_on", "id"),
        Index(
            "ix_opportunity_tenant_id_visit_id", "tenant_id", "visit_id", postgresql_where=text("visit_id is not null")
        ),
    )

    id: Mapped[UUID] = identifier()
    client_id: Mapped[UUID]
    title: Mapped[str]
    need: Mapped[str | None]
    stage: Mapped[str]
    outcome: Mapped[str] = mapped_column(server_default=Outcome.OPEN)
    amount: Mapped[int | None]
    probability: Mapped[int]
    expected_on: Mapped[date | None] = mapped_column(Date)
    owner_id: Mapped[UUID | None]
    unit_id: Mapped[UUID | None]
    visit_id: Mapped[UUID | None]
    lost_reason: Mapped[str | None]
    lost_note: Mapped[str | None]
    stage_since: Mapped[datetime] = mapped_column(server_default=text("now()"))
    ended_at: Mapped[datetime | None]
    created_by: Mapped[UUID]
    created_at: Mapped[datetime] = created()
    updated_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    version: Mapped[int] = version()
    __mapper_args__ = {"version_id_col": version}


class OpportunityMember(TenantTable):
    """A person of an opportunity's team, who sees and works on it like its owner. `part`: what they do in it."""

    __tablename__ = "opportunity_member"
    __table_args__ = (
        refers("opportunity_id", "opportunity", on_delete="CASCADE"),
        refers("user_id", "tenant_user"),
        Index("ix_opportunity_member_tenant_id_user_id", "tenant_id", "user_id", "opportunity_id"),
    )

    opportunity_id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    part: Mapped[str | None]
    added_at: Mapped[datetime] = created()
    added_by: Mapped[UUID]


class OpportunityStep(TenantTable):
    """One step of an opportunity through its stages: from which (None: it is new) to which, by whom and why, and its
    amount and probability after it. Append-only."""

    __tablename__ = "opportunity_step"
    __table_args__ = (
        refers("opportunity_id", "opportunity"),
        Index("ix_opportunity_step_tenant_id_opportunity_id", "tenant_id", "opportunity_id", "at", "id"),
        Index("ix_opportunity_step_tenant_id_at", "tenant_id", "at"),
    )

    id: Mapped[UUID] = identifier()
    opportunity_id: Mapped[UUID]
    before: Mapped[str | None]
    after: Mapped[str]
    outcome: Mapped[str]
    amount: Mapped[int | None]
    probability: Mapped[int]
    by: Mapped[UUID | None]
    at: Mapped[datetime] = created()
    reason: Mapped[str | None]


class PipelineReview(TenantTable):
    """The unit lead's review of a week (`week`: its Monday): what they wrote, and the figures as they stood then."""

    __tablename__ = "pipeline_review"
    __table_args__ = (
        refers("unit_id", "org_unit"),
        UniqueConstraint("tenant_id", "unit_id", "week"),
    )

    id: Mapped[UUID] = identifier()
    unit_id: Mapped[UUID]
    week: Mapped[date] = mapped_column(Date)
    note: Mapped[str]
    figures: Mapped[dict[str, Any]]
    reviewed_by: Mapped[UUID]
    reviewed_at: Mapped[datetime] = created()
    version: Mapped[int] = version()
    __mapper_args__ = {"version_id_col": version}


class ProposalState(Choice):
    """`waiting`: a changed proposal until the head of department has decided. Only a draft can be changed."""

    DRAFT = "draft", "草稿", "Draft"
    WAITING = "waiting", "待审批", "Waiting for approval"
    APPROVED = "approved", "已批准，待送达", "Approved, to be sent"
    REJECTED = "rejected", "未批准", "Not approved"
    SENT = "sent", "已送达", "Sent"
    SUPERSEDED = "superseded", "已被新版本替代", "Replaced by a later version"


class ClientView(Choice):
    """What the client says to a proposal. All but `undecided` end the weekly calls."""

    ACCEPTED = "accepted", "同意", "Agrees"
    UNDECIDED = "undecided", "暂时无法答复", "Cannot answer yet"
    CHANGES = "changes", "要求修改", "Wants changes"
    DECLINED = "declined", "不同意", "Declines"


class Proposal(TenantTable):
    """One version of what is proposed to a client 方案. `number` counts the versions of its opportunity.

    `items`: {title, quantity, standard, quoted} each, prices in fen for the whole quantity; the totals are their sums.
    `visit_id` is the visit after which it was promised. `changes_id` is the sent version that it changes: then the head
    of department approves before it goes out.
    Its files are the attachments that hang on it.
    """

    __tablename__ = "proposal"
    __table_args__ = (
        refers("opportunity_id", "opportunity"),
        refers("changes_id", "proposal"),
        refers("visit_id", "visit"),
        UniqueConstraint("tenant_id", "opportunity_id", "number"),
        one_of("state", ProposalState),
        one_of("view", ClientView),
        Index("ix_proposal_tenant_id_sent_at", "tenant_id", "sent_at", postgresql_where=text("sent_at is not null")),
        Index("ix_proposal_tenant_id_changes_id", "tenant_id", "changes_id"),
        Index("ix_proposal_tenant_id_visit_id", "tenant_id", "visit_id", postgresql_where=text("visit_id is not null")),
    )

    id: Mapped[UUID] = identifier()
    opportunity_id: Mapped[UUID]
    number: Mapped[int]
    title: Mapped[str]
    body: Mapped[str | None]
    items: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    standard_total: Mapped[int]
    quoted_total: Mapped[int]
    state: Mapped[str] = mapped_column(server_default=ProposalState.DRAFT)
    visit_id: Mapped[UUID | None]
    changes_id: Mapped[UUID | None]
    change: Mapped[str | None]
    approval_id: Mapped[UUID | None]
    decided_by: Mapped[UUID | None]
    decided_at: Mapped[datetime | None]
    decision: Mapped[str | None]
    sent_at: Mapped[datetime | None]
    sent_by: Mapped[UUID | None]
    view: Mapped[str | None]
    view_note: Mapped[str | None]
    viewed_at: Mapped[datetime | None]
    created_by: Mapped[UUID]
    created_at: Mapped[datetime] = created()
    updated_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    version: Mapped[int] = version()
    __mapper_args__ = {"version_id_col": version}


class DiscountState(Choice):
    """A discount request until it is decided. `returned`: sent back to be changed and asked again."""

    SUBMITTED = "submitted", "审批中", "Waiting for approval"
    APPROVED = "approved", "已批准", "Approved"
    REJECTED = "rejected", "未批准", "Rejected"
    RETURNED = "returned", "已退回修改", "Sent back"
    WITHDRAWN = "withdrawn", "已撤回", "Withdrawn"
    EXPIRED = "expired", "已过期", "Expired"


class DiscountRequest(TenantTable):
    """A request for prices below the standard 优惠审批单. Approvals decide about this row.

    `items`: {title, quantity, standard, asked, reason} each, prices in fen for the whole quantity. An industry's own
    form is its paper: `record_id` names that record, from which contents that were not given are taken over, and which
    follows the decision. `percent` is the discount in percent of the standard prices.
    """

    __tablename__ = "discount_request"
    __table_args__ = (
        refers("opportunity_id", "opportunity"),
        refers("record_id", "form_record"),
        one_of("state", DiscountState),
        UniqueConstraint("tenant_id", "record_id"),
        Index("ix_discount_request_tenant_id_opportunity_id", "tenant_id", "opportunity_id", "state"),
    )

    id: Mapped[UUID] = identifier()
    opportunity_id: Mapped[UUID]
    record_id: Mapped[UUID | None]
    trade: Mapped[str | None]
    services: Mapped[str]
    background: Mapped[str]
    competition: Mapped[str | None]
    items: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    standard_total: Mapped[int]
    asked_total: Mapped[int]
    discount_total: Mapped[int]
    percent: Mapped[Decimal] = mapped_column(Numeric(7, 4))
    state: Mapped[str] = mapped_column(server_default=DiscountState.SUBMITTED)
    approval_id: Mapped[UUID | None]
    decided_by: Mapped[UUID | None]
    decided_at: Mapped[datetime | None]
    decision: Mapped[str | None]
    created_by: Mapped[UUID]
    created_at: Mapped[datetime] = created()
    updated_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    version: Mapped[int] = version()
    __mapper_args__ = {"version_id_col": version}


class ContractFile(TenantTable):
    """A contract on its way to signature, with the papers that belong to it. One for each contract.

    `template` is the list of papers it was made from; `resource_available` says, once signed, whether there is a line.
    """

    __tablename__ = "contract_file"
    __table_args__ = (
        refers("opportunity_id", "opportunity"),
        refers("contract_id", "contract"),
        UniqueConstraint("tenant_id", "contract_id"),
        Index("ix_contract_file_tenant_id_opportunity_id", "tenant_id", "opportunity_id"),
    )

    id: Mapped[UUID] = identifier()
    opportunity_id: Mapped[UUID]
    contract_id: Mapped[UUID]
    template: Mapped[str]
    signed_at: Mapped[datetime | None]
    signed_by: Mapped[UUID | None]
    resource_available: Mapped[bool | None]
    created_by: Mapped[UUID]
    created_at: Mapped[datetime] = created()
    version: Mapped[int] = version()
    __mapper_args__ = {"version_id_col": version}


class ContractPaper(TenantTable):
    """One paper that a contract needs: how many copies, whether with seals on the seam; how many there are."""

    __tablename__ = "contract_paper"
    __table_args__ = (
        refers("contract_file_id", "contract_file", on_delete="CASCADE"),
        CheckConstraint("copies >= 1", name="copies"),
        CheckConstraint("present >= 0", name="present"),
    )

    contract_file_id: Mapped[UUID] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    place: Mapped[int]
    title_zh: Mapped[str]
    title_en: Mapped[str]
    copies: Mapped[int]
    seam_seal: Mapped[bool]
    present: Mapped[int] = mapped_column(server_default=text("0"))
    sealed: Mapped[bool] = mapped_column(server_default=text("false"))
    checked_by: Mapped[UUID | None]
    checked_at: Mapped[datetime | None]


class OrderState(Choice):
    """An accepted order, until it is carried out."""

    ACCEPTED = "accepted", "已受理", "Accepted"
    COMPLETED = "completed", "已完工", "Completed"
    CANCELLED = "cancelled", "已取消", "Cancelled"


class ServiceOrder(TenantTable):
    """An order that was accepted on a signed contract 业务受理. `record_id`: the industry's own form, its paper."""

    __tablename__ = "service_order"
    __table_args__ = (
        refers("opportunity_id", "opportunity"),
        refers("contract_id", "contract"),
        refers("record_id", "form_record"),
        one_of("state", OrderState),
        UniqueConstraint("tenant_id", "record_id"),
        Index("ix_service_order_tenant_id_opportunity_id", "tenant_id", "opportunity_id", "state"),
        Index("ix_service_order_tenant_id_contract_id", "tenant_id", "contract_id"),
    )

    id: Mapped[UUID] = identifier()
    opportunity_id: Mapped[UUID]
    contract_id: Mapped[UUID]
    record_id: Mapped[UUID | None]
    service: Mapped[str]
    engineering_contact: Mapped[str | None]
    planned_on: Mapped[date | None] = mapped_column(Date)
    state: Mapped[str] = mapped_column(server_default=OrderState.ACCEPTED)
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[UUID | None]
    note: Mapped[str | None]
    accepted_by: Mapped[UUID]
    accepted_at: Mapped[datetime] = created()
    version: Mapped[int] = version()
    __mapper_args__ = {"version_id_col": version}


class OpportunityAdvice(TenantTable):
    """What an advisor answered about an opportunity, and all that it answered from: the question, the plugin's
    settings, the version of the rule. Append-only evidence that can be replayed."""

    __tablename__ = "opportunity_advice"
    __table_args__ = (
        refers("opportunity_id", "opportunity"),
        Index("ix_opportunity_advice_tenant_id_opportunity_id", "tenant_id", "opportunity_id", "asked_at", "id"),
    )

    id: Mapped[UUID] = identifier()
    opportunity_id: Mapped[UUID]
    advisor: Mapped[str]
    rule_version: Mapped[int]
    plugin_version: Mapped[str]
    question: Mapped[dict[str, Any]]
    settings: Mapped[dict[str, Any]]
    answer: Mapped[str]
    title_zh: Mapped[str]
    title_en: Mapped[str]
    lines: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    figures: Mapped[dict[str, Any]]
    asked_by: Mapped[UUID]
    asked_at: Mapped[datetime] = created()
