"""Open opportunities follow their client's owner; those that ended stay with who brought them there. All of them go
with a client that is merged into another."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, func, literal, or_, update

from steward_core.clients.followers import follow_owner
from steward_core.clients.merge_moves import belongs_to_client
from steward_core.clients.models import Client
from steward_core.opportunities.models import Opportunity, Outcome
from steward_tenants.database.session import WriteSession


async def follow(session: WriteSession, client_ids: Sequence[UUID]) -> None:
    """Let the open opportunities of these clients take their owners and units; in the public pool they have none."""
    if not client_ids:
        return
    await session.execute(
        update(Opportunity)
        .where(
            session.within(Opportunity),
            session.within(Client),
            Client.id == Opportunity.client_id,
            Opportunity.client_id == func.any(literal(list(client_ids), ARRAY(Uuid()))),
            Opportunity.outcome == Outcome.OPEN.value,
            or_(
                Opportunity.owner_id.is_distinct_from(Client.owner_id),
                Opportunity.unit_id.is_distinct_from(Client.unit_id),
            ),
        )
        .values(
            owner_id=Client.owner_id,
            unit_id=Client.unit_id,
            updated_at=func.now(),
            version=Opportunity.version + 1,
        )
        .execution_options(synchronize_session=False)
    )


follow_owner("opportunities", follow)
belongs_to_client("opportunities", Opportunity)
