"""Merging two clients that are one: the absorbed one's belongings go to the survivor, its record stays, readable.

What moves: contacts, contracts, products in use, arrears, notes, attachments, form records, children. A contact with
the phone of one of the survivor's is joined into that: what is empty there is filled, the joined row stays behind.
A form record whose slot is taken at the survivor stays on the merged client. Of other domains what is still open goes
to the survivor's owner as by a hand-over (planned actions, visits to come, requests, clocks, opportunities, approvals),
and then with its `client_id`; an action that the survivor has as well is dropped.

The survivor's last activity is the later one of both.

What stays: facts, gradings and history of tier and status. Facts belong to who owned the client on the booking date,
so writing them anew for the survivor would give other people's past revenue to the survivor's owner; left where they
are they count once, for the right person. From the merge on the merged client goes wherever the survivor goes, so that
a portfolio's growth compares the same business; `with_absorbed` names the clients whose figures make up a survivor's.

A merge is not undone by a command: `ClientMerge` keeps the absorbed client's columns and what was moved.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Uuid as UuidType
from sqlalchemy import literal, select
from sqlalchemy.orm import aliased

from steward_core.clients.checks import check_plugins, flat, refuse, write_custom_index
from steward_core.clients.errors import ClientIsMerged, ClientTreeTooDeep
from steward_core.clients.merge_errors import MergeWithItself
from steward_core.clients.merge_moves import Moved, move_belongings
from steward_core.clients.models import Client, ClientChange, ClientMerge, ClientStatus
from steward_core.clients.ownership import hold_clients, move, these
from steward_core.clients.row_kinds import CLIENT
from steward_core.clients.rules import CLIENT_FIELDS, MAX_LEVELS, PERSONAL, PLACE_HALVED, levels_after, reason_problem
from steward_core.clients.search import BLOCK, Keyed, keys_for_client, write_keys
from steward_core.clients.service import client_in_reach
from steward_core.clients.tree import levels_below, tree_turn, with_ancestors
from steward_core.permissions import CLIENTS_MERGE
from steward_tenants.audit.service import Subject, record
from steward_tenants.commands.service import command
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import TenantSession, WriteSession
from steward_tenants.errors import FieldProblem
from steward_tenants.people.rules import line_of_text
from steward_tenants.texts import Bilingual

MERGED = "并入其他客户 / merged into another client"
TAKEABLE = frozenset({*CLIENT_FIELDS, "tier"})
"""What a survivor may take from the absorbed; beside these the tenant's own fields as `custom.<key>`."""
_SNAPSHOT = (
    *CLIENT_FIELDS,
    "tier",
    "status",
    "parent_id",
    "unit_id",
    "owner_id",
    "deputy_id",
    "custom",
    "basic_confirmed_on",
    "personal_confirmed_on",
    "last_activity_on",
    "created_at",
    "created_by",
    "version",
)


@command("clients.client.merge", "合并重复客户", "Merge a duplicate client", permission=CLIENTS_MERGE)
async def merge_clients(
    session: WriteSession,
    survivor_id: UUID,
    absorbed_id: UUID,
    *,
    take: Collection[str] = (),
    reason: str,
    today: date,
    add_arrears: bool = False,
) -> ClientMerge:
    """Merge `absorbed_id` into `survivor_id`, both within reach; `take` names fields whose values come from the
    absorbed. `add_arrears`: arrears of both for one period and source are added up instead of refused.

    Raises ClientNotFound, MergeWithItself, ClientIsMerged (either one), ClientTreeTooDeep, ArrearsClash, InvalidInput.
    """
    # Before any client is held: who waits for the tree's turn must hold nothing that another waits for.
    await tree_turn(session)
    survivor, absorbed = await _both(session, survivor_id, absorbed_id, today)
    refuse(_problems(take, reason, absorbed))
    values = _taken(survivor, absorbed, take)
    await _check(session, survivor, values)
    text = line_of_text(reason, 500)
    snapshot = {name: _json(getattr(absorbed, name)) for name in _SNAPSHOT}
    merge = ClientMerge(
        id=new_id(),
        survivor_id=survivor.id,
        absorbed_id=absorbed.id,
        reason=text,
        absorbed=snapshot,
        taken={},
        moved={},
        merged_on=today,
        merged_by=session.actor.id,
    )
    merge.taken = {name: [_json(getattr(survivor, name)), _json(value)] for name, value in values.items()}
    async with session.savepoint():
        moved = await _join_trees(session, survivor, absorbed)
        # First into the survivor's owner's hands: what is open follows as long as it hangs on the absorbed client.
        await _absorb(session, survivor, absorbed, merge, today)
        moved += await move_belongings(session, survivor, absorbed, add_arrears=add_arrears)
        merge.moved = moved.as_dict()
        await _take(session, survivor, absorbed, values, merge)
        session.add(merge)
        await session.flush()
    await record(
        session,
        "clients.client.merge",
        Subject("client", survivor.id),
        before={"absorbed_id": None, **flat({name: value[0] for name, value in merge.taken.items()})},
        after={"absorbed_id": absorbed.id, **flat({name: value[1] for name, value in merge.taken.items()})},
        personal=PERSONAL,
        reason=text,
    )
    return merge


