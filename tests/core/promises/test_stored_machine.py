"""Random people do random things about a stored service request while time passes: what the rules forbid is refused and
changes nothing, clocks count minutes of business hours and none while the client is awaited, and break once."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from copy import deepcopy
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import select

from steward_core.calendars.offices import offices
from steward_core.promises import leg_commands
from steward_core.promises import request_commands as commands
from steward_core.promises.courses import running
from steward_core.promises.models import (
    DefinitionKind,
    PromiseClock,
    PromiseEvent,
    RequestEvent,
    RequestLeg,
    ServiceRequest,
)
from steward_core.promises.setting import set_promise
from steward_tenants.clock import simulated
from steward_tenants.database.actor import Actor
from steward_tenants.database.database import Database
from steward_tenants.database.session import WriteSession
from steward_tenants.errors import StewardError
from tests.cluster import Addresses
from tests.core.promises.company import Company, look, make_company
from tests.core.promises.model import DAY, LEG_ACTS, LIMITS, MINUTE, ROUND, WAY, WORD, ModelLeg, ModelRequest
from tests.core.promises.office import at
from tests.factories import TESTS

FULL = os.environ.get("STEWARD_TEST_FULL") == "1"
T = TypeVar("T")
ACTS = sorted(WAY)
TOGETHER = ("answer", "cancel", "close", "confirm", "reopen", "resume", "wait")
STARTS = [at(text) for text in ("2026-11-05 10:00", "2026-11-05 16:40", "2026-11-06 17:10", "2026-11-08 09:00")]
DEFINITIONS: dict[str, tuple[str, tuple[str, ...]]] = {
    WORD: ("business_minutes", ("responded", "answered")),
    ROUND: ("business_minutes", ("confirmed", "closed")),
    DAY: ("calendar_minutes", ("arrived", "closed")),
}
Work = Callable[[WriteSession], Awaitable[object]]


class StoredRequests(RuleBasedStateMachine):
    """A request of its own for each example, in a company that all share. Moments are whole minutes."""

    runner: asyncio.Runner
    database: Database
    company: Company

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    def person(self, name: str) -> Actor:
        found: Actor = getattr(self.company, name)
        return found

    @initialize(start=st.sampled_from(STARTS))
    def begin(self, start: datetime) -> None:
        self.model = ModelRequest(start)
        self.request: UUID | None = None
        self.over: dict[UUID, dict[str, Any]] = {}

        async def opened(session: WriteSession) -> None:
            self.request = (
                await commands.open_service_request(session, self.company.client, kind="wish", title="想要发票")
            ).id

        assert self.run(self.sent("anna", opened)) is None
        self.stored = self.run(self.look_up())

    async def sent(self, name: str, work: Work) -> str | None:
        """The code with which a command is refused."""
        with simulated(self.model.now):
            try:
                async with self.database.write(self.company.tenant_id, self.person(name)) as session:
                    await work(session)
            except StewardError as refused:
                return refused.code
        return None

    async def look_up(self) -> dict[str, Any]:
        """What is stored of the request, and how much time its clocks have left."""
        async with self.database.read(self.company.tenant_id, TESTS) as session:
            found: dict[str, Any] = {}
            of_request = RequestLeg.request_id == self.request
            legs = await session.scalars(
                select(RequestLeg).where(session.within(RequestLeg), of_request).order_by(RequestLeg.number)
            )
            self.leg_ids = [leg.id for leg in legs]
            numbers: dict[UUID | None, int | None] = {leg.id: leg.number for leg in legs} | {self.request: None}
            clocks = await session.scalars(
                select(PromiseClock).where(session.within(PromiseClock), PromiseClock.subject_id.in_(numbers))
            )
            request = await session.find(ServiceRequest, ServiceRequest.id == self.request)
            found["request"] = columns(request)
            found["legs"] = [columns(leg) for leg in legs]
            found["clocks"] = {(row.promise, numbers[row.subject_id], row.occurrence): columns(row) for row in clocks}
            times = await offices(session, {row.unit_id for row in clocks})
            self.left = {row.id: running(row, times).standing(self.model.now).remaining for row in clocks}
            ids = [row.id for row in clocks]
            notes = select(PromiseEvent.clock_id, PromiseEvent.event).where(
                session.within(PromiseEvent), PromiseEvent.clock_id.in_(ids)
            )
            found["notes"] = Counter((one, event) for one, event in await session.rows(notes))
            acts = select(RequestEvent.act).where(session.within(RequestEvent), RequestEvent.request_id == self.request)
            found["acts"] = Counter(await session.scalars(acts))
        return found

    def held(self, name: str, work: Work, wanted: str | None) -> None:
        """A command, held against what the model says of it."""
        before = self.stored
        code = self.run(self.sent(name, work))
        self.stored = self.run(self.look_up())
        assert code == wanted, (name, code, wanted)
        if wanted is not None:
            assert self.stored == before, "a refusal left something"
        else:
            assert sum(self.stored["acts"].values()) > sum(before["acts"].values()), "nothing is on record"

    # What people do -------------------------------------------------------------------------------------------------

    @rule(act=st.sampled_from(ACTS), other=st.sampled_from(["anna", "ben"]), stale=st.integers(0, 9))
    def somebody_acts(self, act: str, other: str, stale: int) -> None:
        self.acts(act, other, stale=stale == 0)

    @rule(data=st.data(), other=st.sampled_from(["anna", "ben"]))
    def what_is_possible_is_done(self, data: st.DataObject, other: str) -> None:
        possible = [one for one in ACTS if self.model.refusal(one) is None]
        self.acts(data.draw(st.sampled_from(possible)), other, stale=False)

    def acts(self, act: str, other: str, *, stale: bool) -> None:
        person = "engineer" if act == "add leg" else other
        versioned = act not in {"note", "respond", "milestone", "add leg"}
        owner = self.model.owner
        wanted = "request_changed" if versioned and stale else self.model.act(act, person)
        self.held(owner, self.work(act, person, stale=stale and versioned), wanted)

    def work(self, act: str, other: str = "", *, stale: bool = False) -> Work:
        version: dict[str, Any] = {"expected_version": self.stored["request"]["version"] - 1} if stale else {}
        request = self.request
        assert request is not None
        one = request
        works: dict[str, Work] = {
            "note": lambda session: commands.note_on_request(session, one, note="来电"),
            "respond": lambda session: commands.respond_to_request(session, one),
            "milestone": lambda session: commands.reach_milestone(session, one, "arrived"),
            "add leg": lambda session: commands.add_leg(
                session,
                one,
                kind="billing",
                title="退费",
                owner_id=self.person(other).id,
                limit={"count": 60, "unit": "business_minutes"},
            ),
            "transfer": lambda session: commands.transfer_request(session, one, self.person(other).id, **version),
            "wait": lambda session: commands.wait_for_client(session, one, reason="等钥匙", **version),
            "resume": lambda session: commands.resume_request(session, one, **version),
            "answer": lambda session: commands.answer_request(session, one, answer="已寄出", **version),
            "confirm": lambda session: commands.confirm_request(session, one, satisfaction=5, **version),
            "close": lambda session: commands.close_request(session, one, **version),
            "reopen": lambda session: commands.reopen_request(session, one, reason="没收到", **version),
            "cancel": lambda session: commands.cancel_request(session, one, reason="撤回", **version),
        }
        return works[act]

    @rule(act=st.sampled_from(LEG_ACTS), which=st.integers(0, 3), by_owner=st.booleans())
    def somebody_acts_on_a_leg(self, act: str, which: int, by_owner: bool) -> None:
        if not self.model.legs:
            return
        leg = self.model.legs[which % len(self.model.legs)]
        name = leg.owner if by_owner else self.model.owner
        wanted = self.model.leg_act(leg, act, "engineer" if leg.owner == "ben" else "ben")
        self.held(name, self.leg_work(leg, act), wanted)

    def leg_work(self, leg: ModelLeg, act: str) -> Work:
        leg_id, owner = self.leg_ids[leg.number - 1], leg.owner
        works: dict[str, Work] = {
            "finish": lambda session: leg_commands.finish_leg(session, leg_id, result="已退"),
            "cancel": lambda session: leg_commands.cancel_leg(session, leg_id, reason="无需"),
            "wait": lambda session: leg_commands.wait_with_leg(session, leg_id, reason="客户不在"),
            "resume": lambda session: leg_commands.resume_leg(session, leg_id),
            "transfer": lambda session: leg_commands.transfer_leg(session, leg_id, self.person(owner).id),
        }
        return works[act]

    @rule(act=st.sampled_from(ACTS), leg_act=st.sampled_from(LEG_ACTS))
    def strangers_find_nothing(self, act: str, leg_act: str) -> None:
        self.held("engineer", self.work(act, "ben"), "request_not_found")
        for leg in self.model.legs:
            for name in {"ben", "engineer"} - {leg.owner, self.model.owner}:
                self.held(name, self.leg_work(leg, leg_act), "leg_not_found")

    @rule(first=st.sampled_from(TOGETHER), second=st.sampled_from(TOGETHER))
    def two_at_once(self, first: str, second: str) -> None:
        """Two windows of the one who has it: what comes of it is what one after the other would have given."""
        orders = []
        for order in ((first, second), (second, first)):
            after = deepcopy(self.model)
            codes = [after.act(act) for act in order]
            orders.append((codes if order == (first, second) else codes[::-1], after))
        owner = self.model.owner
        works = [self.work(first), self.work(second)]

        async def both() -> list[str | None]:
            return list(await asyncio.gather(*(self.sent(owner, work) for work in works)))

        found = self.run(both())
        self.stored = self.run(self.look_up())
        fitting = [after for codes, after in orders if codes == found]
        assert fitting, (first, second, found)
        self.model = next(one for one in fitting if one.status == self.stored["request"]["status"])

    @rule(minutes=st.sampled_from([1, 7, 45, 46, 90, 240, 525, 900]))
    def time_passes(self, minutes: int) -> None:
        """And the watcher looks at what is due."""
        self.model.pass_minutes(minutes)

        async def watched() -> None:
            with simulated(self.model.now):
                await look(self.database, self.company, self.model.now)

        self.run(watched())
        self.stored = self.run(self.look_up())

    # What always holds -----------------------------------------------------------------------------------------------

    @invariant()
    def request_and_legs_stand_where_the_model_does(self) -> None:
        request = self.stored["request"]
        assert (request["status"], request["reopened"]) == (self.model.status, self.model.reopened)
        assert request["owner_id"] == self.person(self.model.owner).id
        assert (request["closed_at"] is not None) is (self.model.status in {"closed", "cancelled"})
        assert [leg["status"] for leg in self.stored["legs"]] == [leg.status for leg in self.model.legs]
        assert [leg["owner_id"] for leg in self.stored["legs"]] == [
            self.person(one.owner).id for one in self.model.legs
        ]

    @invariant()
    def clocks_count_what_the_model_counts(self) -> None:
        rows = self.stored["clocks"]
        assert set(rows) == {(one.promise, one.subject, one.occurrence) for one in self.model.clocks}
        for one in self.model.clocks:
            row = rows[one.promise, one.subject, one.occurrence]
            assert row["state"] in one.states(self.model.now), one
            assert (row["ended_at"], row["paused_at"]) == (one.ended, one.paused_at), one
            broken = one.due is not None and (one.ended or self.model.now) > one.due
            if one.how != "cancelled":
                assert (row["breach"] is not None) is broken, one
            if one.due is not None:
                assert row["due_at"] == one.due, one
            elif one.ended is None:
                assert self.left[row["id"]] == (one.limit - one.counted) * MINUTE, one
            notes = self.stored["notes"]
            assert notes[row["id"], "breached"] <= 1
            assert notes[row["id"], "kept"] + notes[row["id"], "late"] + notes[row["id"], "cancelled"] == (
                one.ended is not None
            )

    @invariant()
    def what_has_ended_never_changes(self) -> None:
        """A clock that ended, a leg that is over; and of a request that ended nothing but what is noted."""
        now = {row["id"]: row for row in self.stored["clocks"].values() if row["ended_at"] is not None}
        now |= {row["id"]: row for row in self.stored["legs"] if row["ended_at"] is not None}
        request = self.stored["request"]
        if request["closed_at"] is not None:
            kept = {name: value for name, value in request.items() if name not in {"updated_at", "version"}}
            now[request["id"]] = kept
        if self.over.get(request["id"], {}).get("reopened") != request["reopened"]:
            self.over.pop(request["id"], None)
        for one, row in self.over.items():
            assert now[one] == row
        self.over = now


def columns(row: Any) -> dict[str, Any]:
    return {one.key: getattr(row, one.key) for one in row.__mapper__.column_attrs}


async def prepared(database: Database) -> Company:
    company = await make_company(database)
    async with database.write(company.tenant_id, company.admin) as session:
        for key, (unit, kept_by) in DEFINITIONS.items():
            document: dict[str, Any] = {
                "title": {"zh": key, "en": key},
                "trigger": "request_opened",
                "clock": {"limit": {"count": LIMITS[key][0], "unit": unit}},
                "kept_by": kept_by,
            }
            if key == WORD:
                document["clock"]["warning"] = {"share_percent": 50}
            await set_promise(session, DefinitionKind.PROMISE, key, document=document)
        leg = {
            "title": {"zh": "环节", "en": "Leg"},
            "trigger": "leg_opened",
            "clock": {"limit": {"count": 60, "unit": "business_minutes"}},
            "kept_by": ["leg_done"],
        }
        await set_promise(session, DefinitionKind.PROMISE, "core.request_leg", document=leg)
    return company


def test_no_sequence_of_commands_stores_what_the_rules_forbid(addresses: Addresses, database_name: str) -> None:
    with asyncio.Runner() as runner:
        database = Database(addresses.settings(database_name))
        company = runner.run(prepared(database))
        try:
            run_state_machine_as_test(
                type("InCompany", (StoredRequests,), {"runner": runner, "database": database, "company": company}),
                settings=settings(
                    max_examples=80 if FULL else 10,
                    stateful_step_count=40 if FULL else 16,
                    deadline=timedelta(minutes=5),
                    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # shrinking takes minutes here
                ),
            )
        finally:
            runner.run(database.dispose())
