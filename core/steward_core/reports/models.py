"""Work reports of managers, minutes of meetings, and the problems that meetings leave open."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Date, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlalchemy.orm import Mapped, mapped_column

from steward_core.forms.fields import Choice
from steward_tenants.database.tables import TenantTable, created, identifier, one_of, refers, version


class ReportKind(Choice):
    """What a report looks back on."""

    DAY = "day", "日志", "Daily log"
    WEEK = "week", "周小结", "Week summary"
    MONTH = "month", "月总结", "Month summary"


class ReportState(Choice):
    """A submitted report changes no more; `read` has the responsible lead's opinion."""

    DRAFT = "draft", "草稿", "Draft"
    SUBMITTED = "submitted", "已提交", "Submitted"
    READ = "read", "已批阅", "Read"


REPORT_KINDS: Mapping[str, ReportKind] = {one.value: one for one in ReportKind}
REPORT_STATES: Mapping[str, ReportState] = {one.value: one for one in ReportState}


class WorkReport(TenantTable):
    """One person's report of a day, a week or a month; the period's end is the day after it.

    `facts` are what the platform knew at `facts_at`; contacts stand in them by their ids only, so that each reader is
    shown what is theirs to see. The person adds `judgement` and `cases` (`successful`, `unsuccessful`). `opinion`
    is the lead's. `unit_id` is the person's unit when it was made.
    """

    __tablename__ = "work_report"
    __table_args__ = (
        UniqueConstraint("tenant_id", "owner_id", "kind", "period_start"),
        one_of("kind", ReportKind),
        one_of("state", ReportState),
        CheckConstraint("period_end > period_start", name="period"),
        CheckConstraint("(state = 'read') = (read_at is not null)", name="read"),
        Index("ix_work_report_tenant_id_period_start", "tenant_id", "period_start", "kind", "state"),
        Index("ix_work_report_tenant_id_unit_id", "tenant_id", "unit_id", "period_start"),
        Index(
            "ix_work_report_waiting", "tenant_id", "submitted_at", "id", postgresql_where=text("state = 'submitted'")
        ),
    )

    id: Mapped[UUID] = identifier()
    owner_id: Mapped[UUID]
    unit_id: Mapped[UUID | None]
    kind: Mapped[str]
    period_start: Mapped[date] = mapped_column(Date)
    period_end: Mapped[date] = mapped_column(Date)
    facts: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    facts_at: Mapped[datetime] = created()
    judgement: Mapped[str | None]
    cases: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    state: Mapped[str] = mapped_column(server_default=ReportState.DRAFT)
    submitted_at: Mapped[datetime | None]
    read_by: Mapped[UUID | None]
    read_at: Mapped[datetime | None]
    opinion: Mapped[str | None]
    created_at: Mapped[datetime] = created()
    version: Mapped[int] = version()
    __mapper_args__ = {"version_id_col": version}


class MeetingKind(Choice):
    """Which meeting of the day it was."""

    MORNING = "morning", "晨会", "Morning meeting"
    EVENING = "evening", "夕会", "Evening meeting"


class Meeting(TenantTable):
    """Minutes of a unit's meeting on a day. `facts` are what the platform knew when they were begun."""

    __tablename__ = "meeting"
    __table_args__ = (
        refers("unit_id", "org_unit"),
        UniqueConstraint("tenant_id", "unit_id", "day", "kind"),
        one_of("kind", MeetingKind),
        Index("ix_meeting_tenant_id_day", "tenant_id", "day", "id"),
    )

    id: Mapped[UUID] = identifier()
    unit_id: Mapped[UUID]
    day: Mapped[date] = mapped_column(Date)
    kind: Mapped[str]
    chaired_by: Mapped[UUID]
    attendees: Mapped[list[UUID]] = mapped_column(ARRAY(PG_UUID(as_uuid=True)), server_default=text("'{}'"))
    facts: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    notes: Mapped[str | None]
    created_by: Mapped[UUID]
    created_at: Mapped[datetime] = created()
    version: Mapped[int] = version()
    __mapper_args__ = {"version_id_col": version}


class ItemState(Choice):
    """`handed_up`: the unit above has it now, as an item of its own."""

    OPEN = "open", "未解决", "Open"
    HANDED_UP = "handed_up", "已上报", "Handed upwards"
    SOLVED = "solved", "已解决", "Solved"


class MeetingItem(TenantTable):
    """A problem that lies with a unit. `meeting_id` is the meeting that took it down; an item that came from the unit
    below has none and names the item there in `from_id`. Solved above, it is solved below with the same answer."""

    __tablename__ = "meeting_item"
    __table_args__ = (
        refers("unit_id", "org_unit"),
        refers("meeting_id", "meeting", on_delete="CASCADE"),
        refers("from_id", "meeting_item", on_delete="CASCADE"),
        one_of("state", ItemState),
        CheckConstraint("(state = 'solved') = (solved_at is not null)", name="solved"),
        Index("ix_meeting_item_tenant_id_meeting_id", "tenant_id", "meeting_id", "id"),
        Index(
            "ix_meeting_item_tenant_id_from_id",
            "tenant_id",
            "from_id",
            postgresql_where=text("from_id is not null"),
        ),
        Index("ix_meeting_item_open", "tenant_id", "unit_id", "id", postgresql_where=text("state = 'open'")),
    )

    id: Mapped[UUID] = identifier()
    unit_id: Mapped[UUID]
    meeting_id: Mapped[UUID | None]
    from_id: Mapped[UUID | None]
    title: Mapped[str]
    detail: Mapped[str | None]
    state: Mapped[str] = mapped_column(server_default=ItemState.OPEN)
    reason: Mapped[str | None]
    solution: Mapped[str | None]
    solved_by: Mapped[UUID | None]
    solved_at: Mapped[datetime | None]
    raised_by: Mapped[UUID]
    created_at: Mapped[datetime] = created()
    version: Mapped[int] = version()
    __mapper_args__ = {"version_id_col": version}
