"""The scan for duplicates among all clients of a tenant, and deciding on the pairs that it found.

Clients meet by equal credit codes anywhere, or by a shared block of their names (`names.name_blocks`, kept as `d:`
search keys) in the same region, or in the same unit where one of them has no region; near-equality is then verified.
A block that very many clients share (便利店) would make a pair of each two of them: of each place at most
`LARGEST_PLACE` are compared with each other, and such blocks are counted in the run as `frequent`, the first named.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import combinations
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, any_, func, literal, or_, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import aliased

from steward_core.clients.checks import refuse
from steward_core.clients.likeness import NEAR_EQUAL_NAME, SAME_CREDIT_CODE
from steward_core.clients.models import Client, ClientSearchKey, ClientStatus, DuplicatePair, DuplicateStatus
from steward_core.clients.names import name_key, near_equal
from steward_core.clients.ownership import these
from steward_core.clients.ownership_errors import PairNotFound
from steward_core.clients.pages import Order, Page, Paging, one_page
from steward_core.clients.row_kinds import CLIENT
from steward_core.clients.rules import reason_problem
from steward_core.clients.search import BLOCK
from steward_core.database.bulk import insert_many
from steward_core.permissions import CLIENTS_MERGE
from steward_core.runs.chunks import forget_size, size_of
from steward_core.runs.models import Run
from steward_core.runs.service import RunTools, declare_run_kind
from steward_tenants.access.rules import require
from steward_tenants.audit.service import Subject, record
from steward_tenants.commands.service import command
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import TenantSession, WriteSession
from steward_tenants.people.rules import line_of_text

RUN_KIND = "clients.duplicates"
GROUPS = 2000
"""Blocks or codes with more than one client that a chunk takes."""
LARGEST_BLOCK = 1000
"""Clients of one block that are looked at."""
LARGEST_PLACE = 40
"""Clients of one block and place that are compared, each with each."""
NAMED_BLOCKS = 20
AFTER_BLOCKS = "d;"
"""The first text behind all keys that begin with `BLOCK`."""


@dataclass(frozen=True)
class _One:
    """A client as the scan compares it."""

    id: UUID
    name_key: str
    credit_code: str | None
    region: str | None
    unit_id: UUID | None

    def near(self, other: _One) -> bool:
        """Whether the two stand in one place: a region, or a unit where one has no region."""
        if self.region and other.region:
            return self.region == other.region
        return self.unit_id == other.unit_id


@dataclass(frozen=True)
class _Group:
    """Clients that share a code or a block; `count` of all, `ids` of the first ones."""

    key: str
    count: int
    ids: Sequence[UUID]


async def scan_chunk(session: WriteSession, run: Run, _tools: RunTools) -> bool:
    """The next codes, and after all of them the next blocks. `counts`: pairs found anew, groups, frequent ones."""
    phase, after = run.position.get("phase", "codes"), run.position.get("after", "")
    codes = phase == "codes"
    at_once = size_of(run, GROUPS)
    groups = await (_codes if codes else _blocks)(session, after, at_once)
    found = await _clients(session, {client_id for group in groups for client_id in group.ids})
    pairs: dict[tuple[UUID, UUID], list[str]] = {}
    frequent = list(run.position.get("frequent", []))
    skipped = 0
    for group in groups:
        members = [found[client_id] for client_id in group.ids if client_id in found]
        whole = group.count <= len(group.ids)
        for one, other in _star(members) if codes else _each(members):
            if reasons := _reasons(one, other):
                pairs[min(one.id, other.id), max(one.id, other.id)] = reasons
        if not whole or (not codes and _crowded(members)):
            skipped += 1
            frequent.append(group.key.removeprefix(BLOCK)[1:] if not codes else group.key)
    added = await _insert(session, pairs)
    counts = run.counts
    run.counts = {
        "pairs": counts.get("pairs", 0) + added,
        "groups": counts.get("groups", 0) + len(groups),
        "frequent": counts.get("frequent", 0) + skipped,
    }
    run.done += len(groups)
    run.total = max(run.total, run.done)
    last = len(groups) < at_once
    position = {"phase": phase, "after": groups[-1].key if groups else after, "frequent": frequent[:NAMED_BLOCKS]}
    if last and codes:
        forget_size(run)
        position |= {"phase": "blocks", "after": BLOCK}
    run.position = position
    if last and not codes:
        await record(session, "clients.duplicates.scan", Subject("run", run.id), after=run.counts)
    return last and not codes


declare_run_kind(RUN_KIND, "查找重复客户", "Look for duplicate clients", CLIENTS_MERGE, scan_chunk)


def _members(column: Any) -> Any:
    """The first clients of a group in order of id."""
    return func.array_agg(aggregate_order_by(column, column))[1:LARGEST_BLOCK].label("ids")


async def _codes(session: WriteSession, after: str, at_once: int) -> list[_Group]:
    rows = await session.rows(
        select(Client.credit_code, func.count(), _members(Client.id))
        .where(
            session.within(Client),
            Client.credit_code.is_not(None),
            Client.credit_code > after,
            Client.status != ClientStatus.MERGED.value,
        )
        .group_by(Client.credit_code)
        .having(func.count() > 1)
        .order_by(Client.credit_code)
        .limit(at_once)
    )
    return [_Group(*row) for row in rows]


async def _blocks(session: WriteSession, after: str, at_once: int) -> list[_Group]:
    rows = await session.rows(
        select(ClientSearchKey.key, func.count(), _members(ClientSearchKey.client_id))
        .where(session.within(ClientSearchKey), ClientSearchKey.key > after, ClientSearchKey.key < AFTER_BLOCKS)
        .group_by(ClientSearchKey.key)
        .having(func.count() > 1)
        .order_by(ClientSearchKey.key)
        .limit(at_once)
    )
    return [_Group(*row) for row in rows]


async def _clients(session: WriteSession, client_ids: Iterable[UUID]) -> dict[UUID, _One]:
    rows = await session.rows(
        select(Client.id, Client.name, Client.credit_code, Client.region, Client.unit_id).where(
            session.within(Client), Client.id == these(set(client_ids)), Client.status != ClientStatus.MERGED.value
        )
    )
    return {row[0]: _One(row[0], name_key(row[1]), row[2], row[3], row[4]) for row in rows}


def _star(members: Sequence[_One]) -> Iterator[tuple[_One, _One]]:
    """All with the first: equal codes are equal to each other, so that n clients need n - 1 pairs only."""
    return ((members[0], other) for other in members[1:])


def _each(members: Sequence[_One]) -> Iterator[tuple[_One, _One]]:
    """Each two of a place, as far as a place is not crowded."""
    for place in _places(members):
        for one, other in combinations(place[:LARGEST_PLACE], 2):
            if one.near(other):
                yield one, other


def _crowded(members: Sequence[_One]) -> bool:
    return any(len(place) > LARGEST_PLACE for place in _places(members))


def _places(members: Sequence[_One]) -> list[list[_One]]:
    """Clients by region, and beside it those without a region together with all of their unit."""
    places: dict[tuple[str, Any], list[_One]] = defaultdict(list)
    bare = {one.unit_id for one in members if not one.region}
    for one in members:
        if one.region:
            places["region", one.region].append(one)
        if one.unit_id in bare:
            places["unit", one.unit_id].append(one)
    return list(places.values())


def _reasons(one: _One, other: _One) -> list[str]:
    reasons = []
    if one.credit_code and one.credit_code == other.credit_code:
        reasons.append(SAME_CREDIT_CODE)
    if one.near(other) and near_equal(one.name_key, other.name_key):
        reasons.append(NEAR_EQUAL_NAME)
    return reasons


async def _insert(session: WriteSession, pairs: dict[tuple[UUID, UUID], list[str]]) -> int:
    """Write down pairs that nobody knows yet: what was dismissed stays so."""
    ordered = sorted(pairs)
    return await insert_many(
        session,
        DuplicatePair,
        {
            "id": [new_id() for _ in ordered],
            "first_id": [first for first, _ in ordered],
            "second_id": [second for _, second in ordered],
            "reasons": [pairs[pair] for pair in ordered],
        },
        unless_there=True,
    )


@dataclass(frozen=True)
class PairSide:
    """One client of a pair. Outside the actor's scope (`in_reach` False) nothing of it is told."""

    in_reach: bool
    id: UUID | None = None
    name: str | None = None
    code: str | None = None
    credit_code: str | None = None
    region: str | None = None
    status: ClientStatus | None = None
    unit_id: UUID | None = None
    owner_id: UUID | None = None


