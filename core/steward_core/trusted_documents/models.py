"""Trusted documents."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, UniqueConstraint
from sqlalchemy.orm import Mapped

from steward_tenants.database.tables import TenantTable, created, identifier

LONGEST_TEXT = 100_000
LONGEST_NAME = 200


class TrustedDocument(TenantTable):
    """A document that clients may ask for by `digest`: the SHA-256 of its text in UTF-8, as 64 hexadecimal digits.

    The text of a row never changes. A withdrawn document's row is gone; the audit trail tells of it.
    """

    __tablename__ = "trusted_document"
    __table_args__ = (
        UniqueConstraint("tenant_id", "digest"),
        CheckConstraint(f"char_length(text) <= {LONGEST_TEXT}", name="text"),
    )

    id: Mapped[UUID] = identifier()
    digest: Mapped[str]
    name: Mapped[str]
    text: Mapped[str]
    created_by: Mapped[UUID]
    created_at: Mapped[datetime] = created()
