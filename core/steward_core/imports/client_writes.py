"""Writing imported clients: new and changed ones with all that hangs on them, a few statements for thousands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Text, Uuid, bindparam, column, func, insert, select, true
from sqlalchemy import cast as sql_cast
from sqlalchemy.dialects.postgresql import ARRAY

from steward_core.clients.models import (
    NO_END,
    Client,
    ClientChange,
    ClientMerge,
    ClientOwnership,
    ClientSearchKey,
)
from steward_core.clients.ownership import hold_clients, move
from steward_core.clients.search import Keyed, keys_for_client, write_keys
from steward_core.custom_fields.index import entries_of_custom, write_index
from steward_core.custom_fields.service import fields_of as custom_fields_of
from steward_core.database.bulk import insert_many, update_many
from steward_core.imports.plans import ImportRow
from steward_core.imports.references import among
from steward_core.imports.work import IMPORT, plain, table_of
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import WriteSession

REASON = "导入 / import"
_SEPARATOR = "\n"
"""No search key contains it: names are taken apart at line ends."""
_KEYED = frozenset({"name", "short_name", "code", "credit_code", "phone"})
_OWNERSHIP = frozenset({"owner_id", "unit_id"})
_FOREVER = date.fromisoformat(NO_END)


async def write_created(session: WriteSession, rows: Sequence[ImportRow], *, today: date) -> None:
    """Insert new clients with their first ownership, search keys and index entries."""
    if not rows:
        return
    names = sorted({name for row in rows for name in row.changes})
    for row in rows:
        row.row_id, row.after_version = new_id(), 1
    columns: dict[str, list[Any]] = {name: [row.changes.get(name) for row in rows] for name in names}
    if "custom" in columns:
        columns["custom"] = [value or {} for value in columns["custom"]]
    columns["id"] = [row.row_id for row in rows]
    columns["created_by"] = [session.actor.id] * len(rows)
    await insert_many(session, Client, columns)
    await insert_many(
        session,
        ClientOwnership,
        {
            "client_id": columns["id"],
            "valid_from": [today] * len(rows),
            "owner_id": [row.changes.get("owner_id") for row in rows],
            "unit_id": [row.changes.get("unit_id") for row in rows],
            "reason": [REASON] * len(rows),
        },
    )
    await insert_keys(session, [_keyed(row) for row in rows])
    await _index_custom(session, rows, clear=False)


def _keyed(row: ImportRow) -> Keyed:
    if row.keys is None:
        return keys_for_client(_id(row), row.changes)
    return Keyed(_id(row), _id(row), row.keys)


async def insert_keys(session: WriteSession, keyed: Sequence[Keyed]) -> None:
    """Insert the keys of new sources. The keys of one source travel as one text: an array of millions of short texts
    takes the driver longer than the database needs to write them."""
    if not keyed:
        return
    target = table_of(ClientSearchKey)
    given = (
        func.unnest(
            _array([one.client_id for one in keyed], Uuid()),
            _array([one.source_id for one in keyed], Uuid()),
            _array([_SEPARATOR.join(one.keys) for one in keyed], Text()),
        )
        .table_valued(column("client_id"), column("source_id"), column("texts"), name="given")
        .render_derived()
    )
    each = (
        func.string_to_table(given.c.texts, bindparam(None, _SEPARATOR, type_=Text()))
        .table_valued(column("key"), name="each")
        .render_derived()
        .lateral()
    )
    tenant = bindparam("tenant_id", session.tenant_id, type_=target.c.tenant_id.type, unique=True)
    # In order of the index: neighbouring entries are written together.
    rows = (
        select(tenant, each.c.key, given.c.client_id, given.c.source_id)
        .select_from(given)
        .join(each, true())
        .where(each.c.key != bindparam(None, "", type_=Text()))
        .order_by(each.c.key)
    )
    await session.execute(insert(target).from_select(["tenant_id", "key", "client_id", "source_id"], rows))


def _array(values: Sequence[Any], kind: Any) -> Any:
    return sql_cast(bindparam(None, list(values), type_=ARRAY(kind)), ARRAY(kind))


async def write_changed(
    session: WriteSession, rows: Sequence[ImportRow], *, today: date, batch_id: UUID | None
) -> None:
    """Update existing clients; owner, unit, tier and status with their histories."""
    if not rows:
        return
    for row in rows:
        if "owner_id" in row.changes and row.changes["owner_id"] is not None:
            row.changes["pool_since"] = None
        row.row_id = row.known["id"]
        row.before = {name: plain(row.known[name]) for name in row.changes}
        row.after_version = row.known["version"] + 1
    names = sorted({name for row in rows for name in row.changes})
    await update_many(
        session,
        Client,
        {"id": [row.row_id for row in rows]},
        {name: [row.changes.get(name, row.known[name]) for row in rows] for name in names},
        also={"version": Client.version + 1, "updated_at": func.now()},
    )
    moved = [
        (_id(row), row.changes.get("owner_id", row.known["owner_id"]), row.changes.get("unit_id", row.known["unit_id"]))
        for row in rows
        if _OWNERSHIP & row.changes.keys()
    ]
    await move_ownership(session, moved, today=today, reason=REASON)
    keyed = [row for row in rows if _KEYED & row.changes.keys()]
    if keyed:
        await write_keys(
            session,
            [keys_for_client(_id(row), {**row.known, **row.changes}) for row in keyed],
            before=[keys_for_client(_id(row), row.known) for row in keyed],
        )
    await _record_changes(session, rows, batch_id)
    await _index_custom(session, [row for row in rows if "custom" in row.changes], clear=True)


Place = tuple[UUID, UUID | None, UUID | None]
"""A client, its owner and its unit."""


async def move_ownership(session: WriteSession, moved: Sequence[Place], *, today: date, reason: str) -> None:
    """End the ownerships of clients today and begin new ones; one that began today or later is rewritten. Clients
    merged into these go with them. The caller holds the clients."""
    if not moved:
        return
    ids = [client_id for client_id, _, _ in moved]
    ownership = table_of(ClientOwnership)
    still = ownership.c.valid_until == _FOREVER
    begun = set(
        await session.scalars(
            select(ownership.c.client_id).where(
                session.within(ownership),
                still,
                ownership.c.valid_from >= today,
                among(ownership.c.client_id, ids, Uuid()),
            )
        )
    )
    rewritten = [one for one in moved if one[0] in begun]
    if rewritten:
        places = _places(rewritten)
        client_ids = {"client_id": places.pop("client_id")}
        also = {"reason": reason, "hand_over_id": None}
        await update_many(session, ClientOwnership, client_ids, places, still, also=also)
    fresh = [one for one in moved if one[0] not in begun]
    if fresh:
        places = _places(fresh)
        await update_many(
            session, ClientOwnership, {"client_id": places["client_id"]}, {}, still, also={"valid_until": today}
        )
        more: dict[str, list[Any]] = {"valid_from": [today] * len(fresh), "reason": [reason] * len(fresh)}
        await insert_many(session, ClientOwnership, {**places, **more})
    await _move_absorbed(session, moved, today=today, reason=reason)


def _places(moved: Sequence[Place]) -> dict[str, list[Any]]:
    client_ids, owners, units = (list(column) for column in zip(*moved, strict=True))
    return {"client_id": client_ids, "owner_id": owners, "unit_id": units}


async def _move_absorbed(session: WriteSession, moved: Sequence[Place], *, today: date, reason: str) -> None:
    """Whatever was merged into a client stays in the hands that the client is in."""
    places = {client_id: (owner_id, unit_id) for client_id, owner_id, unit_id in moved}
    rows = await session.rows(
        select(ClientMerge.absorbed_id, ClientMerge.survivor_id).where(
            session.within(ClientMerge), among(ClientMerge.survivor_id, list(places), Uuid())
        )
    )
    if not rows:
        return
    given = (
        func.unnest(
            _array([row[0] for row in rows], Uuid()),
            _array([places[row[1]][0] for row in rows], Uuid()),
            _array([places[row[1]][1] for row in rows], Uuid()),
        )
        .table_valued(column("client_id"), column("owner_id"), column("unit_id"), name="given")
        .render_derived()
    )
    moves = select(given.c.client_id, given.c.owner_id, given.c.unit_id)
    await hold_clients(session, among(Client.id, [row[0] for row in rows], Uuid()))
    await move(session, moves, on=today, reason=reason)


async def _record_changes(session: WriteSession, rows: Sequence[ImportRow], batch_id: UUID | None) -> None:
    found = [
        (_id(row), field, row.known[field], row.changes[field])
        for row in rows
        for field in ("tier", "status")
        if field in row.changes
    ]
    await record_changes(session, found, REASON, batch_id)


async def record_changes(
    session: WriteSession, changes: Sequence[tuple[UUID, str, Any, Any]], reason: str, source_id: UUID | None
) -> None:
    """Put changes of tier or status (client, field, before, after) into the clients' histories."""
    if not changes:
        return
    count = len(changes)
    await insert_many(
        session,
        ClientChange,
        {
            "id": [new_id() for _ in changes],
            "client_id": [change[0] for change in changes],
            "field": [change[1] for change in changes],
            "before": [change[2] for change in changes],
            "after": [change[3] for change in changes],
            "reason": [reason] * count,
            "source": [IMPORT] * count,
            "source_id": [source_id] * count,
            "changed_by": [session.actor.id] * count,
        },
    )


async def _index_custom(session: WriteSession, rows: Sequence[ImportRow], *, clear: bool) -> None:
    customs: Mapping[UUID, Any] = {_id(row): row.changes["custom"] for row in rows if row.changes.get("custom")}
    await index_custom(session, "client", customs, clear=[_id(row) for row in rows] if clear else ())


async def index_custom(
    session: WriteSession, target: str, customs: Mapping[UUID, Mapping[str, Any]], *, clear: Sequence[UUID]
) -> None:
    """Write the filterable custom values of rows into the field index, replacing those of the rows `clear`."""
    if not customs and not clear:
        return
    fields = await custom_fields_of(session, target)
    entries = [
        entry for row_id, values in customs.items() for entry in entries_of_custom(fields, target, row_id, values)
    ]
    if entries or clear:
        await write_index(session, entries, clear, prefix=f"{target}.custom.")


def _id(row: ImportRow) -> UUID:
    assert row.row_id is not None
    return row.row_id