@dataclass(frozen=True)
class PairLine:
    """A pair that may be one client; `reasons` are keys of `likeness.REASONS`."""

    id: UUID
    first: PairSide
    second: PairSide
    reasons: tuple[str, ...]
    status: DuplicateStatus
    found_at: datetime
    decided_by: UUID | None
    decided_at: datetime | None
    decision_reason: str | None


async def duplicate_pairs(
    session: TenantSession,
    *,
    today: date,
    status: DuplicateStatus = DuplicateStatus.OPEN,
    reason: str | None = None,
    client_id: UUID | None = None,
    paging: Paging | None = None,
) -> Page[PairLine]:
    """Pairs of which the actor reaches at least one client, the latest found first. Raises Forbidden, InvalidInput."""
    require(session.actor, CLIENTS_MERGE)
    first, second = aliased(Client), aliased(Client)
    seen_first, seen_second = (_reached(session, side, today) for side in (first, second))
    statement = (
        select(DuplicatePair, first, second, seen_first, seen_second)
        .join(first, and_(session.within(first), first.id == DuplicatePair.first_id))
        .join(second, and_(session.within(second), second.id == DuplicatePair.second_id))
        .where(session.within(DuplicatePair), DuplicatePair.status == status.value, or_(seen_first, seen_second))
    )
    if status is DuplicateStatus.OPEN:
        gone = ClientStatus.MERGED.value
        statement = statement.where(first.status != gone, second.status != gone)
    if reason is not None:
        statement = statement.where(literal(reason) == any_(DuplicatePair.reasons))
    if client_id is not None:
        # Whoever asks for a client learns of its pairs only where that client is within reach.
        of_first = and_(DuplicatePair.first_id == client_id, seen_first)
        statement = statement.where(or_(of_first, and_(DuplicatePair.second_id == client_id, seen_second)))
    order = Order("found", ((DuplicatePair.found_at, datetime), (DuplicatePair.id, UUID)), descending=True)
    return await one_page(session, statement, order, paging or Paging(), _line)