async def with_absorbed(session: TenantSession, client_id: UUID) -> list[UUID]:
    """A client and all that was ever merged into it: whose facts make up its history. Not limited by scope."""
    every = select(literal(client_id, UuidType()).label("id")).cte("every", recursive=True)
    merge = aliased(ClientMerge)
    every = every.union(
        select(merge.absorbed_id).join(every, merge.survivor_id == every.c.id).where(session.within(merge))
    )
    return list(await session.scalars(select(every.c.id)))


async def survivor_of(session: TenantSession, client_id: UUID) -> UUID:
    """Where a client went: the one that it was merged into in the end, or itself. Not limited by scope."""
    path = (
        select(Client.id, Client.merged_into_id)
        .where(session.within(Client), Client.id == client_id)
        .cte("path", recursive=True)
    )
    further = aliased(Client)
    path = path.union(
        select(further.id, further.merged_into_id)
        .join(path, further.id == path.c.merged_into_id)
        .where(session.within(further))
    )
    last: UUID | None = await session.scalar(select(path.c.id).where(path.c.merged_into_id.is_(None)))
    return client_id if last is None else last


async def _both(session: WriteSession, survivor_id: UUID, absorbed_id: UUID, today: date) -> tuple[Client, Client]:
    if survivor_id == absorbed_id:
        raise MergeWithItself
    # In order of id: two merges of the same pair, whichever way round, then wait for each other.
    reach = CLIENT.within_reach(session, CLIENTS_MERGE, today)
    await hold_clients(session, Client.id == these([survivor_id, absorbed_id]), reach)
    survivor, absorbed = [
        await client_in_reach(session, client_id, CLIENTS_MERGE, today=today, lock=True)
        for client_id in (survivor_id, absorbed_id)
    ]
    for client in (survivor, absorbed):
        if client.status == ClientStatus.MERGED:
            raise ClientIsMerged(name=client.name)
    return survivor, absorbed


def _problems(take: Collection[str], reason: str, absorbed: Client) -> list[FieldProblem]:
    problem = reason_problem(reason)
    problems = [problem] if problem else []
    for name in sorted(take):
        custom = name.removeprefix("custom.")
        if name not in TAKEABLE and (custom == name or custom not in absorbed.custom):
            text = Bilingual("没有可取用的此字段。", "There is no such field to take.")
            problems.append(FieldProblem(("take", name), "unknown", text))
        elif name in ("name", "kind") and not getattr(absorbed, name):
            text = Bilingual("必填字段不能取空值。", "A required field cannot be taken empty.")
            problems.append(FieldProblem(("take", name), "missing", text))
    return problems


def _taken(survivor: Client, absorbed: Client, take: Collection[str]) -> dict[str, Any]:
    """The survivor's new values: only what differs."""
    values = {name: getattr(absorbed, name) for name in sorted(take) if name in TAKEABLE}
    custom = {name.removeprefix("custom.") for name in take if name not in TAKEABLE}
    if custom:
        values["custom"] = {**survivor.custom, **{key: absorbed.custom[key] for key in sorted(custom)}}
    return {name: value for name, value in values.items() if value != getattr(survivor, name)}


