"""Random people do random things to stored plans, through a month and the next: what the rules forbid is refused under
its own code and changes nothing, what they allow leads where the work-method software [002] says."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from datetime import date
from functools import partial
from itertools import pairwise
from pathlib import Path
from tempfile import gettempdir
from typing import Any, TypeVar
from uuid import UUID

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

import steward_core.months.commands  # noqa: F401 - declares the runs
from steward_core.approvals import service as approvals
from steward_core.clients.ownership import move, moves_to
from steward_core.months.models import BusinessMonth, MonthStatus
from steward_core.months.service import close_month
from steward_core.plans import service
from steward_core.plans.actions import add_action, drop_action, move_action, record_result
from steward_core.plans.generation import generate
from steward_core.plans.service import start_due, tick_visit
from steward_core.runs.service import RunTools, drive
from steward_tenants.database.database import Database
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import WriteSession
from steward_tenants.errors import StewardError
from steward_tenants.files.store import LocalFileStore
from tests.cluster import Addresses
from tests.core.plans.way import (
    BACK,
    DECISIONS,
    LEADS,
    OWNERS,
    PLAN_KEPT,
    REFUSED_DECISIONS,
    TAKES,
    WAITS,
    WAY,
    NothingAsked,
    Seen,
    action_over,
    both,
    changed,
    decided,
    edit_of,
    look,
    not_theirs,
    refusals,
    sealed,
)
from tests.core.plans.worlds import DECEMBER, NOVEMBER, Team, done_visit, make_team
from tests.factories import TESTS

FULL = os.environ.get("STEWARD_TEST_FULL") == "1"
ZONE = "Asia/Shanghai"
T = TypeVar("T")

STATES = {after for ways in (*WAY.values(), *TAKES.values()) for after in ways.values()} - {BACK}
HAPPY = (
    ("manager", "submit"),
    ("lead", "approve"),
    ("manager", "start"),
    ("manager", "submit_results"),
    ("lead", "approve"),
)
PEOPLE = st.sampled_from([*OWNERS, *LEADS])
MOVES = ("submit", "withdraw", "start", "submit_results", "let_through")
EDITS = ("add", "move", "drop", "record_done", "record_open")


class StoredPlans(RuleBasedStateMachine):
    """One company for each example: a manager with clients, a colleague, two supervisors."""

    runner: asyncio.Runner
    database: Database

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    @initialize(steps=st.integers(0, len(HAPPY)))
    def begin(self, steps: int) -> None:
        self.team = self.run(self._prepared())
        self.today = date(2026, 11, 3)
        self.closed: Seen | None = None
        self.came_from: dict[UUID, str] = {}
        self.seen = self.run(look(self.database, self.team))
        for name, what in HAPPY[:steps]:
            if what in DECISIONS:
                self.decided(self.plan("manager", NOVEMBER.start), name, what)
            else:
                self.moved(self.plan("manager", NOVEMBER.start), name, what, stale=False)

    async def _prepared(self) -> Team:
        team = await make_team(self.database)
        async with self.database.write(team.tenant, TESTS) as session:
            await generate(session, NOVEMBER)
            session.add(BusinessMonth(id=new_id(), month=NOVEMBER.start, status=MonthStatus.OPEN.value))
        return team

    def plan(self, owner: str, month: date) -> UUID:
        """The plan of a manager in a month, or of the manager in November where there is none."""
        named = {(row["owner"], row["month"]): one for one, row in self.seen.plans.items()}
        return named.get((owner, month)) or named["manager", NOVEMBER.start]

    def sent(self, name: str, work: Callable[[WriteSession], Awaitable[object]], reasons: Sequence[str]) -> bool:
        """A command, held against the reasons for which the model refuses it; whether it was done."""
        before = self.seen

        async def send() -> str | None:
            try:
                async with self.database.write(
                    self.team.tenant, self.team[getattr(self.team, name)] if name else TESTS
                ) as session:
                    await work(session)
            except StewardError as refused:
                return refused.code
            return None

        code = self.run(send())
        self.seen = self.run(look(self.database, self.team))
        if reasons:
            assert code in reasons, (name, code, reasons)
            assert self.seen == before, "a refusal left something"
            return False
        assert code is None, (name, code)
        return True

    def stepped(self, plan_id: UUID, before: Seen, after: str, *, step: bool) -> None:
        """A plan went where the model says, with that step on record and nothing else changed in any plan."""
        row, was = self.seen.plans[plan_id], before.plans[plan_id]
        assert row["state"] == after, (was["state"], row["state"], after)
        assert len(self.seen.steps[plan_id]) == len(before.steps[plan_id]) + step
        if step:
            assert self.seen.steps[plan_id][-1] == (was["state"], after)
        assert set(changed(before.plans, self.seen.plans)) <= {plan_id}

    # What people do -------------------------------------------------------------------------------------------------

    @rule(name=PEOPLE, what=st.sampled_from(MOVES), owner=st.sampled_from(OWNERS), stale=st.integers(0, 7))
    def somebody_moves_a_plan(self, name: str, what: str, owner: str, stale: int) -> None:
        month = DECEMBER.start if stale % 2 else NOVEMBER.start
        self.moved(self.plan(owner, month), name, what, stale=stale == 0)

    @rule()
    def the_next_step_is_taken(self) -> None:
        """What the month is waiting for."""
        self._next_step()

    @rule()
    def and_the_next(self) -> None:
        self._next_step()

    def _next_step(self) -> None:
        plan_id = self.plan("manager", self.seen.newest if self.closed else NOVEMBER.start)
        state = self.seen.plans[plan_id]["state"]
        if state in WAITS:
            self.decided(plan_id, "lead", "approve")
        elif state in {"rejected", "results_rejected"}:
            self.edited(plan_id, "manager", "drop" if state == "rejected" else "record_open", 0, 0, stale=False)
        else:
            what = next((one for one in ("submit", "start", "submit_results") if state in WAY[one]), "let_through")
            self.moved(plan_id, "manager", what, stale=False)

    def moved(self, plan_id: UUID, name: str, what: str, *, stale: bool) -> None:
        before, row = self.seen, self.seen.plans[plan_id]
        reasons = refusals(row, name, what, self.today)
        versioned = what not in {"withdraw", "let_through"}
        if versioned and stale:
            reasons.append("plan_changed")
        version = {"expected_version": row["version"] - stale} if versioned else {}

        async def work(session: WriteSession) -> object:
            if what == "let_through":
                return await service.let_through(session, plan_id, reason="病假", today=self.today)
            command: Any = getattr(service, what)
            return await command(session, plan_id, today=self.today, **version)

        if not self.sent(name, work, reasons):
            return
        state, now = row["state"], self.seen.plans[plan_id]
        if what == "let_through":
            self.stepped(plan_id, before, state, step=True)
            assert now["let_through"] == state
            return
        after = WAY[what][state]
        if what in {"submit", "submit_results"}:
            self.came_from[plan_id] = state
        self.stepped(plan_id, before, self.came_from[plan_id] if after is BACK else after, step=True)
        assert now["let_through"] is None, "it was let through as it stood"
        assert self.seen.actions == before.actions

    @rule(
        name=st.sampled_from(["manager", "manager", *OWNERS, *LEADS]),
        what=st.sampled_from(EDITS),
        which=st.integers(0, 5),
        client=st.integers(0, 2),
        stale=st.integers(0, 7),
    )
    def somebody_changes_what_it_holds(self, name: str, what: str, which: int, client: int, stale: int) -> None:
        month = DECEMBER.start if stale % 2 else NOVEMBER.start
        self.edited(self.plan("manager", month), name, what, which, client, stale=stale == 0)

    def edited(self, plan_id: UUID, name: str, what: str, which: int, client: int, *, stale: bool) -> None:
        before, row, today = self.seen, self.seen.plans[plan_id], self.today
        held = [one for one, action in before.actions.items() if action["plan_id"] == plan_id]
        if what != "add" and not held:
            return
        client_id = self.team.clients[client]
        action_id = held[which % len(held)] if what != "add" else None
        edit = edit_of(row, name, what)
        reasons = sealed(row) + (["plan_changed"] if stale else [])
        helps = what == "add" and name in LEADS
        missing = "plan_not_found" if what == "add" else "plan_action_not_found"
        reasons += [] if helps else not_theirs(row, name, missing)
        reasons += ["plan_not_editable"] if row["state"] not in TAKES[edit] else []
        if what == "add":
            owner = before.owners[client_id]
            reasons += ["client_not_of_plan"] if owner != row["owner"] else []
        else:
            assert action_id is not None
            reasons += action_over(before, action_id, what)
        day = row["month"].replace(day=20)

        async def work(session: WriteSession) -> object:
            if action_id is None:
                return await add_action(
                    session,
                    plan_id,
                    client_id=client_id,
                    day=day,
                    title="带资料",
                    today=today,
                    expected_version=row["version"] - stale,
                )
            known = before.actions[action_id]["version"] - stale
            if what == "move":
                return await move_action(session, action_id, day=day, today=today, expected_version=known)
            if what == "drop":
                return await drop_action(session, action_id, reason="不去了", today=today, expected_version=known)
            done = what == "record_done"
            return await record_result(
                session, action_id, done=done, result="未遇", today=today, expected_version=known
            )

        if not self.sent(name, work, reasons):
            return
        after = TAKES[edit][row["state"]]
        self.stepped(plan_id, before, after, step=after != row["state"])
        touched = changed(before.actions, self.seen.actions)
        if action_id is None:
            (made,) = touched
            found = self.seen.actions[made]
            assert made not in before.actions
            assert (found["plan_id"], found["temporary"], found["carried"]) == (plan_id, edit == "temporary", 0)
            return
        assert set(touched) <= {action_id}
        wanted = {"drop": "dropped", "move": "open", "record_done": "done", "record_open": "open"}[what]
        assert self.seen.actions[action_id]["status"] == wanted

    @rule(name=PEOPLE, what=st.sampled_from(sorted(DECISIONS)), owner=st.sampled_from(OWNERS), newest=st.booleans())
    def somebody_decides(self, name: str, what: str, owner: str, newest: bool) -> None:
        self.decided(self.plan(owner, self.seen.newest if newest else NOVEMBER.start), name, what)

    def decided(self, plan_id: UUID, name: str, what: str) -> None:
        before, row = self.seen, self.seen.plans[plan_id]
        waits = WAITS.get(row["state"]) if row["closed_at"] is None else None

        async def decide(session: WriteSession) -> object:
            subject = waits or "visit_plan_results"
            asked = await approvals.of_subject(session, subject, plan_id)
            if asked is None:
                raise NothingAsked
            return await approvals.decide(
                session, asked.id, act=DECISIONS[what], turn=asked.turn, reason="意见", today=self.today
            )

        may = waits is not None and name in LEADS
        if self.sent(name, decide, [] if may else REFUSED_DECISIONS):
            self.stepped(plan_id, before, decided(row["state"], what), step=True)
            assert self.seen.plans[plan_id]["decided_by"] == getattr(self.team, name).id
            assert self.seen.actions == before.actions
            assert plan_id not in self.seen.running

    @rule(
        first=st.sampled_from(sorted(DECISIONS)),
        second=st.sampled_from([*sorted(DECISIONS), "withdraw", "taken back"]),
    )
    def two_at_once(self, first: str, second: str) -> None:
        """A supervisor decides while another does, or while the owner takes it back: one of them does."""
        plan_id = self.plan("manager", NOVEMBER.start)
        before, row = self.seen, self.seen.plans[plan_id]
        if row["state"] not in WAITS or row["closed_at"] is not None:
            return
        won = self.run(both(self.database, self.team, plan_id, WAITS[row["state"]], first, second, self.today))
        self.seen = self.run(look(self.database, self.team))
        back = won in {"withdraw", "taken back"}
        self.stepped(plan_id, before, self.came_from[plan_id] if back else decided(row["state"], won), step=True)
        assert self.seen.actions == before.actions
        assert plan_id not in self.seen.running

    # What happens by itself, or above a plan -------------------------------------------------------------------------

    @rule()
    def the_next_month_begins(self) -> None:
        self.today = date(2026, 12, 2)

    @rule()
    def the_platform_starts_what_is_approved(self) -> None:
        before = self.seen
        due = {
            one
            for one, row in before.plans.items()
            if (row["state"], row["closed_at"]) == ("approved", None) and self.today >= row["month"]
        }
        for month in (NOVEMBER, DECEMBER):
            self.sent("", partial(start_due, month=month.start, today=self.today), [])
        assert set(changed(before.plans, self.seen.plans)) == due
        assert {self.seen.plans[one]["state"] for one in due} <= {"in_execution"}

    @rule(client=st.integers(0, 2))
    def a_client_is_visited(self, client: int) -> None:
        """It counts at the client's open cadence action; a month that is closed is not touched."""
        before, client_id = self.seen, self.team.clients[client]

        async def visit(session: WriteSession) -> None:
            await tick_visit(session, done_visit(session, client_id, self.team.manager.id, self.today))

        self.sent("", visit, [])
        assert self.seen.plans == before.plans
        touched = changed(before.actions, self.seen.actions)
        wanted = {
            one
            for one, row in before.open_at(client_id).items()
            if not row["source"].startswith("temporary") and before.plans[row["plan_id"]]["closed_at"] is None
        }
        assert set(touched) == wanted
        for one in touched:
            was, row = before.actions[one], self.seen.actions[one]
            assert row["visited"] == was["visited"] + 1
            assert (row["status"] == "done") is (row["visited"] >= len(row["visits"]))

    @rule(client=st.integers(0, 2), to=st.sampled_from(["stranger", "manager", "the pool"]))
    def a_client_changes_hands(self, client: int, to: str) -> None:
        """Open actions go into the new owner's plan of the latest month; those of a closed month stay in it until a
        later one is there, and are counted out when they leave."""
        before, client_id = self.seen, self.team.clients[client]
        if before.owners[client_id] == (None if to == "the pool" else to):
            return
        owner_id = None if to == "the pool" else getattr(self.team, to).id

        async def hand(session: WriteSession) -> None:
            await move(session, moves_to(session, [client_id], owner_id, None), on=self.today, reason="换人")

        self.sent("", hand, [])
        left: dict[UUID, int] = {}
        for one, row in before.open_at(client_id).items():
            plan = before.plans[row["plan_id"]]
            month = max(plan["month"], before.newest)
            stays = owner_id is None or (plan["owner"], plan["month"]) == (to, month)
            stays = stays or (plan["closed_at"] is not None and month == plan["month"])
            now = self.seen.actions[one]
            home = self.seen.plans[now["plan_id"]]
            assert (home["owner"], home["month"]) == ((plan["owner"], plan["month"]) if stays else (to, month))
            assert now["carried"] == row["carried"]
            if not stays and month > plan["month"]:
                left[row["plan_id"]] = left.get(row["plan_id"], 0) + 1
        assert set(changed(before.actions, self.seen.actions)) <= set(before.open_at(client_id))
        self._counted_out(before, left)

    @rule()
    def the_next_month_is_opened(self) -> None:
        """What is open is carried over once, and counted by the plan that it left."""
        before = self.seen
        self.sent("", partial(generate, month=DECEMBER), [])
        filled = {
            row["owner"]: one
            for one, row in self.seen.plans.items()
            if row["month"] == DECEMBER.start
            and row["generated_at"] is not None
            and (one not in before.plans or before.plans[one]["generated_at"] is None)
        }
        left: dict[UUID, int] = {}
        for one, row in before.actions.items():
            now, plan = self.seen.actions[one], before.plans[row["plan_id"]]
            owner = before.owners[row["client_id"]]
            carried = row["status"] == "open" and plan["month"] < DECEMBER.start and owner in filled
            assert now["carried"] == row["carried"] + carried
            if carried:
                assert now["plan_id"] == filled[owner]
                left[row["plan_id"]] = left.get(row["plan_id"], 0) + 1
            else:
                assert now["plan_id"] == row["plan_id"]
        self._counted_out(before, left)

    def _counted_out(self, before: Seen, left: dict[UUID, int]) -> None:
        for one, row in before.plans.items():
            assert self.seen.plans[one]["carried_out"] == row["carried_out"] + left.get(one, 0), row

    @rule(help_out=st.booleans())
    def the_month_is_closed(self, help_out: bool) -> None:
        """Plans without approved results block it, unless a supervisor lets them through."""
        if self.closed is not None:
            return
        november = [one for one, row in self.seen.plans.items() if row["month"] == NOVEMBER.start]
        for one in november if help_out else []:
            if self._blocks(one):
                self.moved(one, "lead", "let_through", stale=False)
        before = self.seen
        blocked = any(self._blocks(one) for one in november)

        async def close(session: WriteSession) -> None:
            month = await close_month(session, NOVEMBER.start, today=DECEMBER.start, zone=ZONE)
            closing.append(month.closing_run_id)

        closing: list[UUID | None] = []
        if not self.sent("", close, ["month_blocked"] if blocked else []):
            return
        (run_id,) = closing
        assert run_id is not None
        folder = Path(gettempdir())
        self.run(drive(self.database, self.team.tenant, TESTS, run_id, RunTools(LocalFileStore(folder), folder)))
        self.closed = self.seen = self.run(look(self.database, self.team))
        assert self.seen.actions == before.actions
        assert self.seen.steps == before.steps
        for one, names in changed(before.plans, self.seen.plans).items():
            assert one in november
            assert names == {"closed_at", "version"}
        assert all(self.seen.plans[one]["closed_at"] is not None for one in november)

    def _blocks(self, plan_id: UUID) -> bool:
        row = self.seen.plans[plan_id]
        return row["state"] not in {"results_approved", row["let_through"]}

    # What always holds -----------------------------------------------------------------------------------------------

    @invariant()
    def every_plan_stands_where_its_record_leads(self) -> None:
        for one, row in self.seen.plans.items():
            steps = self.seen.steps[one]
            assert row["state"] in STATES
            assert all(first[1] == then[0] for first, then in pairwise(steps))
            assert (steps[0][0], steps[-1][1]) == ("planned", row["state"]) if steps else row["state"] == "planned"
            assert (one in self.seen.running) is (row["state"] in WAITS and row["closed_at"] is None)

    @invariant()
    def what_was_sealed_stays(self) -> None:
        """A sealed plan and what was done in it change no more; what stood open may only leave it, counted."""
        if self.closed is None:
            return
        kept = {one: row for one, row in self.closed.plans.items() if row["closed_at"] is not None}
        november = {one for one, row in self.seen.plans.items() if row["month"] == NOVEMBER.start}
        assert november == set(kept), "a plan of a closed month was made"
        for one, row in kept.items():
            now = self.seen.plans[one]
            assert all(now[name] == row[name] for name in PLAN_KEPT)
            assert self.seen.steps[one] == self.closed.steps[one]
            held = {key: action for key, action in self.closed.actions.items() if action["plan_id"] == one}
            gone = 0
            for key, action in held.items():
                left = self.seen.actions[key]["plan_id"] != one
                assert action["status"] == "open" or not left
                assert left or self.seen.actions[key] == action
                gone += left
            assert now["carried_out"] == row["carried_out"] + gone
            assert {key for key, action in self.seen.actions.items() if action["plan_id"] == one} <= set(held)


def test_no_sequence_of_commands_leads_where_the_rules_do_not(addresses: Addresses, database_name: str) -> None:
    with asyncio.Runner() as runner:
        database = Database(addresses.settings(database_name))
        try:
            run_state_machine_as_test(
                type("InCompany", (StoredPlans,), {"runner": runner, "database": database}),
                settings=settings(
                    max_examples=100 if FULL else 8,
                    stateful_step_count=30 if FULL else 14,
                    deadline=None,
                    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # shrinking takes minutes here
                ),
            )
        finally:
            runner.run(database.dispose())
