"""Org units, where each stands in the tree and from when, and the closure that row scope reads."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Date, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from steward_tenants.database.tables import TenantTable, created, identifier, one_of, refers, version


class UnitStatus(StrEnum):
    """A closed unit keeps its history and takes no new people."""

    ACTIVE = "active"
    CLOSED = "closed"


class OrgUnit(TenantTable):
    """A centre, department, branch or team. `code` is the company's own, unique in the tenant."""

    __tablename__ = "org_unit"
    __table_args__ = (UniqueConstraint("tenant_id", "code"), one_of("status", UnitStatus))

    id: Mapped[UUID] = identifier()
    code: Mapped[str]
    name: Mapped[str]
    kind: Mapped[str] = mapped_column(server_default="unit")
    status: Mapped[str] = mapped_column(server_default=UnitStatus.ACTIVE)
    created_at: Mapped[datetime] = created()
    version: Mapped[int] = version()
    __mapper_args__ = {"version_id_col": version}


class UnitPlacement(TenantTable):
    """Under which unit a unit stands, from a day (inclusive) until a day (exclusive; none: for good).

    `parent_id` is None for a root. The placements of one unit neither overlap nor leave gaps.
    """

    __tablename__ = "unit_placement"
    __table_args__ = (
        refers("unit_id", "org_unit", on_delete="CASCADE"),
        refers("parent_id", "org_unit"),
        CheckConstraint("valid_until > valid_from", name="days"),
        CheckConstraint("parent_id <> unit_id", name="not_itself"),
        Index("ix_unit_placement_tenant_id_parent_id", "tenant_id", "parent_id"),
    )

    unit_id: Mapped[UUID] = mapped_column(primary_key=True)
    valid_from: Mapped[date] = mapped_column(Date, primary_key=True)
    valid_until: Mapped[date | None] = mapped_column(Date)
    parent_id: Mapped[UUID | None]


class UnitPath(TenantTable):
    """The closure of the placements: `descendant_id` is `depth` levels below `ancestor_id` on those days.

    No end is 9999-12-31. Derived; rewritten with every change of a placement. A unit is its own ancestor at depth 0.
    """

    __tablename__ = "unit_path"
    __table_args__ = (
        refers("ancestor_id", "org_unit", on_delete="CASCADE"),
        refers("descendant_id", "org_unit", on_delete="CASCADE"),
        Index("ix_unit_path_tenant_id_descendant_id", "tenant_id", "descendant_id"),
    )

    ancestor_id: Mapped[UUID] = mapped_column(primary_key=True)
    descendant_id: Mapped[UUID] = mapped_column(primary_key=True)
    valid_from: Mapped[date] = mapped_column(Date, primary_key=True)
    valid_until: Mapped[date] = mapped_column(Date, server_default=text("'9999-12-31'"))
    depth: Mapped[int]
