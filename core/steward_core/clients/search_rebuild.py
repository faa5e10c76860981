"""All search keys of a tenant made anew, by a run of kind `clients.search_keys`: after the way in which keys are made
changed, or to be sure that they are whole.

First every client's keys are added, so that nobody is missed in the meantime; then the table is gone through in its
own order, and what no client or contact has any more is taken out. The keys have no index by client: who looks for
one client's keys would read all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import any_, bindparam, func, select, tuple_
from sqlalchemy import cast as sql_cast
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Uuid

from steward_core.clients.models import Client, ClientSearchKey, ClientStatus, Contact
from steward_core.clients.search import BLOCK, Keyed, keys_for_client, keys_for_contact, write_keys
from steward_core.permissions import POLICIES_MANAGE
from steward_core.runs.chunks import forget_size, size_of
from steward_core.runs.models import Run
from steward_core.runs.service import RunTools, declare_run_kind, request_run
from steward_tenants.database.session import WriteSession
from steward_tenants.outbox.jobs import Queue

CLIENTS_AT_ONCE = 1000
KEYS_AT_ONCE = 5000
ADDING, SWEEPING = "adding", "sweeping"
_FIRST = UUID(int=0)
_OF_CLIENT = (
    Client.id,
    Client.name,
    Client.short_name,
    Client.code,
    Client.credit_code,
    Client.phone,
    Client.status,
)
_OF_CONTACT = (Contact.id, Contact.client_id, Contact.name, Contact.phone, Contact.left_on)
Place = tuple[str, UUID, UUID]
"""Key, client and source of one search key, as the table is ordered."""


async def request_rebuild(session: WriteSession, *, today: date) -> Run:
    """Ask for the run, once a day at most. Raises Forbidden, RunExists."""
    return await request_run(session, REBUILD.key, period=today.isoformat())


async def advance_rebuild(session: WriteSession, run: Run, _tools: RunTools) -> bool:
    """The next clients' keys added, or the next keys looked at."""
    if not run.position:
        clients = await session.scalar(select(func.count()).select_from(Client).where(session.within(Client)))
        run.total = clients
        run.position = {"phase": ADDING, "after": str(_FIRST)}
    if run.position["phase"] == ADDING:
        await _add(session, run)
        return False
    return await _sweep(session, run)


async def _add(session: WriteSession, run: Run) -> None:
    at_once = size_of(run, CLIENTS_AT_ONCE)
    ids = await session.scalars(
        select(Client.id)
        .where(session.within(Client), Client.id > UUID(run.position["after"]))
        .order_by(Client.id)
        .limit(at_once)
    )
    await write_keys(session, (await _keys_of(session, ids)).values())
    run.done += len(ids)
    if len(ids) == at_once:
        run.position = {"phase": ADDING, "after": str(ids[-1])}
        return
    keys = await session.scalar(
        select(func.count()).select_from(ClientSearchKey).where(session.within(ClientSearchKey))
    )
    run.total = run.done + keys
    forget_size(run)
    run.position = {"phase": SWEEPING, "after": ["", str(_FIRST), str(_FIRST)]}


async def _sweep(session: WriteSession, run: Run) -> bool:
    at_once = size_of(run, KEYS_AT_ONCE)
    key, client_id, source_id = run.position["after"]
    columns = (ClientSearchKey.key, ClientSearchKey.client_id, ClientSearchKey.source_id)
    rows = await session.rows(
        select(*columns)
        .where(session.within(ClientSearchKey), tuple_(*columns) > tuple_(key, UUID(client_id), UUID(source_id)))
        .order_by(*columns)
        .limit(at_once)
    )
    places: list[Place] = [(row[0], row[1], row[2]) for row in rows]
    known = await _keys_of(session, sorted({place[1] for place in places}))
    gone: dict[tuple[UUID, UUID], set[str]] = {}
    for place in places:
        mine = known.get((place[1], place[2]))
        if mine is None or place[0] not in mine.keys:
            gone.setdefault((place[1], place[2]), set()).add(place[0])
    await write_keys(session, [], before=[Keyed(*source, frozenset(keys)) for source, keys in gone.items()])
    run.done += len(places)
    run.total = max(run.total, run.done)
    run.counts = {"removed": run.counts.get("removed", 0) + sum(map(len, gone.values()))}
    if places:
        last = places[-1]
        run.position = {"phase": SWEEPING, "after": [last[0], str(last[1]), str(last[2])]}
    return len(places) < at_once


async def _keys_of(session: WriteSession, client_ids: Sequence[UUID]) -> dict[tuple[UUID, UUID], Keyed]:
    """The keys that these clients and their contacts should have, by client and source. The clients are held: whoever
    changes one, or a contact of it, holds it too."""
    ids: Any = sql_cast(bindparam(None, list(client_ids), type_=ARRAY(Uuid())), ARRAY(Uuid()))
    clients = await session.rows(
        select(*_OF_CLIENT)
        .where(session.within(Client), Client.id == any_(ids))
        .order_by(Client.id)
        .with_for_update(key_share=True)
    )
    contacts = await session.rows(select(*_OF_CONTACT).where(session.within(Contact), Contact.client_id == any_(ids)))
    found: Iterable[Keyed] = (
        *(_of_client(dict(row._mapping)) for row in clients),
        *(keys_for_contact(row.client_id, row.id, dict(row._mapping)) for row in contacts),
    )
    return {(keyed.client_id, keyed.source_id): keyed for keyed in found}


def _of_client(values: Mapping[str, Any]) -> Keyed:
    keyed = keys_for_client(values["id"], values)
    if values["status"] != ClientStatus.MERGED:
        return keyed
    # An absorbed client is looked up, but nobody's duplicate any more.
    return Keyed(keyed.client_id, keyed.source_id, frozenset(key for key in keyed.keys if not key.startswith(BLOCK)))


REBUILD = declare_run_kind(
    "clients.search_keys",
    "重建客户搜索索引",
    "Make clients' search keys anew",
    POLICIES_MANAGE,
    advance_rebuild,
    queue=Queue.BULK,
)
