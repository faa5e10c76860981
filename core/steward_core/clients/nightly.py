"""The nightly look at all clients: whose profiles are to be confirmed again [003], which contracts end within the
tenant's warning days. Each owner gets one notice, with the numbers and the clients that wait longest."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Select, Text, and_, cast, func, literal, select
from sqlalchemy.dialects.postgresql import aggregate_order_by

from steward_core.clients.freshness import stale_profiles
from steward_core.clients.models import Client
from steward_core.clients.policies import policies_in_force
from steward_core.clients.triggers import contract_ending
from steward_core.database.context import QueryContext
from steward_core.notifications.rules import declare_notice
from steward_core.notifications.service import Message, notify_many
from steward_tenants.access.queries import today
from steward_tenants.configuration.queries import tenant_facts
from steward_tenants.database.actor import system
from steward_tenants.database.session import TenantSession
from steward_tenants.outbox.jobs import JobPlace, Payload, Queue, declare_job
from steward_tenants.texts import Bilingual

NIGHTLY = system("nightly")
STALE = declare_notice("clients.profiles_stale", "客户档案待复核", "Profiles to be confirmed")
ENDING = declare_notice("clients.contracts_ending", "合同即将到期", "Contracts that end soon")
NAMED = 3
"""Clients that a notice names."""
OWNERS_AT_ONCE = 1_000
"""Owners who are told in one transaction."""


@dataclass(frozen=True)
class Reminder:
    """What one owner is told: how many clients, the names of the first, and a mark that changes when they do."""

    owner_id: UUID
    count: int
    names: tuple[str, ...]
    mark: str


async def stale_by_owner(session: TenantSession, today: date) -> list[Reminder]:
    """Of every owner the clients with a profile that is to be confirmed again by today, in one statement."""
    ctx = QueryContext(session, today)
    found = stale_profiles(ctx, await policies_in_force(session)).subquery("due")
    return await _by_owner(session, found, found.c.client_id)


async def ending_by_owner(session: TenantSession, today: date) -> list[Reminder]:
    """Of every owner the contracts without a successor that end within the warning days, in one statement. A contract
    that reaches the next of these days counts anew."""
    ctx = QueryContext(session, today, settings=await policies_in_force(session))
    found = contract_ending(ctx).subquery("due")
    level = func.jsonb_extract_path_text(found.c.figures, "level")
    return await _by_owner(session, found, func.concat(cast(found.c.subject_id, Text), ":", level))


async def _by_owner(session: TenantSession, found: Any, what: Any) -> list[Reminder]:
    first = func.array_agg(aggregate_order_by(Client.name, found.c.due_on, Client.id))
    mark = func.md5(func.string_agg(cast(what, Text), aggregate_order_by(literal(","), cast(what, Text))))
    statement: Select[Any] = (
        select(Client.owner_id, func.count(), first[1:NAMED], mark)
        .join_from(Client, found, and_(session.within(Client), Client.id == found.c.client_id))
        .where(session.within(Client), Client.owner_id.is_not(None), Client.status.not_in(("closed", "merged")))
        .group_by(Client.owner_id)
        .order_by(Client.owner_id)
    )
    return [Reminder(row[0], row[1], tuple(row[2]), row[3]) for row in await session.rows(statement)]


async def scan(place: JobPlace, _payload: Payload) -> bool:
    """Look at the tenant's clients and tell the owners. Again tells nobody twice: a notice carries the mark of what it
    tells of, so that nobody hears of the same clients and contracts a second time either."""
    day = today((await tenant_facts(place.database, place.tenant_id)).time_zone)
    async with place.database.read(place.tenant_id, NIGHTLY, snapshot=True) as reading:
        stale, ending = await stale_by_owner(reading, day), await ending_by_owner(reading, day)
    for kind, reminders in ((STALE.key, stale), (ENDING.key, ending)):
        for start in range(0, len(reminders), OWNERS_AT_ONCE):
            async with place.database.write(place.tenant_id, NIGHTLY) as session:
                told = [_message(kind, one) for one in reminders[start : start + OWNERS_AT_ONCE]]
                await notify_many(session, kind, told)
    return True


def _message(kind: str, one: Reminder) -> Message:
    if kind == STALE.key:
        title = Bilingual("{count} 个客户的档案待复核", "Profiles to be confirmed: {count} clients")
    else:
        title = Bilingual("{count} 份合同即将到期", "Contracts that end soon: {count}")
    more = one.count > len(one.names)
    named = list(dict.fromkeys(one.names))
    names = Bilingual("、".join(named) + (" 等" if more else ""), ", ".join(named) + (" and more" if more else ""))
    return Message(one.owner_id, title.fill(count=one.count), names, key=one.mark)


declare_job("clients.nightly", "客户夜间检查与提醒", "Nightly look at clients", Queue.BULK, beside=scan, seconds=1800.0)
