"""API clients of a tenant, their authorization codes and tokens."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from steward_tenants.database.actor import Scope
from steward_tenants.database.tables import TenantTable, created, identifier, one_of, refers


class ApiClientStatus(StrEnum):
    """A proposed client gets no tokens until somebody else connects it; those of a revoked one are refused."""

    PROPOSED = "proposed"
    ACTIVE = "active"
    REVOKED = "revoked"


class ApiClient(TenantTable):
    """A system that talks to the platform for a tenant (BOSS, core banking, metering). Its public client_id is
    `<tenant id>.<id>` without hyphens. `permissions` are what its tokens may carry at most; `scope` and `unit_id` say
    which rows they reach."""

    __tablename__ = "api_client"
    __table_args__ = (
        one_of("status", ApiClientStatus),
        one_of("scope", Scope),
        refers("unit_id", "org_unit"),
        UniqueConstraint("tenant_id", "name"),
    )

    id: Mapped[UUID] = identifier()
    name: Mapped[str]
    secret_hash: Mapped[str | None]
    redirect_uris: Mapped[list[str]] = mapped_column(server_default=text("'{}'"))
    grant_types: Mapped[list[str]]
    permissions: Mapped[list[str]] = mapped_column(server_default=text("'{}'"))
    scope: Mapped[str] = mapped_column(server_default=Scope.ALL)
    unit_id: Mapped[UUID | None]
    auth_method: Mapped[str] = mapped_column(server_default="client_secret_basic")
    status: Mapped[str] = mapped_column(server_default=ApiClientStatus.PROPOSED)
    created_by: Mapped[UUID]
    created_at: Mapped[datetime] = created()
    revoked_at: Mapped[datetime | None]


class AuthorizationCode(TenantTable):
    """A code between authorization and token, kept as its SHA-256, used by DELETE … RETURNING."""

    __tablename__ = "authorization_code"
    __table_args__ = (
        refers("client_id", "api_client", on_delete="CASCADE"),
        refers("user_id", "tenant_user", on_delete="CASCADE"),
    )

    digest: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    client_id: Mapped[UUID]
    user_id: Mapped[UUID]
    redirect_uri: Mapped[str]
    scope: Mapped[str]
    nonce: Mapped[str | None]
    code_challenge: Mapped[str]
    auth_time: Mapped[datetime]
    family_id: Mapped[UUID]
    expires_at: Mapped[datetime]


class TokenGrant(TenantTable):
    """One issue of an access token, with its refresh token if any. Rotations share `family_id`; a refresh token
    used twice revokes its family."""

    __tablename__ = "token_grant"
    __table_args__ = (
        refers("client_id", "api_client", on_delete="CASCADE"),
        refers("user_id", "tenant_user", on_delete="CASCADE"),
        UniqueConstraint("tenant_id", "refresh_digest"),
        Index("ix_token_grant_tenant_id_family_id", "tenant_id", "family_id"),
        Index("ix_token_grant_tenant_id_client_id", "tenant_id", "client_id"),
        Index("ix_token_grant_tenant_id_user_id", "tenant_id", "user_id"),
    )

    id: Mapped[UUID] = identifier()
    family_id: Mapped[UUID]
    client_id: Mapped[UUID]
    user_id: Mapped[UUID | None]
    scope: Mapped[str]
    access_expires_at: Mapped[datetime]
    refresh_digest: Mapped[bytes | None] = mapped_column(LargeBinary)
    refresh_expires_at: Mapped[datetime | None]
    rotated_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = created()
