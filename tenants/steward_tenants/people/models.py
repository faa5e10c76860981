"""A user is an account's membership in one tenant."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Date, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from steward_tenants.database.tables import TenantTable, created, identifier, one_of, refers, version


class UserStatus(StrEnum):
    """`erased`: personal data removed on request; the row stays for what refers to it."""

    INVITED = "invited"
    ACTIVE = "active"
    DISABLED = "disabled"
    ERASED = "erased"


class User(TenantTable):
    """A person in one tenant. `phone` and `identity_number` are masked for those without the right to see them.

    `account_id` names the directory's account; `login` is a copy for lists. `phone_tail` holds the last four digits.
    `identity_number` is encrypted at rest. `disabled_at` says when the user was last disabled: sessions and tokens from
    before it stay refused when the user is enabled again.
    """

    __tablename__ = "tenant_user"
    __table_args__ = (
        refers("unit_id", "org_unit"),
        UniqueConstraint("tenant_id", "account_id"),
        UniqueConstraint("tenant_id", "login"),
        UniqueConstraint("tenant_id", "employee_number"),
        one_of("status", UserStatus),
        Index("ix_tenant_user_tenant_id_unit_id", "tenant_id", "unit_id"),
        Index("ix_tenant_user_tenant_id_phone_tail", "tenant_id", "phone_tail"),
        Index("ix_tenant_user_tenant_id_name", "tenant_id", "name", "id"),
    )

    id: Mapped[UUID] = identifier()
    account_id: Mapped[UUID]
    login: Mapped[str]
    name: Mapped[str]
    employee_number: Mapped[str | None]
    title: Mapped[str | None]
    phone: Mapped[str | None]
    phone_tail: Mapped[str | None]
    email: Mapped[str | None]
    identity_number: Mapped[str | None]
    unit_id: Mapped[UUID | None]
    status: Mapped[str] = mapped_column(server_default=UserStatus.INVITED)
    locale: Mapped[str | None]
    joined_on: Mapped[date | None] = mapped_column(Date)
    disabled_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = created()
    updated_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    version: Mapped[int] = version()
    __mapper_args__ = {"version_id_col": version}
