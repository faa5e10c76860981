"""Sessions of people in one tenant. Accounts and credentials are the directory's."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from steward_tenants.database.tables import TenantTable, created, identifier, one_of


class SessionKind(StrEnum):
    """`support`: an operator's, under an access that the tenant granted."""

    USER = "user"
    SUPPORT = "support"


class SignInSession(TenantTable):
    """A signed-in device of one person in one tenant. The token is kept as its SHA-256.

    `subject_id` is the user's id, or the operator's account id for `support` sessions.
    """

    __tablename__ = "sign_in_session"
    __table_args__ = (
        one_of("kind", SessionKind),
        UniqueConstraint("tenant_id", "token_digest"),
        Index("ix_sign_in_session_tenant_id_subject_id", "tenant_id", "subject_id", "created_at"),
    )

    id: Mapped[UUID] = identifier()
    kind: Mapped[str] = mapped_column(server_default=SessionKind.USER)
    subject_id: Mapped[UUID]
    account_id: Mapped[UUID]
    token_digest: Mapped[bytes] = mapped_column(LargeBinary)
    second_factor: Mapped[bool] = mapped_column(server_default=text("false"))
    address: Mapped[str | None]
    user_agent: Mapped[str | None]
    created_at: Mapped[datetime] = created()
    last_seen_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    revoked_reason: Mapped[str | None]
    support_access_id: Mapped[UUID | None]
