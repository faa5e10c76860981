"""Clients, who owns them and since when, and what hangs on them: contacts, contracts, products, arrears, facts.

This module is long because the tables of one domain stand together.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Date, Index, Numeric, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from steward_tenants.database.tables import TenantTable, created, identifier, one_of, refers, version

NO_END = "9999-12-31"
"""The day until which what has no end lasts."""


class ClientStatus(StrEnum):
    """The life cycle prospect → active → dormant → closed; `merged`: absorbed by another client."""

    PROSPECT = "prospect"
    ACTIVE = "active"
    DORMANT = "dormant"
    CLOSED = "closed"
    MERGED = "merged"


class ClientTier(TenantTable):
    """A tier of the tenant's set: value class such as key/A/B/C or stars. Rank 1 is the most valuable.

    `plugin` names the industry that brought it, empty for the tenant's own. A retired tier stays on who has it.
    """

    __tablename__ = "client_tier"

    key: Mapped[str] = mapped_column(primary_key=True)
    title_zh: Mapped[str]
    title_en: Mapped[str]
    rank: Mapped[int]
    plugin: Mapped[str] = mapped_column(server_default="")
    retired: Mapped[bool] = mapped_column(server_default=text("false"))
    version: Mapped[int] = version()
    __mapper_args__ = {"version_id_col": version}


class ClientKind(TenantTable):
    """A kind of client: what an industry tells apart (industry client, cluster client, retailer)."""

    __tablename__ = "client_kind"

    key: Mapped[str] = mapped_column(primary_key=True)
    title_zh: Mapped[str]
    title_en: Mapped[str]
    plugin: Mapped[str] = mapped_column(server_default="")
    retired: Mapped[bool] = mapped_column(server_default=text("false"))
    version: Mapped[int] = version()
    __mapper_args__ = {"version_id_col": version}


class Client(TenantTable):
    """A company or shop that somebody manages.

    `code` is the company's own number for it, `credit_code` the unified social credit code (GB 32100). `parent_id` is
    the client that decides for it (headquarters), so clients form a tree. `owner_id` None: in the public pool since
    `pool_since`. `deputy_id` is the second manager (B角), who stands in for the owner. `basic_confirmed_on` and
    `personal_confirmed_on` say when the profile was last confirmed [003]. `last_activity_on` counts for the pool's
    automatic return. `custom` holds the tenant's own fields. `trade` is the industry's own subdivision.
    """

    __tablename__ = "client"
    __table_args__ = (
        refers("unit_id", "org_unit"),
        refers("owner_id", "tenant_user"),
        refers("deputy_id", "tenant_user"),
        refers("parent_id", "client"),
        refers("merged_into_id", "client"),
        UniqueConstraint("tenant_id", "code"),
        one_of("status", ClientStatus),
        CheckConstraint("parent_id <> id", name="not_its_own_parent"),
        CheckConstraint("deputy_id <> owner_id", name="deputy"),
        CheckConstraint(
            "latitude between -90 and 90 and longitude between -180 and 180"
            " and (latitude is null) = (longitude is null)",
            name="place",
        ),
        Index("ix_client_tenant_id_owner_id", "tenant_id", "owner_id", "id"),
        Index(
            "ix_client_tenant_id_deputy_id", "tenant_id", "deputy_id", postgresql_where=text("deputy_id is not null")
        ),
        Index("ix_client_tenant_id_unit_id", "tenant_id", "unit_id", "id"),
        Index(
            "ix_client_tenant_id_parent_id", "tenant_id", "parent_id", postgresql_where=text("parent_id is not null")
        ),
        Index(
            "ix_client_tenant_id_credit_code",
            "tenant_id",
            "credit_code",
            postgresql_where=text("credit_code is not null"),
        ),
        Index("ix_client_tenant_id_name", "tenant_id", "name", "id"),
        Index(
            "ix_client_tenant_id_merged_into_id",
            "tenant_id",
            "merged_into_id",
            postgresql_where=text("merged_into_id is not null"),
        ),
        Index("ix_client_tenant_id_pool_since", "tenant_id", "pool_since", postgresql_where=text("owner_id is null")),
    )

    id: Mapped[UUID] = identifier()
    code: Mapped[str | None]
    name: Mapped[str]
    short_name: Mapped[str | None]
    credit_code: Mapped[str | None]
    kind: Mapped[str]
    tier: Mapped[str | None]
    trade: Mapped[str | None]
    status: Mapped[str] = mapped_column(server_default=ClientStatus.PROSPECT)
    parent_id: Mapped[UUID | None]
    unit_id: Mapped[UUID | None]
    owner_id: Mapped[UUID | None]
    deputy_id: Mapped[UUID | None]
    pool_since: Mapped[datetime | None]
    region: Mapped[str | None]
    address: Mapped[str | None]
    latitude: Mapped[Decimal | None] = mapped_column(Numeric(9, 6))
    longitude: Mapped[Decimal | None] = mapped_column(Numeric(9, 6))
    phone: Mapped[str | None]
    potential_needs: Mapped[str | None]
    competitor_presence: Mapped[str | None]
    source: Mapped[str | None]
    basic_confirmed_on: Mapped[date | None] = mapped_column(Date)
    personal_confirmed_on: Mapped[date | None] = mapped_column(Date)
    last_activity_on: Mapped[date | None] = mapped_column(Date)
    custom: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"), default=dict)
    merged_into_id: Mapped[UUID | None]
    created_at: Mapped[datetime] = created()
    created_by: Mapped[UUID]
    updated_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    version: Mapped[int] = version()
    __mapper_args__ = {"version_id_col": version}


class ClientSearchKey(TenantTable):
    """A text under which a client is found, for range scans: LIKE never uses an index under row-level security.

    Derived from the client and its contacts (`source_id` is whose), rewritten with them; see `search_keys`.
    """

    __tablename__ = "client_search_key"

    key: Mapped[str] = mapped_column(Text(collation="C"), primary_key=True)
    client_id: Mapped[UUID] = mapped_column(primary_key=True)
    source_id: Mapped[UUID] = mapped_column(primary_key=True)


class ClientOwnership(TenantTable):
    """Who owned a client, and in which unit it stood, from a day until a day (exclusive; 9999-12-31: still).

    `owner_id` None: the public pool. The rows of one client neither overlap nor leave gaps. Revenue belongs to who
    owned the client on the booking date.
    """

    __tablename__ = "client_ownership"
    __table_args__ = (
        refers("client_id", "client"),
        refers("owner_id", "tenant_user"),
        refers("unit_id", "org_unit"),
        CheckConstraint("valid_until > valid_from", name="days"),
        Index("ix_client_ownership_tenant_id_owner_id", "tenant_id", "owner_id", "valid_until", "client_id"),
    )

    client_id: Mapped[UUID] = mapped_column(primary_key=True)
    valid_from: Mapped[date] = mapped_column(Date, primary_key=True)
    valid_until: Mapped[date] = mapped_column(Date, server_default=text("'9999-12-31'"))
    owner_id: Mapped[UUID | None]
    unit_id: Mapped[UUID | None]
    reason: Mapped[str | None]
    hand_over_id: Mapped[UUID | None]


class ClientChange(TenantTable):
    """One change of a client's tier or life cycle status, with its reason; append-only.

    `field` is `tier` or `status`. `source` says where it came from: `manual`, `import`, `grading`, `merge`, `pool`.
    """

    __tablename__ = "client_change"
    __table_args__ = (
        refers("client_id", "client"),
        Index("ix_client_change_tenant_id_client_id", "tenant_id", "client_id", "field", "changed_at"),
    )

    id: Mapped[UUID] = identifier()
    client_id: Mapped[UUID]
    field: Mapped[str]
    before: Mapped[str | None]
    after: Mapped[str | None]
    reason: Mapped[str]
    source: Mapped[str] = mapped_column(server_default="manual")
    source_id: Mapped[UUID | None]
    changed_by: Mapped[UUID]
    changed_at: Mapped[datetime] = created()


class Contact(TenantTable):
    """A person at a client. `roles`: contact, decision_maker, key_person, clerk, department_head, staff.

    `phone` is masked for those without the right to see it; `phone_tail` are its last four digits.
    """

    __tablename__ = "contact"
    __table_args__ = (
        refers("client_id", "client"),
        Index("ix_contact_tenant_id_client_id", "tenant_id", "client_id", "id"),
        Index(
            "ix_contact_tenant_id_phone_tail",
            "tenant_id",
            "phone_tail",
            postgresql_where=text("phone_tail is not null"),
        ),
    )

    id: Mapped[UUID] = identifier()
    client_id: Mapped[UUID]
    name: Mapped[str]
    roles: Mapped[list[str]] = mapped_column(server_default=text("'{}'"))
    main: Mapped[bool] = mapped_column(server_default=text("false"))
    position: Mapped[str | None]
    department: Mapped[str | None]
    phone: Mapped[str | None]
    phone_tail: Mapped[str | None]
    email: Mapped[str | None]
    birthday: Mapped[date | None] = mapped_column(Date)
    preferences: Mapped[str | None]
    left_on: Mapped[date | None] = mapped_column(Date)
    custom: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"), default=dict)
    created_at: Mapped[datetime] = created()
    created_by: Mapped[UUID]
    updated_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    version: Mapped[int] = version()
    __mapper_args__ = {"version_id_col": version}


class ContractStatus(StrEnum):
    """`ended` is reached by date, also of a contract that was renewed; `terminated` by decision before it."""

    DRAFT = "draft"
    ACTIVE = "active"
    ENDED = "ended"
    TERMINATED = "terminated"


class Contract(TenantTable):
    """An agreement with a client, from a day to a day (both inclusive); `amount` in fen."""

    __tablename__ = "contract"
    __table_args__ = (
        refers("client_id", "client"),
        refers("renews_id", "contract"),
        UniqueConstraint("tenant_id", "number"),
        one_of("status", ContractStatus),
        CheckConstraint("end_on >= start_on", name="days"),
        CheckConstraint("amount >= 0", name="amount"),
        Index("ix_contract_tenant_id_client_id", "tenant_id", "client_id", "id"),
        Index(
            "ix_contract_tenant_id_renews_id",
            "tenant_id",
            "renews_id",
            postgresql_where=text("renews_id is not null"),
        ),
        Index(
            "ix_contract_tenant_id_end_on",
            "tenant_id",
            "end_on",
            "client_id",
            postgresql_where=text("status = 'active'"),
        ),
    )

    id: Mapped[UUID] = identifier()
    client_id: Mapped[UUID]
    number: Mapped[str]
    title: Mapped[str]
    kind: Mapped[str | None]
    status: Mapped[str] = mapped_column(server_default=ContractStatus.ACTIVE)
    signed_on: Mapped[date | None] = mapped_column(Date)
    start_on: Mapped[date] = mapped_column(Date)
    end_on: Mapped[date | None] = mapped_column(Date)
    amount: Mapped[int | None]
    renews_id: Mapped[UUID | None]
    note: Mapped[str | None]
    created_at: Mapped[datetime] = created()
    created_by: Mapped[UUID]
    updated_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    version: Mapped[int] = version()
    __mapper_args__ = {"version_id_col": version}


class Product(TenantTable):
    """A product or service of the tenant's catalogue."""

    __tablename__ = "product"
    __table_args__ = (UniqueConstraint("tenant_id", "code"),)

    id: Mapped[UUID] = identifier()
    code: Mapped[str]
    name: Mapped[str]
    category: Mapped[str | None]
    measure: Mapped[str | None]
    retired: Mapped[bool] = mapped_column(server_default=text("false"))
    version: Mapped[int] = version()
    __mapper_args__ = {"version_id_col": version}


