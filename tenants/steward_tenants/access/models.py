"""Roles of a tenant, the permissions they hold, and who holds them for which rows and days."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Date, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from steward_tenants.database.actor import Scope
from steward_tenants.database.tables import TenantTable, created, identifier, one_of, refers, version


class Duty(StrEnum):
    """Separation of duties 三权分立: nobody holds roles of two of the three administrative duties."""

    BUSINESS = "business"
    TENANT_ADMIN = "tenant_admin"
    SECURITY_ADMIN = "security_admin"
    AUDITOR = "auditor"


class Role(TenantTable):
    """A named set of permissions. Built-in roles come from templates; tenants add their own and edit the copies."""

    __tablename__ = "role"
    __table_args__ = (UniqueConstraint("tenant_id", "key"), one_of("duty", Duty))

    id: Mapped[UUID] = identifier()
    key: Mapped[str]
    title_zh: Mapped[str]
    title_en: Mapped[str]
    duty: Mapped[str] = mapped_column(server_default=Duty.BUSINESS)
    builtin: Mapped[bool] = mapped_column(server_default=text("false"))
    created_at: Mapped[datetime] = created()
    version: Mapped[int] = version()
    __mapper_args__ = {"version_id_col": version}


class RolePermission(TenantTable):
    """One permission of a role, by its declared key."""

    __tablename__ = "role_permission"
    __table_args__ = (refers("role_id", "role", on_delete="CASCADE"),)

    role_id: Mapped[UUID] = mapped_column(primary_key=True)
    permission: Mapped[str] = mapped_column(primary_key=True)


class RoleAssignment(TenantTable):
    """A user holds a role, for the rows of `scope`, from a day (inclusive) until a day (exclusive; none: for good).

    `unit_id` is the unit that `team` and `subtree` mean; None means the unit the user belongs to.
    """

    __tablename__ = "role_assignment"
    __table_args__ = (
        refers("user_id", "tenant_user", on_delete="CASCADE"),
        refers("role_id", "role"),
        refers("unit_id", "org_unit"),
        one_of("scope", Scope),
        CheckConstraint("granted_by is distinct from user_id", name="not_to_oneself"),
        CheckConstraint("valid_until > valid_from", name="days"),
        Index("ix_role_assignment_tenant_id_user_id", "tenant_id", "user_id"),
        Index("ix_role_assignment_tenant_id_role_id", "tenant_id", "role_id"),
    )

    id: Mapped[UUID] = identifier()
    user_id: Mapped[UUID]
    role_id: Mapped[UUID]
    scope: Mapped[str] = mapped_column(server_default=Scope.OWN)
    unit_id: Mapped[UUID | None]
    valid_from: Mapped[date] = mapped_column(Date)
    valid_until: Mapped[date | None] = mapped_column(Date)
    granted_by: Mapped[UUID | None]
    granted_at: Mapped[datetime] = created()
