"""Hand-overs of clients: at once or later, undone, answered; who owned a client on a day is always one answer."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import select

from steward_core.clients.hand_over import (
    RUN_KIND,
    HandOverSelection,
    ToUnit,
    apply_due_hand_overs,
    plan_hand_over,
    reverse_hand_over,
    undo_hand_over,
)
from steward_core.clients.hand_over_items import OUTCOMES, Outcome
from steward_core.clients.hand_over_queries import HandOverQuery, hand_over_items, hand_over_of, hand_overs
from steward_core.clients.models import Client, ClientOwnership, ClientStatus, HandOverStatus
from steward_core.clients.ownership import FOREVER, owners_of, portfolio_of
from steward_core.clients.ownership_errors import (
    ClientsInHandOver,
    ClientsOutOfReach,
    HandOverNotApplied,
    HandOverNotFound,
    HandOverOutsideReach,
    HandOverOver,
    NothingToHandOver,
)
from steward_core.clients.pages import Paging
from steward_core.permissions import CLIENTS_ASSIGN, CLIENTS_VIEW
from steward_core.runs.service import RunTools, drive, request_run
from steward_tenants.audit.models import AuditEvent
from steward_tenants.database.actor import Scope
from steward_tenants.database.database import Database
from steward_tenants.database.session import TenantSession, WriteSession
from steward_tenants.errors import Forbidden, InvalidInput
from steward_tenants.files.store import LocalFileStore
from steward_tenants.people.models import User, UserStatus
from tests.core.factories import SINCE, make_client
from tests.factories import TESTS, actor_with, make_tenant, make_unit, make_user
from tests.turns import meanwhile

TODAY = date(2026, 11, 2)
LATER = date(2026, 11, 20)
HEAD = actor_with(CLIENTS_ASSIGN, CLIENTS_VIEW)


class Place:
    """A tenant with two units, an account manager in each, and clients of the first."""

    def __init__(self, tenant: UUID, units: list[UUID], people: list[UUID], clients: list[UUID]) -> None:
        self.tenant, self.units, self.people, self.clients = tenant, units, people, clients


async def a_place(database: Database, clients: int = 3) -> Place:
    tenant = await make_tenant(database)
    async with database.write(tenant, TESTS) as session:
        units = [make_unit(session), make_unit(session)]
        await session.flush()
        people = [make_user(session, unit_id=unit.id) for unit in units]
        await session.flush()
        made = [make_client(session, owner_id=people[0].id, unit_id=units[0].id) for _ in range(clients)]
        return Place(tenant, [u.id for u in units], [p.id for p in people], [c.id for c in made])


async def the_client(session: TenantSession, client_id: UUID) -> Client:
    found = await session.get(Client, client_id)
    assert found is not None
    return found


async def history(session: TenantSession, client_id: UUID) -> list[tuple[date, date, UUID | None]]:
    rows = await session.rows(
        select(ClientOwnership.valid_from, ClientOwnership.valid_until, ClientOwnership.owner_id)
        .where(session.within(ClientOwnership), ClientOwnership.client_id == client_id)
        .order_by(ClientOwnership.valid_from)
    )
    return [(row[0], row[1], row[2]) for row in rows]


async def test_today_the_clients_move_with_unit_and_history(database: Database) -> None:
    place = await a_place(database)
    old, new = place.people
    async with database.write(place.tenant, TESTS) as session:
        first = await the_client(session, place.clients[0])
        first.deputy_id = new
    async with database.write(place.tenant, HEAD) as session:
        hand_over = await plan_hand_over(
            session, HandOverSelection(owner_id=old), new, effective_on=TODAY, reason="离职交接", today=TODAY
        )
        assert (hand_over.status, hand_over.clients, hand_over.skipped) == (HandOverStatus.APPLIED, 3, 0)
    async with database.read(place.tenant, HEAD) as session:
        for client_id in place.clients:
            client = await the_client(session, client_id)
            assert (client.owner_id, client.unit_id, client.deputy_id) == (new, place.units[1], None)
            assert client.version == (3 if client_id == place.clients[0] else 2)
            assert await history(session, client_id) == [(SINCE, TODAY, old), (TODAY, FOREVER, new)]
        lines = await owners_of(session, place.clients[0], today=TODAY)
        assert [(line.owner_id, line.reason, line.hand_over_id) for line in lines] == [
            (new, "离职交接", hand_over.id),
            (old, None, None),
        ]
        before = await portfolio_of(session, old, TODAY - timedelta(days=1), today=TODAY)
        assert {line.client_id for line in before.rows} == set(place.clients)
        assert (await portfolio_of(session, old, TODAY, today=TODAY)).rows == ()
        page = await portfolio_of(session, new, TODAY, today=TODAY, paging=Paging(size=2))
        rest = await portfolio_of(session, new, TODAY, today=TODAY, paging=Paging(2, page.next_cursor))
        assert (len(page.rows), len(rest.rows), rest.next_cursor) == (2, 1, None)
        assert {line.since for line in (*page.rows, *rest.rows)} == {TODAY}
        events = await session.scalars(
            select(AuditEvent.action).where(session.within(AuditEvent), AuditEvent.subject_id == hand_over.id)
        )
        assert list(events) == ["clients.hand_over.plan"]


async def test_scheduled_takes_effect_on_its_day_and_not_before(database: Database, tmp_path: Path) -> None:
    place = await a_place(database)
    old, new = place.people
    selection = HandOverSelection(client_ids=tuple(place.clients))
    async with database.write(place.tenant, HEAD) as session:
        hand_over = await plan_hand_over(
            session, selection, new, effective_on=LATER, reason="片区调整", today=TODAY, to_unit=ToUnit.KEEP
        )
        assert hand_over.status == HandOverStatus.SCHEDULED
    async with database.write(place.tenant, HEAD) as session:
        assert await apply_due_hand_overs(session, LATER - timedelta(days=1)) == 0
        assert (await the_client(session, place.clients[0])).owner_id == old
        await make_changes(session, place)
        run = await request_run(session, RUN_KIND, period=str(LATER), parameters={"on": str(LATER)})
    done = await drive(database, place.tenant, HEAD, run.id, RunTools(LocalFileStore(tmp_path)))
    assert done.counts == {"hand_overs": 1}
    async with database.read(place.tenant, HEAD) as session:
        line = await hand_over_of(session, hand_over.id, today=TODAY)
        assert (line.status, line.clients, line.skipped) == (HandOverStatus.APPLIED, 3, 2)
        items = await hand_over_items(session, hand_over.id, today=TODAY)
        assert {item.client_id: item.outcome for item in items.rows} == {
            place.clients[0]: Outcome.MOVED,
            place.clients[1]: Outcome.OWNER_CHANGED,
            place.clients[2]: Outcome.CLIENT_MERGED,
        }
        moved = await the_client(session, place.clients[0])
        assert (moved.owner_id, moved.unit_id) == (new, place.units[0])
        assert await history(session, moved.id) == [(SINCE, LATER, old), (LATER, FOREVER, new)]
        assert (await the_client(session, place.clients[1])).owner_id is None
    assert set(OUTCOMES) == set(Outcome)


async def make_changes(session: WriteSession, place: Place) -> None:
    (await the_client(session, place.clients[1])).owner_id = None
    (await the_client(session, place.clients[2])).status = ClientStatus.MERGED


async def test_a_recipient_who_left_meanwhile_gets_nothing(database: Database) -> None:
    place = await a_place(database)
    async with database.write(place.tenant, HEAD) as session:
        hand_over = await plan_hand_over(
            session, by_id(place), place.people[1], effective_on=LATER, reason="调整", today=TODAY
        )
    async with database.write(place.tenant, TESTS) as session:
        person = await session.get(User, place.people[1])
        assert person is not None
        person.status = UserStatus.DISABLED
    async with database.write(place.tenant, HEAD) as session:
        assert await apply_due_hand_overs(session, LATER) == 1
        items = await hand_over_items(session, hand_over.id, today=LATER)
        assert {item.outcome for item in items.rows} == {Outcome.RECIPIENT_GONE}
        assert (await the_client(session, place.clients[0])).owner_id == place.people[0]
        with pytest.raises(InvalidInput) as refused:
            await plan_hand_over(session, by_id(place), place.people[1], effective_on=LATER, reason="调整", today=TODAY)
    assert [problem.path for problem in refused.value.problems] == [("to_owner_id",)]


def by_id(place: Place, count: int | None = None) -> HandOverSelection:
    return HandOverSelection(client_ids=tuple(place.clients[:count]))


async def test_bad_input_names_every_field(database: Database) -> None:
    place = await a_place(database, 1)
    selections = (HandOverSelection(), HandOverSelection(client_ids=tuple(place.clients), tiers=("A",)))
    for selection in selections:
        async with database.write(place.tenant, HEAD) as session:
            with pytest.raises(InvalidInput) as refused:
                await plan_hand_over(
                    session, selection, HEAD.id, effective_on=TODAY - timedelta(days=1), reason=" ", today=TODAY
                )
        assert {problem.path[0] for problem in refused.value.problems} == {
            "selection",
            "reason",
            "effective_on",
            "to_owner_id",
        }
    async with database.write(place.tenant, actor_with(CLIENTS_VIEW)) as session:
        with pytest.raises(Forbidden):
            await plan_hand_over(session, by_id(place), None, effective_on=TODAY, reason="x", today=TODAY)


async def test_clients_out_of_reach_or_waiting_are_named(database: Database) -> None:
    place = await a_place(database, 25)
    elsewhere = actor_with(CLIENTS_ASSIGN, scope=Scope.SUBTREE, unit_id=place.units[1])
    async with database.write(place.tenant, elsewhere) as session:
        with pytest.raises(ClientsOutOfReach) as hidden:
            await plan_hand_over(session, by_id(place), place.people[1], effective_on=TODAY, reason="调整", today=TODAY)
        assert (len(hidden.value.client_ids), hidden.value.values["count"]) == (20, 25)
        with pytest.raises(NothingToHandOver):
            await plan_hand_over(
                session,
                HandOverSelection(owner_id=place.people[0]),
                place.people[1],
                effective_on=TODAY,
                reason="调整",
                today=TODAY,
            )
    async with database.write(place.tenant, HEAD) as session:
        await plan_hand_over(session, by_id(place, 22), place.people[1], effective_on=LATER, reason="一", today=TODAY)
    async with database.write(place.tenant, HEAD) as session:
        with pytest.raises(ClientsInHandOver) as waiting:
            await plan_hand_over(session, by_id(place), None, effective_on=LATER, reason="二", today=TODAY)
    assert (len(waiting.value.client_ids), waiting.value.values["count"]) == (20, 22)
    assert "测试客户" in waiting.value.text.zh


async def test_two_plans_at_once_do_not_take_the_same_client(database: Database) -> None:
    place = await a_place(database)

    async def plan(session: WriteSession) -> None:
        await plan_hand_over(session, by_id(place), None, effective_on=LATER, reason="并发", today=TODAY)

    assert isinstance(await meanwhile(database, place.tenant, HEAD, plan, plan), ClientsInHandOver)


async def test_undone_before_its_day_and_never_after(database: Database) -> None:
    place = await a_place(database)
    async with database.write(place.tenant, HEAD) as session:
        hand_over = await plan_hand_over(
            session, by_id(place), place.people[1], effective_on=LATER, reason="调整", today=TODAY
        )
    async with database.write(place.tenant, HEAD) as session:
        with pytest.raises(HandOverNotApplied):
            await reverse_hand_over(session, hand_over.id, effective_on=TODAY, reason="退回", today=TODAY)
        undone = await undo_hand_over(session, hand_over.id, today=TODAY, reason="计划取消")
        assert (undone.status, undone.undone_by) == (HandOverStatus.UNDONE, HEAD.id)
    async with database.write(place.tenant, HEAD) as session:
        assert await apply_due_hand_overs(session, LATER) == 0
        with pytest.raises(HandOverOver):
            await undo_hand_over(session, hand_over.id, today=TODAY)
        again = await plan_hand_over(
            session, by_id(place), place.people[1], effective_on=TODAY, reason="调整", today=TODAY
        )
        with pytest.raises(HandOverOver):
            await undo_hand_over(session, again.id, today=TODAY)


async def test_an_opposite_hand_over_gives_back_what_did_not_change_since(database: Database) -> None:
    place = await a_place(database, 4)
    old, new = place.people
    async with database.write(place.tenant, HEAD) as session:
        hand_over = await plan_hand_over(session, by_id(place), new, effective_on=TODAY, reason="调整", today=TODAY)
    next_day = TODAY + timedelta(days=1)
    one, two = (HandOverSelection(client_ids=(client_id,)) for client_id in place.clients[:2])
    async with database.write(place.tenant, HEAD) as session:
        await plan_hand_over(session, one, None, effective_on=next_day, reason="入公海", today=next_day)
        await plan_hand_over(session, two, None, effective_on=LATER, reason="以后入公海", today=next_day)
    async with database.write(place.tenant, HEAD) as session:
        back = await reverse_hand_over(session, hand_over.id, effective_on=next_day, reason="移交有误", today=next_day)
        assert (back.status, back.clients, back.skipped) == (HandOverStatus.APPLIED, 4, 2)
        items = await hand_over_items(session, back.id, today=next_day)
        outcomes = {item.client_id: item.outcome for item in items.rows}
        assert [outcomes[client_id] for client_id in place.clients] == [
            Outcome.OWNER_CHANGED,
            Outcome.IN_HAND_OVER,
            Outcome.MOVED,
            Outcome.MOVED,
        ]
        client = await the_client(session, place.clients[3])
        assert (client.owner_id, client.unit_id) == (old, place.units[0])
        with pytest.raises(NothingToHandOver):
            await reverse_hand_over(session, hand_over.id, effective_on=next_day, reason="再退", today=next_day)


async def test_lists_show_what_the_actor_reaches(database: Database) -> None:
    place = await a_place(database, 2)
    async with database.write(place.tenant, TESTS) as session:
        other = make_client(session, owner_id=place.people[1], unit_id=place.units[1])
    both = HandOverSelection(client_ids=(*place.clients, other.id))
    async with database.write(place.tenant, HEAD) as session:
        hand_over = await plan_hand_over(session, both, None, effective_on=LATER, reason="调整", today=TODAY)
    partly = actor_with(CLIENTS_ASSIGN, scope=Scope.TEAM, unit_id=place.units[1])
    stranger = actor_with(CLIENTS_ASSIGN, scope=Scope.OWN)
    async with database.write(place.tenant, partly) as session:
        page = await hand_overs(session, HandOverQuery(), today=TODAY)
        assert [line.id for line in page.rows] == [hand_over.id]
        items = await hand_over_items(session, hand_over.id, today=TODAY)
        assert [item.client_id for item in items.rows] == [other.id]
        with pytest.raises(HandOverOutsideReach):
            await undo_hand_over(session, hand_over.id, today=TODAY)
    async with database.write(place.tenant, stranger) as session:
        assert (await hand_overs(session, HandOverQuery(), today=TODAY)).rows == ()
        with pytest.raises(HandOverNotFound):
            await undo_hand_over(session, hand_over.id, today=TODAY)
        with pytest.raises(HandOverNotFound):
            await hand_over_items(session, hand_over.id, today=TODAY)
    async with database.read(place.tenant, HEAD) as session:
        for query, found in (
            (HandOverQuery(person_id=place.people[0], client_id=other.id), True),
            (HandOverQuery(person_id=HEAD.id), False),
            (HandOverQuery(statuses=frozenset({HandOverStatus.APPLIED})), False),
            (HandOverQuery(requested_by=HEAD.id, effective_from=LATER, effective_until=LATER), True),
            (HandOverQuery(effective_from=LATER + timedelta(days=1)), False),
        ):
            assert bool((await hand_overs(session, query, today=TODAY)).rows) is found
        with pytest.raises(InvalidInput):
            await hand_overs(session, HandOverQuery(), today=TODAY, paging=Paging(cursor="bm9uc2Vuc2U="))


@pytest.mark.parametrize("seed", range(3))
async def test_rows_of_ownership_never_overlap_nor_leave_gaps(database: Database, seed: int) -> None:
    """Against a plain model: a dictionary of who owns each client on each day."""
    chance = random.Random(seed)
    place = await a_place(database, 6)
    owners: Sequence[UUID | None] = (*place.people, None)
    owned = dict.fromkeys(place.clients, place.people[0])
    days: dict[date, dict[UUID, UUID | None]] = {}
    model: dict[UUID, UUID | None] = dict(owned)
    day = TODAY
    for _ in range(25):
        day += timedelta(days=chance.choice((0, 0, 1, 5)))
        chosen = tuple(chance.sample(place.clients, chance.randint(1, 6)))
        target = chance.choice(owners)
        async with database.write(place.tenant, HEAD) as session:
            try:
                await plan_hand_over(
                    session, HandOverSelection(client_ids=chosen), target, effective_on=day, reason="随机", today=day
                )
            except NothingToHandOver:
                continue
        model.update(dict.fromkeys(chosen, target))
        days[day] = dict(model)
    async with database.read(place.tenant, HEAD) as session:
        for client_id in place.clients:
            rows = await history(session, client_id)
            assert rows[0][0] == SINCE
            assert rows[-1][1] == FOREVER
            assert all(before[1] == after[0] for before, after in pairwise(rows))
            assert (await the_client(session, client_id)).owner_id == rows[-1][2] == model[client_id]
            for on, held in days.items():
                assert [row[2] for row in rows if row[0] <= on < row[1]] == [held[client_id]]


async def test_less_than_one_cannot_be_applied_at_once(database: Database) -> None:
    place = await a_place(database, 1)
    for at_most in (0, -3):
        with pytest.raises(InvalidInput):
            async with database.write(place.tenant, TESTS) as session:
                await apply_due_hand_overs(session, TODAY, at_most=at_most)