class ClientProduct(TenantTable):
    """A product in use at a client from a day; `monthly_amount` in fen. `ended_on`: no longer from that day."""

    __tablename__ = "client_product"
    __table_args__ = (
        refers("client_id", "client"),
        refers("product_id", "product"),
        CheckConstraint("ended_on >= started_on", name="days"),
        Index("ix_client_product_tenant_id_client_id", "tenant_id", "client_id", "id"),
        Index("ix_client_product_tenant_id_product_id", "tenant_id", "product_id", "client_id"),
    )

    id: Mapped[UUID] = identifier()
    client_id: Mapped[UUID]
    product_id: Mapped[UUID]
    quantity: Mapped[Decimal | None] = mapped_column(Numeric(18, 3))
    monthly_amount: Mapped[int | None]
    started_on: Mapped[date | None] = mapped_column(Date)
    ended_on: Mapped[date | None] = mapped_column(Date)
    note: Mapped[str | None]
    created_at: Mapped[datetime] = created()
    version: Mapped[int] = version()
    __mapper_args__ = {"version_id_col": version}


class Arrears(TenantTable):
    """Money that a client owes for a period, in fen; open while `paid` is less than `amount`."""

    __tablename__ = "arrears"
    __table_args__ = (
        refers("client_id", "client"),
        UniqueConstraint("tenant_id", "client_id", "period", "source"),
        CheckConstraint("amount > 0 and paid >= 0 and paid <= amount", name="amount"),
        Index(
            "ix_arrears_tenant_id_due_on", "tenant_id", "due_on", "client_id", postgresql_where=text("paid < amount")
        ),
    )

    id: Mapped[UUID] = identifier()
    client_id: Mapped[UUID]
    period: Mapped[str]
    source: Mapped[str] = mapped_column(server_default="manual")
    amount: Mapped[int]
    paid: Mapped[int] = mapped_column(server_default=text("0"))
    due_on: Mapped[date] = mapped_column(Date)
    settled_on: Mapped[date | None] = mapped_column(Date)
    note: Mapped[str | None]
    created_at: Mapped[datetime] = created()
    updated_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    version: Mapped[int] = version()
    __mapper_args__ = {"version_id_col": version}