async def _join_trees(session: WriteSession, survivor: Client, absorbed: Client) -> Moved:
    """Put the absorbed client's children under the survivor; a survivor below the absorbed takes its place."""
    above = list(await with_ancestors(session, survivor.id))
    below = await levels_below(session, absorbed.id)
    if absorbed.id in above:
        survivor.parent_id = absorbed.parent_id
        survivor.updated_at = datetime.now(UTC)
    elif below and (levels := levels_after(above, below - 1)) > MAX_LEVELS:
        raise ClientTreeTooDeep(limit=MAX_LEVELS, levels=levels)
    absorbed.parent_id = None
    await session.flush()
    children = await session.scalars(
        select(Client)
        .where(session.within(Client), Client.parent_id == absorbed.id)
        .order_by(Client.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    for child in children:
        child.parent_id = survivor.id
    await session.flush()
    return Moved({"children": [str(child.id) for child in children]} if children else {})


async def _absorb(session: WriteSession, survivor: Client, absorbed: Client, merge: ClientMerge, today: date) -> None:
    """The absorbed client becomes a merged one in the survivor's hands, found only by who looks for merged ones."""
    columns = _columns(absorbed)
    keys = keys_for_client(absorbed.id, columns)
    if "code" in merge.taken:
        absorbed.code = columns["code"] = None
    named = frozenset(key for key in keys_for_client(absorbed.id, columns).keys if not key.startswith(BLOCK))
    await write_keys(session, [Keyed(absorbed.id, absorbed.id, named)], before=[keys])
    await write_custom_index(session, "client", absorbed.id, {}, clear=True)
    before = absorbed.status
    absorbed.status, absorbed.merged_into_id = ClientStatus.MERGED, survivor.id
    absorbed.deputy_id = None
    absorbed.updated_at = datetime.now(UTC)
    session.add(_change(session, absorbed.id, merge, "status", before=before, after=ClientStatus.MERGED.value))
    await session.flush()
    moves = select(
        literal(absorbed.id, UuidType()).label("client_id"),
        literal(survivor.owner_id, UuidType()).label("owner_id"),
        literal(survivor.unit_id, UuidType()).label("unit_id"),
    )
    await move(session, moves, on=today, reason=MERGED)
    await session.refresh(absorbed)
    absorbed.deputy_id = survivor.deputy_id
    await session.flush()


async def _check(session: WriteSession, survivor: Client, values: dict[str, Any]) -> None:
    """Whether the survivor may have these values; before anything moves."""
    columns = {**_columns(survivor), **values}
    problems = []
    if (columns["latitude"] is None) != (columns["longitude"] is None):
        problems.append(PLACE_HALVED)
    if values:
        problems += await check_plugins(session, columns)
    refuse(problems)


async def _take(
    session: WriteSession, survivor: Client, absorbed: Client, values: dict[str, Any], merge: ClientMerge
) -> None:
    columns = {**_columns(survivor), **values}
    keys = keys_for_client(survivor.id, _columns(survivor))
    tier = survivor.tier
    for name, value in values.items():
        setattr(survivor, name, value)
    survivor.updated_at = datetime.now(UTC)
    days = [day for day in (survivor.last_activity_on, absorbed.last_activity_on) if day is not None]
    survivor.last_activity_on = max(days, default=None)
    if "tier" in values:
        session.add(_change(session, survivor.id, merge, "tier", before=tier, after=values["tier"]))
    await session.flush()
    await write_keys(session, [keys_for_client(survivor.id, columns)], before=[keys])
    if "custom" in values:
        await write_custom_index(session, "client", survivor.id, survivor.custom, clear=True)


def _columns(client: Client) -> dict[str, Any]:
    names = (*CLIENT_FIELDS, "tier", "status", "parent_id", "unit_id", "owner_id", "deputy_id", "custom", "id")
    return {name: getattr(client, name) for name in names}


def _change(
    session: WriteSession, client_id: UUID, merge: ClientMerge, field: str, *, before: str | None, after: str | None
) -> ClientChange:
    return ClientChange(
        id=new_id(),
        client_id=client_id,
        field=field,
        before=before,
        after=after,
        reason=merge.reason,
        source="merge",
        source_id=merge.id,
        changed_by=session.actor.id,
    )


def _json(value: Any) -> Any:
    return str(value) if isinstance(value, UUID | date | datetime | Decimal) else value
