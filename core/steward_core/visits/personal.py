"""What visits hold on the tenant's own people."""

from __future__ import annotations

from sqlalchemy import and_, select

from steward_core.clients.models import Client
from steward_core.visits.models import Visit
from steward_tenants.database.session import TenantSession
from steward_tenants.people.models import User
from steward_tenants.privacy.subjects import Records, personal_data_source


async def _visits(session: TenantSession, user: User) -> Records:
    rows = await session.rows(
        select(
            Visit.day,
            Client.name,
            Visit.status,
            Visit.began_at,
            Visit.ended_at,
            Visit.latitude,
            Visit.longitude,
            Visit.summary,
        )
        .join(Client, and_(session.within(Client), Client.id == Visit.client_id))
        .where(session.within(Visit), Visit.owner_id == user.id)
        .order_by(Visit.day, Visit.id)
    )
    return [dict(row._mapping) for row in rows]


personal_data_source("visits", "走访记录", "Visits", _visits)