class ClientNote(TenantTable):
    """What somebody wrote down about a client. A removed note keeps its row without its text."""

    __tablename__ = "client_note"
    __table_args__ = (
        refers("client_id", "client"),
        Index("ix_client_note_tenant_id_client_id", "tenant_id", "client_id", "created_at"),
    )

    id: Mapped[UUID] = identifier()
    client_id: Mapped[UUID]
    author_id: Mapped[UUID]
    body: Mapped[str]
    pinned: Mapped[bool] = mapped_column(server_default=text("false"))
    created_at: Mapped[datetime] = created()
    edited_at: Mapped[datetime | None]
    removed_at: Mapped[datetime | None]
    version: Mapped[int] = version()
    __mapper_args__ = {"version_id_col": version}


class Attachment(TenantTable):
    """A stored file that hangs on a client, or on something of it: `subject_kind` client, contract, note, record."""

    __tablename__ = "attachment"
    __table_args__ = (
        refers("client_id", "client"),
        refers("file_id", "stored_file"),
        UniqueConstraint("tenant_id", "subject_id", "file_id"),
        Index("ix_attachment_tenant_id_client_id", "tenant_id", "client_id", "created_at"),
    )

    id: Mapped[UUID] = identifier()
    client_id: Mapped[UUID]
    subject_kind: Mapped[str]
    subject_id: Mapped[UUID]
    file_id: Mapped[UUID]
    title: Mapped[str]
    created_at: Mapped[datetime] = created()
    created_by: Mapped[UUID]


