"""Random people send random commands to stored approvals: what the rules refuse is refused and changes nothing, what
they accept is stored, and what is stored is what the trail gives."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import delete, select, update

from steward_core.approvals import service
from steward_core.approvals.absences import set_absence
from steward_core.approvals.defining import set_definition
from steward_core.approvals.jobs import do_what_is_due, look_again
from steward_core.approvals.ledger import Case, read_cases
from steward_core.approvals.models import Approval, ApprovalAbsence, ApprovalSeat
from steward_core.approvals.queries import differences
from steward_core.approvals.rules import decide
from steward_core.approvals.state import AS_APPROVER, ENDS, WITH_REQUESTER, Status
from steward_core.approvals.trail import Act, Entry, Resolution
from steward_tenants.database.database import Database
from steward_tenants.database.identifiers import new_id
from steward_tenants.errors import StewardError
from tests.cluster import Addresses
from tests.core.approvals.company import THINGS, TODAY, Company, Thing, make_company
from tests.factories import TESTS

T = TypeVar("T")
PEOPLE = st.sampled_from(["anna", "bo", "chen", "ella", "fiona", "gm", "admin"])
ACTS = st.sampled_from(sorted(AS_APPROVER, key=lambda act: act.value))


def documents(company: Company) -> list[dict[str, Any]]:
    """Three definitions, each for things of as many days: a supervisor then the top, everybody, two of some."""
    supervisor, lead = {"by": "supervisor"}, {"by": "unit_lead", "levels_up": 20}
    finance, ella = {"by": "role", "role": "finance"}, {"by": "user", "user": str(company.id("ella"))}
    steps: list[list[dict[str, Any]]] = [
        [
            {"kind": "any", "approvers": [supervisor], "remind_after": [60], "expires_after": 120},
            {"kind": "any", "approvers": [lead], "empty": "to_admin"},
        ],
        [{"kind": "all", "approvers": [supervisor, finance]}, {"kind": "sequence", "approvers": [ella, lead]}],
        [{"kind": "n_of_m", "need": 2, "approvers": [supervisor, finance, ella], "empty": "to_admin"}],
    ]
    return [
        {
            "key": f"machine_{number}",
            "subject": "tests_thing",
            "title": {"zh": "事", "en": "Thing"},
            "when": {"match": "all", "clauses": [{"field": "days", "operator": "eq", "value": number}]},
            "steps": [
                {"key": f"s{place}", "title": {"zh": f"第{place}步", "en": f"Step {place}"}, **one}
                for place, one in enumerate(listed)
            ],
        }
        for number, listed in enumerate(steps, 1)
    ]


class StoredApprovals(RuleBasedStateMachine):
    """One approval at a time, in a company that all runs share."""

    runner: asyncio.Runner
    company: Company

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    @initialize(days=st.integers(1, 3), asker=st.sampled_from(["anna", "bo"]))
    def start(self, days: int, asker: str) -> None:
        thing = Thing(self.company.id("anna"), self.company.team, values={"days": days})
        self.thing_id, self.approval = self.run(self.company.ask_thing(thing, asker))
        self.case, self.seats = self.run(self.stored())
        self.asker = asker

    async def stored(self) -> tuple[Case, list[ApprovalSeat]]:
        async with self.company.database.read(self.company.tenant, TESTS) as session:
            (case,) = await read_cases(session, Approval.id == self.approval, lock=False)
            seats = await session.scalars(
                select(ApprovalSeat).where(session.within(ApprovalSeat), ApprovalSeat.approval_id == self.approval)
            )
            return case, list(seats)

    def send(self, name: str, entry: Entry, call: Coroutine[Any, Any, Any]) -> None:
        """A command, held against what the rules say of it."""
        before = self.case
        try:
            decide(before.definition, before.trail, entry)
            allowed = True
        except StewardError:
            allowed = False
        try:
            self.run(call)
            done = True
        except StewardError:
            done = False
        self.case, self.seats = self.run(self.stored())
        after = self.case
        assert done is allowed, f"{name} {entry.act} on {before.state.status}"
        assert after.trail[: len(before.trail)] == before.trail, "a trail only grows"
        if not done:
            assert len(after.trail) == len(before.trail), "a refusal left something"
            return
        assert before.state.status not in ENDS, "something after the end"
        own = after.trail[len(before.trail)]
        assert (own.act, own.actor) == (entry.act, self.company.id(name))
        assert all(one.actor is None for one in after.trail[len(before.trail) + 1 :])
        if entry.act in {Act.APPROVE, Act.REJECT}:
            assert self.company.id(name) not in {before.state.requester, self.company.id("anna")}, "a self-approval"

    @rule(name=PEOPLE, act=ACTS, other=PEOPLE, stale=st.integers(0, 5), step=st.sampled_from([None, "s0"]))
    def somebody_acts(self, name: str, act: Act, other: str, stale: int, step: str | None) -> None:
        turn = self.case.state.turn - (stale == 0)
        self.act(name, act, other, turn, step)

    @rule(data=st.data(), other=PEOPLE, step=st.sampled_from([None, "s0"]))
    def whoever_is_asked_acts(self, data: st.DataObject, other: str, step: str | None) -> None:
        names = {user.id: name for name, user in self.company.people.items()}
        if self.seats:
            name = data.draw(st.sampled_from(sorted(names[seat.user_id] for seat in self.seats)))
            act = data.draw(st.sampled_from([Act.APPROVE, Act.APPROVE, *sorted(AS_APPROVER, key=str)]))
            self.act(name, act, other, self.case.state.turn, step)

    def act(self, name: str, act: Act, other: str, turn: int, step: str | None) -> None:
        taking = act in {Act.ADD_BEFORE, Act.ADD_AFTER, Act.DELEGATE, Act.TRANSFER}
        person = self.company.id(other) if taking else None
        step = step if act is Act.SEND_BACK else None
        entry = Entry(
            new_id(), act, datetime.now(UTC), self.company.id(name), turn, person=person, step=step, reason="理由"
        )
        more: dict[str, Any] = {"person": person, "step": step, "reason": "理由", "key": entry.id}
        self.send(name, entry, self.company.do(name, self.approval, act, turn=turn, **more))

    @rule(name=PEOPLE)
    def somebody_withdraws(self, name: str) -> None:
        entry = Entry(new_id(), Act.WITHDRAW, datetime.now(UTC), self.company.id(name))

        async def withdraw() -> None:
            async with self.company.database.write(self.company.tenant, await self.company.actor(name)) as session:
                await service.withdraw(session, self.approval)

        self.send(name, entry, withdraw())

    @rule()
    def it_is_submitted_again(self) -> None:
        """A fresh one where the last has ended."""
        before = self.case.state.status

        async def again() -> UUID:
            actor = await self.company.actor(self.asker)
            async with self.company.database.write(self.company.tenant, actor) as session:
                return (await service.start(session, "tests_thing", self.thing_id, today=TODAY)).id

        try:
            found = self.run(again())
        except StewardError:
            assert before is Status.RUNNING
            return
        assert before is not Status.RUNNING
        assert (found == self.approval) is (before in WITH_REQUESTER)
        self.approval = found
        self.case, self.seats = self.run(self.stored())

    @rule(gone=PEOPLE, person=PEOPLE)
    def an_administrator_replaces(self, gone: str, person: str) -> None:
        admins = Resolution({}, administrators=(self.company.id("admin"),))
        ids: dict[str, Any] = {"instead_of": self.company.id(gone), "person": self.company.id(person)}
        entry = Entry(
            new_id(), Act.REPLACE, datetime.now(UTC), self.company.id("admin"), None, resolution=admins, **ids
        )

        async def replace() -> None:
            async with self.company.database.write(self.company.tenant, await self.company.actor("admin")) as session:
                await service.replace_approver(session, self.approval, **ids)

        self.send("admin", entry, replace())

    @rule(away=PEOPLE, other=PEOPLE)
    def somebody_goes_away(self, away: str, other: str) -> None:
        if away == other:
            return

        async def go() -> None:
            now = datetime.now(UTC)
            async with self.company.database.write(self.company.tenant, TESTS) as session:
                await session.execute(delete(ApprovalAbsence).where(session.within(ApprovalAbsence)))
                ids = {"user_id": self.company.id(away), "substitute_id": self.company.id(other)}
                await set_absence(session, starts_at=now, ends_at=now + timedelta(hours=1), **ids)
                await look_again(session, Approval.id == self.approval)

        self.run(go())
        self.case, self.seats = self.run(self.stored())

    @rule()
    def everybody_is_back(self) -> None:
        async def back() -> None:
            async with self.company.database.write(self.company.tenant, TESTS) as session:
                await session.execute(delete(ApprovalAbsence).where(session.within(ApprovalAbsence)))
                await look_again(session, Approval.id == self.approval)

        self.run(back())
        self.case, self.seats = self.run(self.stored())

    @rule(minutes=st.sampled_from([30, 61, 121]))
    def time_passes(self, minutes: int) -> None:
        before = self.case
        now = datetime.now(UTC) + timedelta(minutes=minutes)
        self.run(do_what_is_due(self.company.database, self.company.tenant, now))
        self.case, self.seats = self.run(self.stored())
        after = self.case
        assert (len(after.trail) > len(before.trail)) is (before.state.due(now) is not None)
        assert after.state.due(now) is None

    @invariant()
    def what_is_stored_is_what_the_trail_gives(self) -> None:
        case = self.case
        assert list(differences(case.approval, case.state, self.seats)) == []
        told = THINGS[self.thing_id].told or []
        if case.state.status is not Status.RUNNING:
            assert told[-1][0].value == case.state.status.value, "the domain knows otherwise"

    def teardown(self) -> None:
        async def tidy() -> None:
            async with self.company.database.write(self.company.tenant, TESTS) as session:
                await session.execute(delete(ApprovalAbsence).where(session.within(ApprovalAbsence)))
                await session.execute(
                    update(Approval).where(session.within(Approval)).values(status="expired", next_at=None)
                )

        self.run(tidy())


def test_no_sequence_of_commands_stores_what_the_rules_forbid(addresses: Addresses, database_name: str) -> None:
    with asyncio.Runner() as runner:
        database = Database(addresses.settings(database_name))
        company = runner.run(prepared(database))
        try:
            run_state_machine_as_test(
                type("InCompany", (StoredApprovals,), {"runner": runner, "company": company}),
                settings=settings(max_examples=12, stateful_step_count=10, deadline=None),
            )
        finally:
            runner.run(database.dispose())


async def prepared(database: Database) -> Company:
    company = await make_company(database)
    async with database.write(company.tenant, await company.actor("admin")) as session:
        for document in documents(company):
            await set_definition(session, document=document)
    return company
