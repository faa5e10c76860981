"""Clients returning to the pool by themselves, when nobody did anything with them for the days of the policy."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Date, Integer, and_, case, func, literal, not_, or_, select

from steward_core.clients.hand_over_items import waits_in_hand_over
from steward_core.clients.models import Client, ClientOwnership, ClientStatus
from steward_core.clients.ownership import FOREVER, move, moves_to, these
from steward_core.clients.pages import Order, Page, Paging, one_page
from steward_core.clients.pool_policy import POOL, PoolPolicy
from steward_core.clients.row_kinds import CLIENT
from steward_core.permissions import CLIENTS_ASSIGN, CLIENTS_VIEW
from steward_core.runs.chunks import size_of
from steward_core.runs.models import Run
from steward_core.runs.service import RunTools, declare_run_kind
from steward_tenants.access.rules import require
from steward_tenants.audit.service import Subject, record
from steward_tenants.commands.service import command
from steward_tenants.configuration.queries import get_setting
from steward_tenants.database.session import TenantSession, WriteSession
from steward_tenants.errors import invalid

RUN_KIND = "clients.pool_return"
CHUNK = 2000
IDLE = "长期无活动，自动退回公海 / returned to the pool after a long time without activity"
LONGEST_WARNING = 366


@dataclass(frozen=True)
class _Idle:
    """About a client joined to its open row of ownership: since when nothing happened, on which day it returns, and
    whether the policy holds for it at all."""

    since: ColumnElement[Any]
    returns_on: ColumnElement[Any]
    bound: ColumnElement[bool]


def _idle(session: TenantSession, policy: PoolPolicy) -> _Idle:
    since = func.greatest(Client.last_activity_on, ClientOwnership.valid_from, type_=Date())
    named = [tier for rule in policy.returns for tier in rule.tiers]
    bounds: list[ColumnElement[bool]] = [
        Client.tier.in_(rule.tiers) for rule in policy.returns if rule.days is not None
    ]
    if policy.others is not None:
        bounds.append(or_(Client.tier.is_(None), not_(Client.tier.in_(named))))
    cases = [(Client.tier.in_(rule.tiers), literal(rule.days, Integer())) for rule in policy.returns]
    others: Any = literal(policy.others, Integer())
    days = case(*cases, else_=others) if cases else others
    exempt = {ClientStatus.MERGED.value, *(status.value for status in policy.exempt_statuses)}
    bound = and_(
        session.within(ClientOwnership),
        ClientOwnership.client_id == Client.id,
        ClientOwnership.valid_until == FOREVER,
        session.within(Client),
        Client.owner_id.is_not(None),
        Client.status.not_in(sorted(exempt)),
        or_(*bounds) if bounds else literal(False),
    )
    return _Idle(since, since + days, bound)


@command(
    "clients.pool.return_idle", "退回长期无活动的客户", "Return idle clients to the pool", permission=CLIENTS_ASSIGN
)
async def return_idle(session: WriteSession, today: date, *, at_most: int = CHUNK) -> int:
    """Return clients whose day has come to the pool of their unit; answers how many, at most so many at once.

    Those that wait in a scheduled hand-over stay. The whole tenant is looked at, whatever the actor reaches. Raises
    InvalidInput when `at_most` is below 1.
    """
    if at_most < 1:
        raise invalid("at_most", "range", "至少为 1。", "Use 1 or more.")
    idle = _idle(session, await get_setting(session, POOL))
    due = (
        select(Client.id)
        .join(ClientOwnership, idle.bound)
        .where(session.within(Client), idle.returns_on <= today, not_(waits_in_hand_over(session)))
        .order_by(Client.id)
        .limit(at_most)
        .with_for_update(of=Client)
    )
    held = await session.scalars(due)
    # Once more now that they are held: what was handed over meanwhile is idle no more.
    again = (
        select(Client.id)
        .join(ClientOwnership, idle.bound)
        .where(session.within(Client), Client.id == these(held), idle.returns_on <= today)
    )
    client_ids = list(await session.scalars(again)) if held else []
    if client_ids:
        await move(session, moves_to(session, client_ids, None, None), on=today, reason=IDLE)
    after = {"on": today, "clients": [str(client_id) for client_id in client_ids]}
    await record(session, "clients.pool.return_idle", Subject("client"), after=after)
    return len(client_ids)


async def advance_return(session: WriteSession, run: Run, _tools: RunTools) -> bool:
    """The next idle clients of a run; its parameters hold the day as `on`."""
    returned = await return_idle(session, date.fromisoformat(run.parameters["on"]), at_most=size_of(run, CHUNK))
    run.done += returned
    run.total = max(run.total, run.done)
    run.counts = {"returned": run.done}
    return returned == 0


declare_run_kind(RUN_KIND, "退回长期无活动的客户", "Return idle clients to the pool", CLIENTS_ASSIGN, advance_return)


@dataclass(frozen=True)
class ReturningLine:
    """A client that goes back to the pool on a day unless something is done with it."""

    client_id: UUID
    name: str
    code: str | None
    tier: str | None
    owner_id: UUID
    unit_id: UUID | None
    idle_since: date
    returns_on: date


async def soon_returning(
    session: TenantSession, days: int, *, today: date, owner_id: UUID | None = None, paging: Paging | None = None
) -> Page[ReturningLine]:
    """Clients in the actor's scope that return to the pool within so many days, the first ones first.

    Raises Forbidden, InvalidInput.
    """
    require(session.actor, CLIENTS_VIEW)
    if not 0 <= days <= LONGEST_WARNING:
        raise invalid("days", "range", f"应为 0 到 {LONGEST_WARNING} 天。", f"Use 0 to {LONGEST_WARNING} days.")
    idle = _idle(session, await get_setting(session, POOL))
    statement = (
        select(Client, idle.since, idle.returns_on)
        .join(ClientOwnership, idle.bound)
        .where(
            session.within(Client),
            idle.returns_on <= today + timedelta(days=days),
            CLIENT.within_reach(session, CLIENTS_VIEW, today),
        )
    )
    if owner_id is not None:
        statement = statement.where(Client.owner_id == owner_id)
    order = Order("returns_on", ((idle.returns_on, date), (Client.id, UUID)))

    def line(row: Any) -> ReturningLine:
        client: Client = row[0]
        assert client.owner_id is not None
        return ReturningLine(
            client.id, client.name, client.code, client.tier, client.owner_id, client.unit_id, row[1], row[2]
        )

    return await one_page(session, statement, order, paging or Paging(), line)