class HandOverStatus(StrEnum):
    """`scheduled` can be undone; `applied` can be answered by another hand-over only."""

    SCHEDULED = "scheduled"
    APPLIED = "applied"
    UNDONE = "undone"


class HandOver(TenantTable):
    """A hand-over of one client or thousands that takes effect on a day. `clients` counts its items; `skipped` those
    that had another owner by then."""

    __tablename__ = "hand_over"
    __table_args__ = (
        one_of("status", HandOverStatus),
        Index(
            "ix_hand_over_tenant_id_effective_on",
            "tenant_id",
            "effective_on",
            postgresql_where=text("status = 'scheduled'"),
        ),
        Index("ix_hand_over_tenant_id_requested_at", "tenant_id", "requested_at", "id"),
    )

    id: Mapped[UUID] = identifier()
    status: Mapped[str] = mapped_column(server_default=HandOverStatus.SCHEDULED)
    effective_on: Mapped[date] = mapped_column(Date)
    reason: Mapped[str]
    clients: Mapped[int] = mapped_column(server_default=text("0"))
    skipped: Mapped[int] = mapped_column(server_default=text("0"))
    requested_by: Mapped[UUID]
    requested_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    applied_at: Mapped[datetime | None]
    undone_by: Mapped[UUID | None]
    undone_at: Mapped[datetime | None]
    version: Mapped[int] = version()
    __mapper_args__ = {"version_id_col": version}


class HandOverItem(TenantTable):
    """One client of a hand-over: from whom, to whom (None: the public pool), and into which unit."""

    __tablename__ = "hand_over_item"
    __table_args__ = (
        refers("hand_over_id", "hand_over"),
        refers("client_id", "client"),
        refers("to_owner_id", "tenant_user"),
        refers("to_unit_id", "org_unit"),
        Index("ix_hand_over_item_tenant_id_client_id", "tenant_id", "client_id"),
    )

    hand_over_id: Mapped[UUID] = mapped_column(primary_key=True)
    client_id: Mapped[UUID] = mapped_column(primary_key=True)
    from_owner_id: Mapped[UUID | None]
    from_unit_id: Mapped[UUID | None]
    to_owner_id: Mapped[UUID | None]
    to_unit_id: Mapped[UUID | None]
    outcome: Mapped[str] = mapped_column(server_default="waiting")


class DuplicateStatus(StrEnum):
    """`dismissed`: two different clients, says a person; a later scan leaves the pair alone."""

    OPEN = "open"
    DISMISSED = "dismissed"
    MERGED = "merged"


