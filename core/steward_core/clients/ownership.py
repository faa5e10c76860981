"""Clients changing hands: the owner on the client and the rows of who owned it when, moved together, set-based.

Hand-overs, the pool and merges all go through here: the rows of one client then neither overlap nor leave gaps.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Any, cast
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    CursorResult,
    Subquery,
    Uuid,
    any_,
    bindparam,
    func,
    literal,
    null,
    select,
    update,
)
from sqlalchemy import cast as sql_cast
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import aliased

from steward_core.clients.followers import let_follow
from steward_core.clients.models import NO_END, Client, ClientMerge, ClientOwnership, ClientStatus
from steward_core.clients.pages import Order, Page, Paging, Rows, one_page
from steward_core.clients.row_kinds import CLIENT
from steward_core.clients.service import client_in_reach
from steward_core.database.bulk import insert_many
from steward_core.permissions import CLIENTS_VIEW
from steward_tenants.access.rules import require
from steward_tenants.database.session import TenantSession, WriteSession

FOREVER = date.fromisoformat(NO_END)


def these(client_ids: Collection[UUID]) -> ColumnElement[Any]:
    """An array of ids for `column == these(…)`, in a stable order."""
    return any_(bindparam(None, sorted(client_ids), type_=ARRAY(Uuid())))


async def hold_clients(session: WriteSession, *conditions: ColumnElement[bool]) -> int:
    """Lock the clients that meet the conditions, in order of id; answers how many there are."""
    held = (
        select(Client.id)
        .where(session.within(Client), *conditions)
        .order_by(Client.id)
        .with_for_update(key_share=False)
        .subquery()
    )
    count: int = await session.scalar(select(func.count()).select_from(held))
    return count


def moves_to(session: WriteSession, client_ids: Collection[UUID], owner_id: UUID | None, unit: Any) -> Rows:
    """The moves of these clients to one owner; `unit` is an id, or None: each keeps its own."""
    target = Client.unit_id if unit is None else literal(unit, Uuid())
    return select(Client.id.label("client_id"), _owner(owner_id).label("owner_id"), target.label("unit_id")).where(
        session.within(Client), Client.id == these(client_ids)
    )


def _owner(owner_id: UUID | None) -> ColumnElement[Any]:
    return sql_cast(null(), Uuid()) if owner_id is None else literal(owner_id, Uuid())


async def move(session: WriteSession, moves: Rows, *, on: date, reason: str, hand_over_id: UUID | None = None) -> int:
    """Give clients to other owners from a day on; the caller holds them. Answers how many rows of clients changed.

    `moves` selects client_id, owner_id (None: the public pool) and unit_id. Clients merged into these go with them, so
    that what they brought in stays with the portfolio. A deputy who becomes the owner, and any deputy of a client that
    goes to the pool, is none any more. Of several changes on one day the last one stands.
    """
    given = _with_absorbed(session, moves)
    targets: dict[tuple[UUID | None, UUID | None], list[UUID]] = defaultdict(list)
    for client_id, owner_id, unit_id in await session.rows(select(given)):
        targets[owner_id, unit_id].append(client_id)
    changed = 0
    for (owner_id, unit_id), client_ids in targets.items():
        values = {"owner_id": owner_id, "unit_id": unit_id, "reason": reason, "hand_over_id": hand_over_id}
        await _own(session, client_ids, values, on)
        changed += await _hand(session, client_ids, owner_id, unit_id)
    await let_follow(session, [client_id for client_ids in targets.values() for client_id in client_ids])
    return changed


async def _own(session: WriteSession, client_ids: list[UUID], values: dict[str, Any], on: date) -> None:
    """The rows of who owned them: the open ones end and others begin, or are changed where they began that day.

    By arrays of ids, not by a join with the moves: of the rows of one tenant the planner expects too few, and would go
    through all moves for each.
    """
    open_row = (
        session.within(ClientOwnership),
        ClientOwnership.valid_until == FOREVER,
        ClientOwnership.client_id == these(client_ids),
    )
    begun = await session.scalars(
        update(ClientOwnership)
        .where(*open_row, ClientOwnership.valid_from >= on)
        .values(values)
        .returning(ClientOwnership.client_id)
        .execution_options(synchronize_session=False)
    )
    await session.execute(
        update(ClientOwnership)
        .where(*open_row, ClientOwnership.valid_from < on)
        .values(valid_until=on)
        .execution_options(synchronize_session=False)
    )
    fresh = sorted(set(client_ids) - set(begun))
    columns: dict[str, list[Any]] = {"client_id": fresh, "valid_from": [on] * len(fresh)}
    await insert_many(
        session, ClientOwnership, {**columns, **{name: [value] * len(fresh) for name, value in values.items()}}
    )


async def _hand(session: WriteSession, client_ids: list[UUID], owner_id: UUID | None, unit_id: UUID | None) -> int:
    in_pool = owner_id is None
    deputy: Any = None if in_pool else func.nullif(Client.deputy_id, literal(owner_id, Uuid()))
    changed = await session.execute(
        update(Client)
        .where(session.within(Client), Client.id == these(client_ids))
        .values(
            owner_id=owner_id,
            unit_id=unit_id,
            deputy_id=deputy,
            pool_since=func.coalesce(Client.pool_since, func.now()) if in_pool else None,
            updated_at=func.now(),
            version=Client.version + 1,
        )
        .execution_options(synchronize_session=False, preserve_rowcount=True)
    )
    return cast("CursorResult[Any]", changed).rowcount


def _with_absorbed(session: WriteSession, moves: Rows) -> Subquery:
    """The moves, and those of all that was ever merged into their clients."""
    every = moves.cte("moves", recursive=True)
    merge = aliased(ClientMerge)
    every = every.union(
        select(merge.absorbed_id, every.c.owner_id, every.c.unit_id)
        .join(every, merge.survivor_id == every.c.client_id)
        .where(session.within(merge))
    )
    return select(every).subquery("given")


@dataclass(frozen=True)
class PortfolioLine:
    """A client in somebody's hands, from a day until a day (exclusive; None: still); the rest is today's."""

    client_id: UUID
    name: str
    code: str | None
    kind: str
    tier: str | None
    status: ClientStatus
    unit_id: UUID | None
    since: date
    until: date | None
    reason: str | None


async def portfolio_of(
    session: TenantSession, user_id: UUID, on: date, *, today: date, paging: Paging | None = None
) -> Page[PortfolioLine]:
    """Whose clients were these on a day: those that `user_id` owned, as far as the actor reaches them today, in order
    of name. Merged ones count up to the day of the merge. Raises Forbidden, InvalidInput."""
    require(session.actor, CLIENTS_VIEW)
    merged_before = (
        select(ClientMerge.id)
        .where(
            session.within(ClientMerge),
            ClientMerge.absorbed_id == Client.id,
            ClientMerge.merged_on <= on,
        )
        .exists()
    )
    statement = (
        select(Client, ClientOwnership)
        .join(ClientOwnership, ClientOwnership.client_id == Client.id)
        .where(
            session.within(Client),
            session.within(ClientOwnership),
            ClientOwnership.owner_id == user_id,
            ClientOwnership.valid_from <= on,
            ClientOwnership.valid_until > on,
            ~merged_before,
            CLIENT.within_reach(session, CLIENTS_VIEW, today),
        )
    )
    order = Order("name", ((Client.name, str), (Client.id, UUID)))

    def line(row: Any) -> PortfolioLine:
        client, held = row[0], row[1]
        until = None if held.valid_until == FOREVER else held.valid_until
        return PortfolioLine(
            client.id,
            client.name,
            client.code,
            client.kind,
            client.tier,
            ClientStatus(client.status),
            held.unit_id,
            held.valid_from,
            until,
            held.reason,
        )

    return await one_page(session, statement, order, paging or Paging(), line)


@dataclass(frozen=True)
class OwnershipLine:
    """Who owned a client (None: the public pool), from a day until a day (exclusive; None: still)."""

    owner_id: UUID | None
    unit_id: UUID | None
    since: date
    until: date | None
    reason: str | None
    hand_over_id: UUID | None


async def owners_of(session: TenantSession, client_id: UUID, *, today: date) -> list[OwnershipLine]:
    """Who owned a client since it is known, the latest first. Raises Forbidden, ClientNotFound."""
    await client_in_reach(session, client_id, CLIENTS_VIEW, today=today)
    rows = await session.scalars(
        select(ClientOwnership)
        .where(session.within(ClientOwnership), ClientOwnership.client_id == client_id)
        .order_by(ClientOwnership.valid_from.desc())
    )
    return [
        OwnershipLine(
            row.owner_id,
            row.unit_id,
            row.valid_from,
            None if row.valid_until == FOREVER else row.valid_until,
            row.reason,
            row.hand_over_id,
        )
        for row in rows
    ]
