"""The directory: tenants, accounts, credentials, memberships, keys, bells. No business data, no personal data
but what a sign-in needs. The list of these tables is closed; `tests/database/test_catalog.py` holds it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from steward_tenants.database.identifiers import new_id
from steward_tenants.database.tables import DirectoryTable, created, one_of, version


class TenantStatus(StrEnum):
    """`suspended`: nobody works in it. `deleting`: suspended until `delete_after`, then erased."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    DELETING = "deleting"
    RESTORING = "restoring"


class PasswordProfile(StrEnum):
    """`modern`: length and known-password check. `djbh3`: 等保三级, complexity and expiry as well."""

    MODERN = "modern"
    DJBH3 = "djbh3"


class Tenant(DirectoryTable):
    """A company on the platform. `key` is its short name in addresses and at sign-in."""

    __tablename__ = "tenant"
    __table_args__ = (
        one_of("status", TenantStatus),
        one_of("password_profile", PasswordProfile),
        CheckConstraint("key ~ '^[a-z][a-z0-9-]{1,30}$'", name="key"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    key: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    status: Mapped[str] = mapped_column(server_default=TenantStatus.ACTIVE)
    status_reason: Mapped[str | None]
    status_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    delete_after: Mapped[datetime | None]
    locale: Mapped[str] = mapped_column(server_default="zh-CN")
    time_zone: Mapped[str] = mapped_column(server_default="Asia/Shanghai")
    password_profile: Mapped[str] = mapped_column(server_default=PasswordProfile.MODERN)
    second_factor_required: Mapped[bool] = mapped_column(server_default=text("false"))
    allowed_origins: Mapped[list[str]] = mapped_column(server_default=text("'{}'"))
    created_at: Mapped[datetime] = created()
    version: Mapped[int] = version()
    __mapper_args__ = {"version_id_col": version}


class AccountStatus(StrEnum):
    """A disabled account signs in nowhere; a disabled user only not in that tenant."""

    ACTIVE = "active"
    DISABLED = "disabled"


class Account(DirectoryTable):
    """A person's one login on the platform; a user is its membership in one tenant. `login` is casefolded."""

    __tablename__ = "account"
    __table_args__ = (one_of("status", AccountStatus), CheckConstraint("login = lower(login)", name="login"))

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    login: Mapped[str] = mapped_column(unique=True)
    status: Mapped[str] = mapped_column(server_default=AccountStatus.ACTIVE)
    is_operator: Mapped[bool] = mapped_column(server_default=text("false"))
    created_at: Mapped[datetime] = created()


class CredentialKind(StrEnum):
    """`totp` secrets are encrypted, the others hashed."""

    PASSWORD = "password"
    TOTP = "totp"
    RECOVERY_CODE = "recovery_code"


class Credential(DirectoryTable):
    """What proves an account. A replaced password stays, hashed, for the re-use check; `spent_at` ends it."""

    __tablename__ = "credential"
    __table_args__ = (
        one_of("kind", CredentialKind),
        Index("ix_credential_account_id_kind", "account_id", "kind"),
        Index(
            "uq_credential_current",
            "account_id",
            "kind",
            unique=True,
            postgresql_where=text("spent_at is null and kind <> 'recovery_code'"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("directory.account.id", ondelete="CASCADE"))
    kind: Mapped[str]
    secret: Mapped[str]
    confirmed_at: Mapped[datetime | None]
    last_counter: Mapped[int | None]
    must_change: Mapped[bool] = mapped_column(server_default=text("false"))
    created_at: Mapped[datetime] = created()
    spent_at: Mapped[datetime | None]


class Membership(DirectoryTable):
    """Which tenants an account may sign in to, and as which user."""

    __tablename__ = "membership"

    account_id: Mapped[UUID] = mapped_column(ForeignKey("directory.account.id", ondelete="CASCADE"), primary_key=True)
    tenant_id: Mapped[UUID] = mapped_column(
        ForeignKey("directory.tenant.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    user_id: Mapped[UUID]
    active: Mapped[bool] = mapped_column(server_default=text("true"))
    created_at: Mapped[datetime] = created()


class TokenPurpose(StrEnum):
    """What a one-time token lets its bearer do."""

    INVITATION = "invitation"
    PASSWORD_RESET = "password_reset"
    SECOND_FACTOR = "second_factor"


class OneTimeToken(DirectoryTable):
    """A token sent to a person, kept as its SHA-256; used by DELETE … RETURNING."""

    __tablename__ = "one_time_token"
    __table_args__ = (one_of("purpose", TokenPurpose),)

    digest: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    purpose: Mapped[str]
    account_id: Mapped[UUID] = mapped_column(ForeignKey("directory.account.id", ondelete="CASCADE"), index=True)
    tenant_id: Mapped[UUID | None]
    detail: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    expires_at: Mapped[datetime]
    created_at: Mapped[datetime] = created()


class Throttle(DirectoryTable):
    """Failures counted per key (an account, an address) within a window, and the lock they led to."""

    __tablename__ = "throttle"

    key: Mapped[str] = mapped_column(primary_key=True)
    failures: Mapped[int] = mapped_column(server_default=text("0"))
    window_ends_at: Mapped[datetime]
    locked_until: Mapped[datetime | None]


class SigningKey(DirectoryTable):
    """A key that signs access and identity tokens; the private part is encrypted at rest."""

    __tablename__ = "signing_key"

    kid: Mapped[str] = mapped_column(primary_key=True)
    algorithm: Mapped[str]
    private_key: Mapped[str]
    public_jwk: Mapped[dict[str, Any]]
    signs_from: Mapped[datetime]
    retired_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = created()


class Doorbell(DirectoryTable):
    """There is work in a tenant: which queue, from when. The application role may only insert.

    The sealer's name audit events. Those of job queues say that the tenant has a job due then: of `job_id`, or of
    another when a job was asked for again.
    """

    __tablename__ = "doorbell"
    __table_args__ = (
        Index("ix_doorbell_queue_due", "queue", "due"),
        Index("ix_doorbell_queue_tenant_id_due", "queue", "tenant_id", "due"),
    )

    queue: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID] = mapped_column(primary_key=True)
    job_id: Mapped[UUID] = mapped_column(primary_key=True)
    due: Mapped[datetime] = mapped_column(server_default=text("now()"))


class Bell(DirectoryTable):
    """A bell that rings in a tenant for a job queue: until `lease_until` a worker is on its way or at work there.

    `slot` numbers those that ring at once. The application role knows nothing of them.
    """

    __tablename__ = "bell"

    queue: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID] = mapped_column(primary_key=True)
    slot: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    rung_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    lease_until: Mapped[datetime]


class AuditAnchor(DirectoryTable):
    """The chain value of a tenant's sealed audit batch, kept where the application role cannot reach it."""

    __tablename__ = "audit_anchor"

    tenant_id: Mapped[UUID] = mapped_column(primary_key=True)
    batch: Mapped[int] = mapped_column(primary_key=True)
    chain: Mapped[bytes] = mapped_column(LargeBinary)
    events: Mapped[int]
    sealed_at: Mapped[datetime]


class PlatformEvent(DirectoryTable):
    """What operators did: tenants created, suspended, deleted; keys rotated. Inserted, never changed."""

    __tablename__ = "platform_event"
    __table_args__ = (UniqueConstraint("at", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    at: Mapped[datetime] = created()
    operator: Mapped[str]
    action: Mapped[str]
    tenant_id: Mapped[UUID | None] = mapped_column(index=True)
    detail: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