class DuplicatePair(TenantTable):
    """Two clients that may be one; `first_id` < `second_id`. `reasons`: same_credit_code, near_equal_name."""

    __tablename__ = "duplicate_pair"
    __table_args__ = (
        refers("first_id", "client"),
        refers("second_id", "client"),
        UniqueConstraint("tenant_id", "first_id", "second_id"),
        one_of("status", DuplicateStatus),
        CheckConstraint("first_id < second_id", name="order"),
        Index("ix_duplicate_pair_tenant_id_status", "tenant_id", "status", "id"),
        Index("ix_duplicate_pair_tenant_id_second_id", "tenant_id", "second_id"),
    )

    id: Mapped[UUID] = identifier()
    first_id: Mapped[UUID]
    second_id: Mapped[UUID]
    reasons: Mapped[list[str]]
    status: Mapped[str] = mapped_column(server_default=DuplicateStatus.OPEN)
    found_at: Mapped[datetime] = created()
    decided_by: Mapped[UUID | None]
    decided_at: Mapped[datetime | None]
    decision_reason: Mapped[str | None]


class ClientMerge(TenantTable):
    """The record of a merge: what the absorbed client was, and how many rows of which table moved to the survivor."""

    __tablename__ = "client_merge"
    __table_args__ = (
        refers("survivor_id", "client"),
        refers("absorbed_id", "client"),
        UniqueConstraint("tenant_id", "absorbed_id"),
        Index("ix_client_merge_tenant_id_survivor_id", "tenant_id", "survivor_id"),
    )

    id: Mapped[UUID] = identifier()
    survivor_id: Mapped[UUID]
    absorbed_id: Mapped[UUID]
    reason: Mapped[str]
    absorbed: Mapped[dict[str, Any]]
    taken: Mapped[dict[str, Any]]
    moved: Mapped[dict[str, Any]]
    merged_on: Mapped[date] = mapped_column(Date)
    merged_by: Mapped[UUID]
    merged_at: Mapped[datetime] = created()


class ClientFact(TenantTable):
    """What another system knows about a client: one figure of a metric for a period; append-only.

    `period` is the first day of the period, `grain` its length (`day`, `month`, `quarter`, `year`). A correction is a
    row with the next `revision`; the highest revision counts. `booked_on` is the booking date (default: the period's
    last day), which decides whose revenue it is. Money in fen; other figures in the metric's unit. A revision that is
    `withdrawn` says that there is no such figure (recorded by mistake, import undone).
    """

    __tablename__ = "client_fact"
    __table_args__ = (
        refers("client_id", "client"),
        CheckConstraint("revision >= 1", name="revision"),
        Index("ix_client_fact_tenant_id_client_id", "tenant_id", "client_id", "metric", "period"),
        Index(
            "ix_client_fact_tenant_id_batch_id",
            "tenant_id",
            "batch_id",
            postgresql_where=text("batch_id is not null"),
        ),
    )

    metric: Mapped[str] = mapped_column(primary_key=True)
    period: Mapped[date] = mapped_column(Date, primary_key=True)
    client_id: Mapped[UUID] = mapped_column(primary_key=True)
    source: Mapped[str] = mapped_column(primary_key=True)
    revision: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    grain: Mapped[str] = mapped_column(server_default="month")
    value: Mapped[Decimal] = mapped_column(Numeric(24, 6))
    booked_on: Mapped[date] = mapped_column(Date)
    withdrawn: Mapped[bool] = mapped_column(server_default=text("false"))
    reason: Mapped[str | None]
    batch_id: Mapped[UUID | None]
    recorded_by: Mapped[UUID]
    recorded_at: Mapped[datetime] = created()


class Metric(TenantTable):
    """A kind of fact that this tenant takes. `measure` is its unit (`fen` for money); `additive`: may be summed over
    clients and periods (revenue), or is a level (balance, rate)."""

    __tablename__ = "metric"

    key: Mapped[str] = mapped_column(primary_key=True)
    title_zh: Mapped[str]
    title_en: Mapped[str]
    measure: Mapped[str]
    grain: Mapped[str] = mapped_column(server_default="month")
    additive: Mapped[bool] = mapped_column(server_default=text("true"))
    plugin: Mapped[str] = mapped_column(server_default="")
    retired: Mapped[bool] = mapped_column(server_default=text("false"))
    version: Mapped[int] = version()
    __mapper_args__ = {"version_id_col": version}
