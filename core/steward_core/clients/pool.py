"""The public pool 公海: clients without an owner, claimed by people, assigned by supervisors, returned when idle.

The pool of a unit is open to those who may claim there: with the scope `own` or `team` their own unit's, with `subtree`
the units below too; clients without a unit are open to everybody who may claim.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, literal, or_, select, true, update
from sqlalchemy.orm import aliased

from steward_core.clients.checks import check_owner, refuse
from steward_core.clients.errors import ClientIsMerged, ClientNotFound
from steward_core.clients.hand_over import refuse_out_of_reach
from steward_core.clients.hand_over_items import refuse_waiting
from steward_core.clients.models import Client, ClientOwnership, ClientStatus
from steward_core.clients.ownership import hold_clients, move, moves_to, these
from steward_core.clients.ownership_errors import (
    NAMED,
    CoolingDown,
    InPoolAlready,
    NotInPool,
    OnlyPeopleClaim,
    TooManyClaims,
    TooManyHeld,
)
from steward_core.clients.pool_policy import POOL, PoolPolicy
from steward_core.clients.row_kinds import CLIENT
from steward_core.clients.rules import reason_problem
from steward_core.permissions import CLIENTS_ASSIGN, CLIENTS_CLAIM
from steward_tenants.access.queries import units_below
from steward_tenants.access.rules import require
from steward_tenants.audit.service import Subject, record
from steward_tenants.commands.service import command
from steward_tenants.configuration.queries import get_setting
from steward_tenants.database.actor import ActorKind, Scope
from steward_tenants.database.locks import take_turn
from steward_tenants.database.session import TenantSession, WriteSession
from steward_tenants.errors import FieldProblem
from steward_tenants.people.rules import line_of_text

CLAIMED = "从公海领取 / claimed from the pool"
"""The reason that a claim leaves with the ownership; claims of a day are counted by it."""


def pool_reach(session: TenantSession, today: date) -> ColumnElement[bool]:
    """The condition that a client without an owner lies in a pool that is open to the actor."""
    actor = session.actor
    if actor.unrestricted:
        return true()
    parts: list[ColumnElement[bool]] = []
    for grant in actor.grants:
        if CLIENTS_CLAIM.key not in grant.permissions:
            continue
        root = grant.unit_id or actor.unit_id
        parts.append(Client.unit_id.is_(None))
        if grant.scope is Scope.ALL:
            return true()
        if root is not None and grant.scope is Scope.SUBTREE:
            parts.append(Client.unit_id.in_(units_below(session, root, today)))
        elif root is not None:
            parts.append(Client.unit_id == literal(root))
    # A constant FALSE would swallow the tenant's condition next to it.
    return or_(*parts) if parts else literal(False)


@command("clients.pool.claim", "从公海领取客户", "Claim a client from the pool", permission=CLIENTS_CLAIM)
async def claim(session: WriteSession, client_id: UUID, *, today: date) -> Client:
    """Take a client out of the pool as one's own; it moves to the actor's unit. Of two who claim it at once one gets
    it. A claim given back on the same day does not count towards the day's limit.

    Raises OnlyPeopleClaim, ClientNotFound, ClientIsMerged, NotInPool, TooManyClaims, TooManyHeld, CoolingDown.
    """
    actor = session.actor
    problems: list[FieldProblem] = []
    person = await check_owner(session, actor.id, problems) if actor.kind is ActorKind.USER else None
    if person is None:
        raise OnlyPeopleClaim
    await take_turn(session, f"clients.claim/{actor.id}")
    client = await session.find(Client, Client.id == client_id, pool_reach(session, today), lock=True)
    if client is None:
        raise ClientNotFound
    if client.status == ClientStatus.MERGED:
        raise ClientIsMerged(name=client.name)
    if client.owner_id is not None:
        raise NotInPool(count=1, names=client.name)
    policy = await get_setting(session, POOL)
    await _check_limits(session, policy, today)
    await _check_cool_down(session, policy, client.id, today)
    moves = moves_to(session, [client.id], actor.id, person.unit_id)
    await move(session, moves, on=today, reason=CLAIMED)
    await session.refresh(client)
    after = {"owner_id": actor.id, "unit_id": client.unit_id}
    await record(session, "clients.pool.claim", Subject("client", client.id), before={"owner_id": None}, after=after)
    return client


async def _check_limits(session: WriteSession, policy: PoolPolicy, today: date) -> None:
    mine = ClientOwnership.owner_id == session.actor.id
    if policy.claims_per_day is not None:
        claims = await session.scalar(
            select(func.count())
            .select_from(ClientOwnership)
            .where(
                session.within(ClientOwnership),
                mine,
                ClientOwnership.valid_from == today,
                ClientOwnership.reason == CLAIMED,
            )
        )
        if claims >= policy.claims_per_day:
            raise TooManyClaims(limit=policy.claims_per_day)
    if policy.most_held is not None:
        held = await session.scalar(
            select(func.count())
            .select_from(Client)
            .where(
                session.within(Client),
                Client.owner_id == session.actor.id,
                Client.status.not_in([ClientStatus.MERGED.value, ClientStatus.CLOSED.value]),
            )
        )
        if held >= policy.most_held:
            raise TooManyHeld(held=held, limit=policy.most_held)


async def _check_cool_down(session: WriteSession, policy: PoolPolicy, client_id: UUID, today: date) -> None:
    lost: date | None = await session.scalar(
        select(func.max(ClientOwnership.valid_until)).where(
            session.within(ClientOwnership),
            ClientOwnership.client_id == client_id,
            ClientOwnership.owner_id == session.actor.id,
            ClientOwnership.valid_until <= today,
        )
    )
    if lost is not None and today < (until := lost + timedelta(days=policy.cool_down_days)):
        raise CoolingDown(until=until)


@command("clients.pool.assign", "分配公海客户", "Assign clients of the pool", permission=CLIENTS_ASSIGN)
async def assign(
    session: WriteSession, client_ids: Collection[UUID], owner_id: UUID, *, reason: str, today: date
) -> int:
    """Give clients of the pool to somebody, into that person's unit; all of them or none. Answers how many.

    Raises InvalidInput, ClientsOutOfReach, NotInPool, ClientsInHandOver.
    """
    problem = reason_problem(reason)
    problems = [problem] if problem else []
    owner = await check_owner(session, owner_id, problems)
    refuse(problems)
    chosen = (Client.id == these(client_ids),)
    await hold_clients(session, *chosen)
    await refuse_out_of_reach(session, tuple(client_ids), today)
    owned = (session.within(Client), *chosen, Client.owner_id.is_not(None))
    names = await session.scalars(select(Client.name).where(*owned).order_by(Client.name).limit(NAMED))
    if names:
        count = await session.scalar(select(func.count()).select_from(Client).where(*owned))
        raise NotInPool(count=count, names="、".join(names))
    await refuse_waiting(session, *chosen)
    moves = moves_to(session, client_ids, owner_id, None if owner is None else owner.unit_id)
    text = line_of_text(reason, 500)
    await move(session, moves, on=today, reason=text)
    after = {"owner_id": owner_id, "clients": sorted(map(str, set(client_ids)))}
    await record(session, "clients.pool.assign", Subject("client"), after=after, reason=text)
    return len(set(client_ids))


@command("clients.pool.return", "退回公海", "Return a client to the pool", permission=None)
async def return_to_pool(session: WriteSession, client_id: UUID, *, reason: str, today: date) -> Client:
    """Put a client back into the pool of its unit: one's own with `clients.claim`, others' with `clients.assign`.

    Raises Forbidden, InvalidInput, ClientNotFound, ClientIsMerged, InPoolAlready, ClientsInHandOver.
    """
    actor = session.actor
    if CLIENTS_ASSIGN.key not in actor.permissions:
        require(actor, CLIENTS_CLAIM)
    problem = reason_problem(reason)
    refuse([problem] if problem else [])
    own = and_(Client.owner_id == actor.id, literal(CLIENTS_CLAIM.key in actor.permissions))
    reach = or_(own, CLIENT.within_reach(session, CLIENTS_ASSIGN, today))
    client = await session.find(Client, Client.id == client_id, reach, lock=True)
    if client is None:
        raise ClientNotFound
    if client.status == ClientStatus.MERGED:
        raise ClientIsMerged(name=client.name)
    if client.owner_id is None:
        raise InPoolAlready(name=client.name)
    await refuse_waiting(session, Client.id == client.id)
    before = {"owner_id": client.owner_id, "deputy_id": client.deputy_id}
    text = line_of_text(reason, 500)
    await move(session, moves_to(session, [client.id], None, None), on=today, reason=text)
    await session.refresh(client)
    after = {"owner_id": None, "deputy_id": None}
    await record(session, "clients.pool.return", Subject("client", client.id), before=before, after=after, reason=text)
    return client


async def touch_activity(session: WriteSession, client_ids: Collection[UUID], today: date) -> None:
    """Say that something was done with these clients today: their time in somebody's hands counts anew.

    For commands that do it (a visit, a form, a request); the version is left alone, so that nobody's edit is refused.
    """
    if not client_ids:
        return
    held = aliased(Client)
    chosen = (
        select(held.id)
        .where(
            session.within(held),
            held.id == these(client_ids),
            or_(held.last_activity_on.is_(None), held.last_activity_on < today),
        )
        .order_by(held.id)
        .with_for_update(key_share=True)
    )
    await session.execute(
        update(Client)
        .where(session.within(Client), Client.id.in_(chosen))
        .values(last_activity_on=today)
        .execution_options(synchronize_session=False)
    )
