"""The way of a plan as the domain tells it [002], for tests that hold the stored service against it: nothing of it is
taken from the rules under test."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import select

from steward_core.approvals import service as approvals
from steward_core.approvals.models import Approval
from steward_core.approvals.trail import Act
from steward_core.clients.models import Client
from steward_core.plans import service
from steward_core.plans.models import PlanAction, PlanTransition, VisitPlan
from steward_tenants.database.database import Database
from steward_tenants.errors import StewardError
from tests.core.plans.worlds import NOVEMBER, Team
from tests.factories import TESTS

BACK = "where it came from"
WAY: dict[str, dict[str, str]] = {
    "submit": {"planned": "submitted", "edited": "submitted"},
    "withdraw": {"submitted": BACK, "results_submitted": BACK},
    "approve": {"submitted": "approved", "results_submitted": "results_approved"},
    "reject": {"submitted": "rejected", "results_submitted": "results_rejected"},
    "start": {"approved": "in_execution"},
    "submit_results": {"in_execution": "results_submitted", "corrected": "results_submitted"},
}
TAKES: dict[str, dict[str, str]] = {
    "change": {"planned": "planned", "rejected": "edited", "edited": "edited"},
    "temporary": {"approved": "approved", "in_execution": "in_execution"},
    "record": {"in_execution": "in_execution", "results_rejected": "corrected", "corrected": "corrected"},
}
WAITS = {"submitted": "visit_plan", "results_submitted": "visit_plan_results"}
"""The states in which a plan is decided on, each with the subject of its approval."""
UNCHANGED = {("submit", "rejected"), ("submit_results", "results_rejected")}
"""What was rejected is changed before it is submitted again."""
LEADS, OWNERS = ("lead", "other_lead"), ("manager", "stranger")
DECISIONS: dict[str, Act] = {"approve": Act.APPROVE, "reject": Act.REJECT, "send_back": Act.SEND_BACK}
REFUSED_DECISIONS = (
    "nothing_asked",
    "approval_not_found",
    "approval_not_running",
    "approval_over",
    "approval_own_matter",
    "approval_not_your_turn",
)

PLAN_KEPT = (
    "state", "submitted_by", "submitted_from", "submitted_at", "approval_id", "decided_by", "decided_at", "reason",
    "let_through", "generated_at", "spread_at", "closed_at",
)  # fmt: skip
ACTION_KEPT = (
    "plan_id", "client_id", "source", "status", "visited", "visits", "days", "planned_on", "carried", "temporary",
    "result", "done_on", "title", "version",
)  # fmt: skip


class NothingAsked(StewardError):
    """There is no approval to decide on."""

    code = "nothing_asked"


@dataclass
class Seen:
    """What is stored at a moment, by ids: plans with the steps that they took, actions, the plans that are being decided
    on, whose each client is, and the latest month whose plans were made."""

    plans: dict[UUID, dict[str, Any]] = field(default_factory=dict)
    actions: dict[UUID, dict[str, Any]] = field(default_factory=dict)
    steps: dict[UUID, list[tuple[str, str]]] = field(default_factory=dict)
    running: set[UUID] = field(default_factory=set)
    owners: dict[UUID, str | None] = field(default_factory=dict)
    newest: date = NOVEMBER.start

    def open_at(self, client: UUID) -> dict[UUID, dict[str, Any]]:
        return {one: row for one, row in self.actions.items() if (row["client_id"], row["status"]) == (client, "open")}


def changed(before: dict[UUID, dict[str, Any]], after: dict[UUID, dict[str, Any]]) -> dict[UUID, set[str]]:
    """Which rows are not as they were, each with the names of what changed; a row that is new names all."""
    return {
        one: names
        for one, row in after.items()
        if (names := {name for name, value in row.items() if one not in before or before[one][name] != value})
    }


def name_of(team: Team, user_id: UUID | None) -> str | None:
    """What somebody of the team is called; None is nobody."""
    people = {getattr(team, name).id: name for name in (*OWNERS, *LEADS)}
    return None if user_id is None else people[user_id]


async def look(database: Database, team: Team) -> Seen:
    """What is stored now."""
    found = Seen()
    async with database.read(team.tenant, TESTS) as session:
        for plan in await session.scalars(select(VisitPlan).where(session.within(VisitPlan))):
            row = {name: getattr(plan, name) for name in (*PLAN_KEPT, "month", "carried_out", "version")}
            found.plans[plan.id] = row | {"owner": name_of(team, plan.owner_id)}
            found.steps[plan.id] = []
            if plan.generated_at is not None:
                found.newest = max(found.newest, plan.month)
        for one in await session.scalars(select(PlanAction).where(session.within(PlanAction))):
            found.actions[one.id] = {name: getattr(one, name) for name in ACTION_KEPT}
        steps = select(PlanTransition).where(session.within(PlanTransition)).order_by(PlanTransition.id)
        for step in await session.scalars(steps):
            found.steps[step.plan_id].append((step.before, step.after))
        running = select(Approval.subject_id).where(session.within(Approval), Approval.status == "running")
        found.running = set(await session.scalars(running))
        owners = await session.rows(select(Client.id, Client.owner_id).where(session.within(Client)))
        found.owners = {client: name_of(team, owner) for client, owner in owners}
    return found


def refusals(row: Mapping[str, Any], name: str, what: str, today: date) -> list[str]:
    """The codes of all reasons for which somebody may not move a plan so; empty: they may."""
    state, reasons = row["state"], []
    if what == "let_through":
        reasons += ["forbidden"] if name not in LEADS else []
        reasons += ["override_not_needed"] if state == "results_approved" else []
    else:
        reasons += not_theirs(row, name, "plan_not_found")
        if state not in WAY[what]:
            reasons.append("plan_needs_editing" if (what, state) in UNCHANGED else "plan_state_forbids")
        if what == "start" and today < row["month"]:
            reasons.append("plan_month_ahead")
    return reasons + sealed(row)


def not_theirs(row: Mapping[str, Any], name: str, missing: str) -> list[str]:
    """Why somebody does not do what its owner does: others know nothing of it, supervisors see it."""
    if name == row["owner"]:
        return []
    return ["plan_not_yours"] if name in LEADS else [missing]


def sealed(row: Mapping[str, Any]) -> list[str]:
    """Nothing is done about a plan of a closed month."""
    return ["plan_closed"] if row["closed_at"] is not None else []


def edit_of(row: Mapping[str, Any], name: str, what: str) -> str:
    """Which kind of change it is, by what `TAKES` calls it."""
    if what in {"record_done", "record_open"}:
        return "record"
    if what != "add":
        return "change"
    return "change" if row["state"] in TAKES["change"] and name == row["owner"] else "temporary"


def action_over(seen: Seen, action_id: UUID, what: str) -> list[str]:
    """What is done or dropped is not touched again, but for a result that was recorded by mistake: unless the same is
    asked for elsewhere meanwhile."""
    action = seen.actions[action_id]
    over = {"open": False, "done": what in {"move", "drop"}, "dropped": True}[action["status"]]
    if action["status"] == "done" and what == "record_open":
        over = any(one["source"] == action["source"] for one in seen.open_at(action["client_id"]).values())
    return ["plan_action_not_open"] if over else []


def decided(state: str, what: str) -> str:
    """Where a decision leads; what is sent back is a rejection."""
    return WAY["approve" if what == "approve" else "reject"][state]


async def both(
    database: Database, team: Team, plan_id: UUID, subject: str, first: str, second: str, today: date
) -> str:
    """Two people act at once; the act of the one who did."""
    async with database.read(team.tenant, TESTS) as session:
        asked = await approvals.of_subject(session, subject, plan_id)
    assert asked is not None
    started = asyncio.Barrier(2)

    async def one(name: str, what: str) -> str | None:
        try:
            async with database.write(team.tenant, team[getattr(team, name)]) as session:
                await session.get(VisitPlan, plan_id)
                await started.wait()
                if what == "withdraw":
                    await service.withdraw(session, plan_id, today=today)
                elif what == "taken back":
                    await approvals.withdraw(session, asked.id, today=today)
                else:
                    act = DECISIONS[what]
                    await approvals.decide(session, asked.id, act=act, turn=asked.turn, reason="意见", today=today)
        except StewardError as refusal:
            refused.append(refusal.code)
            return None
        return what

    refused: list[str] = []
    done = await asyncio.gather(one("lead", first), one("other_lead" if second in DECISIONS else "manager", second))
    (won,) = [what for what in done if what is not None]
    assert set(refused) <= {*REFUSED_DECISIONS, "plan_state_forbids", "plan_needs_editing"}, refused
    return won
