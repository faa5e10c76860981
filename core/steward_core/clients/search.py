"""Search keys of clients, written set-based, and clients found by them: range scans, joined to the actor's reach."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, cast
from uuid import UUID

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Table,
    Text,
    Uuid,
    and_,
    bindparam,
    column,
    delete,
    func,
    or_,
    select,
    true,
)
from sqlalchemy import cast as sql_cast
from sqlalchemy.dialects.postgresql import ARRAY

from steward_core.clients.models import Client, ClientSearchKey, ClientStatus
from steward_core.clients.names import name_blocks, name_key, spaced_name
from steward_core.clients.readings import syllables_of
from steward_core.clients.row_kinds import CLIENT
from steward_core.clients.rules import tail_of
from steward_core.clients.search_keys import KeyRange, keys_of_client, keys_of_contact, keys_of_name, ranges_of_query
from steward_core.database.bulk import insert_many
from steward_core.permissions import CLIENTS_VIEW
from steward_tenants.access.rules import reaches_everything, require
from steward_tenants.database.session import TenantSession, WriteSession
from steward_tenants.errors import invalid

BLOCK = "d:"
"""The tag of the keys by which near-equal names meet (`names.name_blocks`)."""
KEYS_AT_ONCE = 100_000
LARGEST_ANSWER = 100
FEW = 3000
"""Up to so many clients in reach are named to the database one by one."""
CANDIDATES = 200
"""How many keys of each range are looked at: who has more than that types one more character."""


@dataclass(frozen=True)
class Keyed:
    """The keys of one source: a client (`source_id` is the client's id) or one of its contacts."""

    client_id: UUID
    source_id: UUID
    keys: frozenset[str]


@dataclass(frozen=True)
class ClientFound:
    """A client that a search found. `by_contact`: through a contact's name or phone. `exact`: by its whole code."""

    id: UUID
    name: str
    short_name: str | None
    code: str | None
    kind: str
    tier: str | None
    status: ClientStatus
    region: str | None
    unit_id: UUID | None
    owner_id: UUID | None
    by_contact: bool
    exact: bool


def keys_for_client(client_id: UUID, values: Mapping[str, Any]) -> Keyed:
    """The keys of a client from its columns `name`, `short_name`, `code`, `credit_code`, `phone` (absent: None)."""
    tail = tail_of(values.get("phone"))
    keys = keys_of_client(
        values["name"],
        code=values.get("code"),
        credit_code=values.get("credit_code"),
        phone_tails=(tail,) if tail else (),
    )
    short = values.get("short_name")
    blocks = {BLOCK + block for block in name_blocks(name_key(values["name"]))}
    return Keyed(client_id, client_id, keys | blocks | (keys_of_name(short) if short else frozenset()))


def keys_for_contact(client_id: UUID, contact_id: UUID, values: Mapping[str, Any]) -> Keyed:
    """The keys of a contact from its columns `name` and `phone`. One who has left (`left_on`) is found no more."""
    if values.get("left_on") is not None:
        return Keyed(client_id, contact_id, frozenset())
    tail = tail_of(values.get("phone"))
    keys = set(keys_of_contact(values["name"]))
    if tail and tail.isdecimal():
        keys.add("t:" + tail)
    return Keyed(client_id, contact_id, frozenset(keys))


async def write_keys(session: WriteSession, after: Iterable[Keyed], *, before: Iterable[Keyed] = ()) -> None:
    """Make the keys of one source or of thousands what `after` says, in statements of many rows.

    `before` are the keys that the same sources had, computed from their old values (none for new ones): what is in it
    and not in `after` goes. A source that is named in `before` only loses all its keys.
    """
    old = {(keyed.client_id, keyed.source_id, key) for keyed in before for key in keyed.keys}
    gone = set(old)
    added = []
    for keyed in after:
        for key in keyed.keys:
            place = (keyed.client_id, keyed.source_id, key)
            gone.discard(place)
            if place not in old:
                added.append(place)
    # In order of the index: two writers of overlapping sets then lock in the same order.
    removed = sorted(gone, key=_index_order)
    added.sort(key=_index_order)
    for at in range(0, len(removed), KEYS_AT_ONCE):
        await _remove(session, removed[at : at + KEYS_AT_ONCE])
    for at in range(0, len(added), KEYS_AT_ONCE):
        client_ids, source_ids, keys = zip(*added[at : at + KEYS_AT_ONCE], strict=True)
        columns = {"key": keys, "client_id": client_ids, "source_id": source_ids}
        await insert_many(session, ClientSearchKey, columns, unless_there=True)


def _index_order(place: tuple[UUID, UUID, str]) -> tuple[str, UUID, UUID]:
    return place[2], place[0], place[1]


async def _remove(session: WriteSession, places: list[tuple[UUID, UUID, str]]) -> None:
    table = cast(Table, ClientSearchKey.__table__)
    client_ids, source_ids, keys = zip(*places, strict=True)
    columns = (column("key", Text(collation="C")), column("client_id", Uuid()), column("source_id", Uuid()))
    given = (
        func.unnest(
            sql_cast(bindparam(None, list(keys), type_=ARRAY(Text())), ARRAY(Text())),
            sql_cast(bindparam(None, list(client_ids), type_=ARRAY(Uuid())), ARRAY(Uuid())),
            sql_cast(bindparam(None, list(source_ids), type_=ARRAY(Uuid())), ARRAY(Uuid())),
        )
        .table_valued(*columns, name="given")
        .render_derived()
    )
    await session.execute(
        delete(table).where(
            session.within(table),
            table.c.key == given.c.key,
            table.c.client_id == given.c.client_id,
            table.c.source_id == given.c.source_id,
        )
    )


def matching(session: TenantSession, text: str) -> ColumnElement[bool]:
    """The condition that what a person typed finds the client, for lists. Raises InvalidInput."""
    found = select(ClientSearchKey.client_id).where(
        session.within(ClientSearchKey), or_(*(_inside(place) for place in ranges_of_query(text)))
    )
    return Client.id.in_(found)


async def search_clients(
    session: TenantSession, text: str, *, today: date, limit: int = 20, with_merged: bool = False
) -> list[ClientFound]:
    """Clients that the actor reaches, found by name, pinyin, initials, code, or the last four digits of a phone.

    A whole code first, then names that begin so, then others; closed ones last, merged ones only if asked for.
    Raises Forbidden, InvalidInput.
    """
    require(session.actor, CLIENTS_VIEW)
    if not 1 <= limit <= LARGEST_ANSWER:
        zh, en = f"每次 1 到 {LARGEST_ANSWER} 条。", f"Ask for 1 to {LARGEST_ANSWER}."
        raise invalid("limit", "range", zh, en)
    ranges = ranges_of_query(text)
    reached = await _reached(session, today)
    rows = await session.rows(_found(session, ranges, reached, today, with_merged))
    clients = [ClientFound(**{**row._mapping, "status": ClientStatus(row.status)}) for row in rows]
    clients.sort(key=lambda client: _place(client, ranges))
    return clients[:limit]


async def _reached(session: TenantSession, today: date) -> ColumnElement[bool] | None:
    """The condition that a key belongs to a client in reach; None when all do.

    PostgreSQL cannot guess how many keys a range has. Few clients in reach are therefore named one by one; of many,
    each key's client is looked up until there are enough: a scalar subquery is never turned into a join that would
    read all of them first.
    """
    if reaches_everything(session.actor, CLIENTS_VIEW):
        return None
    in_reach = CLIENT.within_reach(session, CLIENTS_VIEW, today)
    reached = select(Client.id).where(session.within(Client), in_reach)
    some = reached.limit(FEW + 1).subquery()
    if await session.scalar(select(func.count()).select_from(some)) <= FEW:
        ids = await session.scalar(select(func.array_agg(some.c.id))) or []
        return ClientSearchKey.client_id == func.any(bindparam(None, list(ids), type_=ARRAY(Uuid())))
    of_key = reached.where(Client.id == ClientSearchKey.client_id).correlate(ClientSearchKey)
    return of_key.scalar_subquery().is_not(None)


def _found(
    session: TenantSession,
    ranges: list[KeyRange],
    reached: ColumnElement[bool] | None,
    today: date,
    with_merged: bool,
) -> Any:
    hits = _hits(session, ranges, reached)
    best = (
        select(
            hits.c.client_id,
            func.bool_and(hits.c.by_contact).label("by_contact"),
            func.bool_or(hits.c.exact).label("exact"),
        )
        .group_by(hits.c.client_id)
        .subquery("best")
    )
    statement = (
        select(
            Client.id,
            Client.name,
            Client.short_name,
            Client.code,
            Client.kind,
            Client.tier,
            Client.status,
            Client.region,
            Client.unit_id,
            Client.owner_id,
            best.c.by_contact,
            best.c.exact,
        )
        .join(best, Client.id == best.c.client_id)
        .where(session.within(Client), CLIENT.within_reach(session, CLIENTS_VIEW, today))
    )
    return statement if with_merged else statement.where(Client.status != ClientStatus.MERGED)


def _hits(session: TenantSession, ranges: list[KeyRange], reached: ColumnElement[bool] | None) -> Any:
    """The first keys of each range that belong to clients in reach."""
    whole = [place.low[:2] in ("c:", "u:") for place in ranges]
    place = (
        func.unnest(
            sql_cast(bindparam(None, [one.low for one in ranges], type_=ARRAY(Text())), ARRAY(Text())),
            sql_cast(bindparam(None, [one.high for one in ranges], type_=ARRAY(Text())), ARRAY(Text())),
            sql_cast(bindparam(None, whole, type_=ARRAY(Boolean())), ARRAY(Boolean())),
        )
        .table_valued(column("low", Text()), column("high", Text()), column("whole", Boolean()), name="place")
        .render_derived()
    )
    statement = select(
        ClientSearchKey.client_id,
        (ClientSearchKey.client_id != ClientSearchKey.source_id).label("by_contact"),
        and_(place.c.whole, ClientSearchKey.key == place.c.low).label("exact"),
    ).where(session.within(ClientSearchKey), ClientSearchKey.key >= place.c.low, ClientSearchKey.key < place.c.high)
    if reached is not None:
        statement = statement.where(reached)
    first = statement.order_by(ClientSearchKey.key).limit(CANDIDATES).correlate(place).lateral("first")
    return select(first).select_from(place).join(first, true()).subquery("hits")


def _inside(place: KeyRange) -> ColumnElement[bool]:
    return and_(ClientSearchKey.key >= place.low, ClientSearchKey.key < place.high)


def _place(client: ClientFound, ranges: list[KeyRange]) -> tuple[bool, int, int, str, str]:
    past = client.status in (ClientStatus.CLOSED, ClientStatus.MERGED)
    rank = 0 if client.exact else 1 if _begins(client, ranges) else 3 if client.by_contact else 2
    return past, rank, len(client.name), client.name, str(client.id)


def _begins(client: ClientFound, ranges: list[KeyRange]) -> bool:
    """Whether the client's name, in characters, pinyin or initials, begins with what was typed."""
    begins = {low[:2]: low[2:] for low, _ in ranges}
    sounds = "p:" in begins
    for name in (spaced_name(name).replace(" ", "") for name in (client.name, client.short_name) if name):
        if name.startswith(begins["n:"]):
            return True
        if sounds:
            syllables = syllables_of(name)
            initials = "".join([syllable[0] for syllable in syllables])
            if initials.startswith(begins["i:"]) or "".join(syllables).startswith(begins["p:"]):
                return True
    return False