@command("clients.duplicates.dismiss", "排除疑似重复", "Dismiss a pair of duplicates", permission=CLIENTS_MERGE)
async def dismiss_pair(session: WriteSession, pair_id: UUID, *, reason: str, today: date) -> DuplicatePair:
    """Say that the two are different clients; later scans leave the pair alone. Both must be within reach.

    Raises InvalidInput, PairNotFound (also: it is open no more).
    """
    problem = reason_problem(reason)
    refuse([problem] if problem else [])
    pair = await session.find(
        DuplicatePair, DuplicatePair.id == pair_id, DuplicatePair.status == DuplicateStatus.OPEN.value, lock=True
    )
    if pair is None:
        raise PairNotFound
    both = await session.scalar(
        select(func.count())
        .select_from(Client)
        .where(
            session.within(Client),
            Client.id.in_([pair.first_id, pair.second_id]),
            CLIENT.within_reach(session, CLIENTS_MERGE, today),
        )
    )
    if both != 2:
        raise PairNotFound
    pair.status, pair.decision_reason = DuplicateStatus.DISMISSED, line_of_text(reason, 500)
    pair.decided_by, pair.decided_at = session.actor.id, datetime.now(UTC)
    await record(
        session,
        "clients.duplicates.dismiss",
        Subject("duplicate_pair", pair.id),
        before={"status": DuplicateStatus.OPEN.value},
        after={"status": DuplicateStatus.DISMISSED.value, "first_id": pair.first_id, "second_id": pair.second_id},
        reason=pair.decision_reason,
    )
    return pair


def _reached(session: TenantSession, side: Any, today: date) -> ColumnElement[bool]:
    """The condition that one side's client is within the actor's reach."""
    reached = select(Client.id).where(session.within(Client), CLIENT.within_reach(session, CLIENTS_MERGE, today))
    return side.id.in_(reached)  # type: ignore[no-any-return]


def _line(row: Any) -> PairLine:
    pair: DuplicatePair = row[0]
    return PairLine(
        pair.id,
        _side(row[1], row[3]),
        _side(row[2], row[4]),
        tuple(pair.reasons),
        DuplicateStatus(pair.status),
        pair.found_at,
        pair.decided_by,
        pair.decided_at,
        pair.decision_reason,
    )


def _side(client: Client, seen: bool) -> PairSide:
    if not seen:
        return PairSide(in_reach=False)
    return PairSide(
        True,
        client.id,
        client.name,
        client.code,
        client.credit_code,
        client.region,
        ClientStatus(client.status),
        client.unit_id,
        client.owner_id,
    )
