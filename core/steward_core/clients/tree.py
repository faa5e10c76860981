"""The tree of clients under their deciding parents: what stands above and below a client."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import CTE, func, literal, select
from sqlalchemy.orm import aliased

from steward_core.clients.errors import ClientCycle, ClientTreeTooDeep
from steward_core.clients.models import Client
from steward_core.clients.rules import MAX_LEVELS, levels_after, makes_cycle
from steward_tenants.database.locks import take_turn
from steward_tenants.database.session import TenantSession, WriteSession

_RUNAWAY = 2 * MAX_LEVELS
"""No walk goes further than this, whatever the data say."""


async def check_parent(session: WriteSession, client_id: UUID, name: str, parent_id: UUID) -> None:
    """Whether a client may stand under a parent; changes of the tree wait for each other from here on.

    Raises ClientCycle, ClientTreeTooDeep.
    """
    await tree_turn(session)
    ancestors = await with_ancestors(session, parent_id)
    if makes_cycle(client_id, ancestors):
        raise ClientCycle(name=name)
    levels = levels_after(ancestors, await levels_below(session, client_id))
    if levels > MAX_LEVELS:
        raise ClientTreeTooDeep(limit=MAX_LEVELS, levels=levels)


async def tree_turn(session: WriteSession) -> None:
    """Changes of the tree wait for each other from here on, until the transaction ends."""
    await take_turn(session, "clients.tree")


async def with_ancestors(session: TenantSession, client_id: UUID) -> Sequence[UUID]:
    """A client and all above it, from itself to the root; not limited by scope."""
    above = (
        select(Client.id, Client.parent_id, literal(0).label("depth"))
        .where(session.within(Client), Client.id == client_id)
        .cte("above", recursive=True)
    )
    parent = aliased(Client)
    above = above.union_all(
        select(parent.id, parent.parent_id, above.c.depth + 1)
        .join(above, parent.id == above.c.parent_id)
        .where(session.within(parent), above.c.depth < _RUNAWAY)
    )
    return await session.scalars(select(above.c.id).order_by(above.c.depth))


async def levels_below(session: TenantSession, client_id: UUID) -> int:
    """How many levels stand below a client; not limited by scope."""
    below = descendants(session, client_id)
    levels: int = await session.scalar(select(func.coalesce(func.max(below.c.depth), 0)))
    return levels


def descendants(session: TenantSession, client_id: UUID) -> CTE:
    """`id` and `depth` of a client (depth 0) and all below it; not limited by scope."""
    below = (
        select(Client.id, literal(0).label("depth"))
        .where(session.within(Client), Client.id == client_id)
        .cte("below", recursive=True)
    )
    child: Any = aliased(Client)
    return below.union_all(
        select(child.id, below.c.depth + 1)
        .join(below, child.parent_id == below.c.id)
        .where(session.within(child), below.c.depth < _RUNAWAY)
    )
