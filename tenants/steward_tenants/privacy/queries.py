"""Requests about personal data, for those who decide and for the persons themselves."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy import or_, select

from steward_tenants.access.permissions import PRIVACY_DECIDE
from steward_tenants.database.session import TenantSession
from steward_tenants.people.models import User
from steward_tenants.privacy.models import PrivacyRequest, PrivacyRequestStatus
from steward_tenants.privacy.subjects import SOURCES, Records
from steward_tenants.texts import Bilingual


async def privacy_requests(
    session: TenantSession, *, open_only: bool = False, limit: int = 200
) -> list[PrivacyRequest]:
    """Requests, newest first: all for those who decide, else those about or by the actor."""
    statement = select(PrivacyRequest).where(session.within(PrivacyRequest))
    actor = session.actor
    if not actor.unrestricted and PRIVACY_DECIDE.key not in actor.permissions:
        statement = statement.where(
            or_(PrivacyRequest.subject_user_id == actor.id, PrivacyRequest.requested_by == actor.id)
        )
    if open_only:
        statement = statement.where(PrivacyRequest.status == PrivacyRequestStatus.OPEN)
    statement = statement.order_by(PrivacyRequest.created_at.desc(), PrivacyRequest.id).limit(limit)
    return list(await session.scalars(statement))


async def open_request(session: TenantSession, request_id: UUID, *, lock: bool = False) -> PrivacyRequest | None:
    """A request by id."""
    return await session.get(PrivacyRequest, request_id, lock=lock)


async def personal_data(session: TenantSession, user: User) -> Mapping[str, Records]:
    """Everything that the declared sources hold on a person, by source."""
    return {key: await source.collect(session, user) for key, source in SOURCES.items()}


async def reasons_to_keep(session: TenantSession, user: User) -> list[Bilingual]:
    """The obligations that the sources declare for this person's data."""
    found = [await source.retained(session, user) for source in SOURCES.values() if source.retained is not None]
    return [reason for reason in found if reason is not None]
