"""What follows a client: visits that are still to come go to its new owner; all of them to the client that it is merged
into."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import aliased

from steward_core.clients.followers import follow_owner
from steward_core.clients.merge_moves import belongs_to_client
from steward_core.clients.models import Client
from steward_core.visits.models import Visit, VisitStatus
from steward_tenants.clock import clock_now
from steward_tenants.database.session import WriteSession

TO_POOL = "客户退回公海 The client went back to the public pool"


async def follow(session: WriteSession, client_ids: Sequence[UUID]) -> None:
    """Visits that are prepared change hands with their clients; for clients in the pool they are called off. One that
    is under way stays with who is there."""
    if not client_ids:
        return
    prepared = (
        session.within(Visit),
        Visit.status == VisitStatus.PREPARED,
        Visit.client_id.in_(list(client_ids)),
    )
    own = aliased(Client)
    owned = (
        select(own.owner_id).where(session.within(own), own.id == Visit.client_id).correlate(Visit).scalar_subquery()
    )
    unit = select(own.unit_id).where(session.within(own), own.id == Visit.client_id).correlate(Visit).scalar_subquery()
    moment = clock_now()
    common = {"updated_at": moment, "version": Visit.version + 1}
    await session.execute(
        update(Visit)
        .where(*prepared, owned.is_(None))
        .values(status=VisitStatus.CANCELLED.value, reason=TO_POOL, **common)
        .execution_options(synchronize_session=False)
    )
    await session.execute(
        update(Visit)
        .where(*prepared, owned.is_not(None), owned.is_distinct_from(Visit.owner_id))
        .values(owner_id=owned, unit_id=unit, **common)
        .execution_options(synchronize_session=False)
    )


follow_owner("visits", follow)
belongs_to_client("visits", Visit)
