"""Reading trusted documents."""

from __future__ import annotations

from sqlalchemy import select

from steward_core.trusted_documents.models import TrustedDocument
from steward_tenants.database.session import TenantSession


async def trusted_text(session: TenantSession, digest: str) -> str | None:
    """The text of the trusted document of this digest, None when there is none. Any caller may ask."""
    text: str | None = await session.scalar(
        select(TrustedDocument.text).where(session.within(TrustedDocument), TrustedDocument.digest == digest)
    )
    return text
