"""Commands on opportunities: opened, changed, moved through their stages, lost, reopened; who is in the team."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select, union
from sqlalchemy.dialects.postgresql import insert

from steward_core.approvals.service import withdraw_moot
from steward_core.clients.checks import WORKING, problem, refuse
from steward_core.clients.holdings import Cleaner, Fields, cleaned, fen, line, text
from steward_core.clients.models import Client
from steward_core.clients.rules import clean_day, reason_problem
from steward_core.clients.service import client_to_change
from steward_core.opportunities.errors import MemberNotFound, OpportunityNotLost, StageMoveRefused
from steward_core.opportunities.models import (
    DiscountRequest,
    LostReason,
    Opportunity,
    OpportunityMember,
    OpportunityStep,
    Outcome,
    Proposal,
)
from steward_core.opportunities.reach import opportunity_of, to_change
from steward_core.opportunities.rules import CERTAIN, IMPOSSIBLE, goes_back, probability_at, stage_titles
from steward_core.opportunities.settings import STAGES, Stage
from steward_core.permissions import OPPORTUNITIES_EDIT
from steward_core.promises.service import cancel_all, end_all
from steward_core.visits.models import Visit
from steward_tenants.audit.service import Subject, record
from steward_tenants.clock import clock_now
from steward_tenants.commands.service import command
from steward_tenants.configuration.queries import get_setting
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import TenantSession, WriteSession
from steward_tenants.people.models import User
from steward_tenants.people.rules import Unacceptable
from steward_tenants.texts import Bilingual

SUBJECT = "opportunity"
LARGEST_TEAM = 50
LOST = Bilingual("商机已丢单", "The opportunity was lost")
SIGNED = Bilingual("商机已签约", "The opportunity was signed")


def _percent(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= CERTAIN:
        raise Unacceptable("percent", "成功概率为 0 到 100 的整数。", "Give a probability from 0 to 100.")
    return value


FIELDS: Mapping[str, Cleaner] = {
    "title": line(200),
    "need": text,
    "amount": fen,
    "probability": _percent,
    "expected_on": clean_day,
}
_REQUIRED = {"title"}


@command("opportunities.open", "新建商机", "Open an opportunity", permission=OPPORTUNITIES_EDIT)
async def open_opportunity(
    session: WriteSession,
    client_id: UUID,
    *,
    fields: Fields,
    today: date,
    stage: str | None = None,
    visit_id: UUID | None = None,
) -> Opportunity:
    """A new opportunity at a client, at the tenant's first stage unless another is named.

    `fields`: those of `FIELDS`; without a probability it is the stage's. It belongs to the client's owner and unit (a
    client of the public pool: to the actor). `visit_id`: the visit of this client that it came from.
    Raises ClientNotFound, ClientIsMerged, InvalidInput naming every bad field.
    """
    client = await client_to_change(session, client_id, OPPORTUNITIES_EDIT, today=today)
    stages = await get_setting(session, STAGES)
    values, problems = cleaned(fields, FIELDS, _REQUIRED, new=True)
    at = stage or stages[0].key
    usual = probability_at(stages, at)
    if usual is None:
        problems.append(_no_such_stage(stages))
    if visit_id is not None:
        visit = await session.find(Visit, Visit.id == visit_id, Visit.client_id == client.id)
        if visit is None:
            problems.append(problem("visit_id", "unknown", "该客户没有此次走访。", "The client has no such visit."))
    refuse(problems)
    mine = client.owner_id is None
    opportunity = Opportunity(
        id=new_id(),
        client_id=client.id,
        stage=at,
        outcome=Outcome.OPEN.value,
        owner_id=session.actor.id if mine else client.owner_id,
        unit_id=client.unit_id if client.unit_id is not None else session.actor.unit_id,
        visit_id=visit_id,
        created_by=session.actor.id,
        **{**dict.fromkeys(FIELDS), **values, "probability": _or(values.get("probability"), usual)},
    )
    session.add(opportunity)
    await session.flush()
    note_step(session, opportunity, before=None)
    await record(
        session,
        "opportunities.open",
        Subject(SUBJECT, opportunity.id),
        after={**values, "client_id": client.id, "stage": at, "visit_id": visit_id},
    )
    return opportunity


@command("opportunities.change", "修改商机", "Change an opportunity", permission=OPPORTUNITIES_EDIT)
async def change_opportunity(
    session: WriteSession,
    opportunity_id: UUID,
    *,
    fields: Fields,
    today: date,
    expected_version: int | None = None,
) -> Opportunity:
    """Change the given fields of an open opportunity; None empties one, and gives the probability back to the stage.

    Raises OpportunityNotFound, OpportunityChanged, OpportunityEnded, InvalidInput naming every bad field.
    """
    opportunity = await to_change(session, opportunity_id, today=today, expected_version=expected_version)
    values, problems = cleaned(fields, FIELDS, _REQUIRED, new=False)
    refuse(problems)
    if "probability" in values and values["probability"] is None:
        stages = await get_setting(session, STAGES)
        usual = probability_at(stages, opportunity.stage)
        values["probability"] = _or(usual, opportunity.probability)
    before = {name: getattr(opportunity, name) for name in values}
    for name, value in values.items():
        setattr(opportunity, name, value)
    opportunity.updated_at = clock_now()
    await session.flush()
    await record(session, "opportunities.change", Subject(SUBJECT, opportunity.id), before=before, after=values)
    return opportunity


@command("opportunities.move", "变更商机阶段", "Move an opportunity to another stage", permission=OPPORTUNITIES_EDIT)
async def move_opportunity(
    session: WriteSession,
    opportunity_id: UUID,
    stage: str,
    *,
    today: date,
    reason: str | None = None,
    expected_version: int | None = None,
) -> Opportunity:
    """Take an open opportunity to another of the tenant's stages, whose probability it takes; back only with a reason.

    It is signed through its contract and delivered with its last order. Raises OpportunityNotFound, OpportunityChanged,
    OpportunityEnded, StageMoveRefused, InvalidInput.
    """
    opportunity = await to_change(session, opportunity_id, today=today, expected_version=expected_version)
    stages = await get_setting(session, STAGES)
    usual = probability_at(stages, stage)
    if usual is None:
        refuse([_no_such_stage(stages)])
    if stage == opportunity.stage:
        raise StageMoveRefused(stage=stage_titles(stages)[stage])
    said = _reason(reason, needed=goes_back(stages, opportunity.stage, stage))
    await _stand(session, opportunity, stage, probability=_or(usual, opportunity.probability), reason=said)
    return opportunity


@command("opportunities.lose", "登记丢单", "Record that an opportunity was lost", permission=OPPORTUNITIES_EDIT)
async def lose_opportunity(
    session: WriteSession,
    opportunity_id: UUID,
    *,
    lost_reason: LostReason,
    today: date,
    note: str | None = None,
    expected_version: int | None = None,
) -> Opportunity:
    """An open opportunity was lost, and why.

    Raises OpportunityNotFound, OpportunityChanged, OpportunityEnded, InvalidInput.
    """
    opportunity = await to_change(session, opportunity_id, today=today, expected_version=expected_version)
    values, problems = cleaned({"note": note}, {"note": text}, (), new=False)
    refuse(problems)
    opportunity.lost_reason, opportunity.lost_note = lost_reason.value, values["note"]
    said = values["note"] or lost_reason.title.zh
    await _stand(session, opportunity, Outcome.LOST.value, probability=IMPOSSIBLE, reason=said, outcome=Outcome.LOST)
    return opportunity


@command("opportunities.reopen", "重新打开商机", "Reopen a lost opportunity", permission=OPPORTUNITIES_EDIT)
async def reopen_opportunity(
    session: WriteSession,
    opportunity_id: UUID,
    *,
    reason: str,
    today: date,
    stage: str | None = None,
    expected_version: int | None = None,
) -> Opportunity:
    """A lost opportunity goes on, at the tenant's first stage unless another is named. It is its client's owner's.

    Raises OpportunityNotFound, OpportunityChanged, OpportunityNotLost, InvalidInput.
    """
    known = await opportunity_of(session, opportunity_id, OPPORTUNITIES_EDIT, today=today)
    # Whoever hands the client over now comes before or after: nobody else lets this one follow.
    client = await session.find(Client, Client.id == known.client_id, lock=True)
    opportunity = await to_change(session, opportunity_id, today=today, expected_version=expected_version, ended=True)
    if opportunity.outcome != Outcome.LOST:
        raise OpportunityNotLost(title=opportunity.title)
    said = _reason(reason, needed=True)
    stages = await get_setting(session, STAGES)
    at = stage or stages[0].key
    usual = probability_at(stages, at)
    if usual is None:
        refuse([_no_such_stage(stages)])
    if client is not None and client.owner_id is not None:
        opportunity.owner_id, opportunity.unit_id = client.owner_id, client.unit_id
    opportunity.lost_reason = opportunity.lost_note = None
    await _stand(session, opportunity, at, probability=_or(usual, 0), reason=said)
    return opportunity


@command("opportunities.member.set", "加入商机团队", "Put somebody into the team", permission=OPPORTUNITIES_EDIT)
async def set_member(
    session: WriteSession, opportunity_id: UUID, user_id: UUID, *, today: date, part: str | None = None
) -> Opportunity:
    """Put a person into an opportunity's team, or change what they do in it; they see and work on it from now on.

    Raises OpportunityNotFound, OpportunityEnded, InvalidInput.
    """
    opportunity = await to_change(session, opportunity_id, today=today)
    values, problems = cleaned({"part": part}, {"part": line(100)}, (), new=False)
    person = await session.find(User, User.id == user_id, User.status.in_(WORKING))
    if person is None:
        problems.append(problem("user_id", "unknown", "没有此在职人员。", "Nobody of that id works here."))
    members = await session.scalars(
        select(OpportunityMember.user_id).where(
            session.within(OpportunityMember), OpportunityMember.opportunity_id == opportunity.id
        )
    )
    if user_id not in members and len(members) >= LARGEST_TEAM:
        said = Bilingual(f"团队最多 {LARGEST_TEAM} 人。", f"A team has at most {LARGEST_TEAM} people.")
        problems.append(problem("user_id", "too_many", *said))
    refuse(problems)
    statement = insert(OpportunityMember).values(
        tenant_id=session.tenant_id,
        opportunity_id=opportunity.id,
        user_id=user_id,
        part=values["part"],
        added_by=session.actor.id,
    )
    keys = [OpportunityMember.tenant_id, OpportunityMember.opportunity_id, OpportunityMember.user_id]
    await session.execute(statement.on_conflict_do_update(index_elements=keys, set_={"part": values["part"]}))
    after = {"user_id": user_id, "part": values["part"]}
    await record(session, "opportunities.member.set", Subject(SUBJECT, opportunity.id), after=after)
    return opportunity


@command("opportunities.member.remove", "移出商机团队", "Take somebody out of the team", permission=OPPORTUNITIES_EDIT)
async def remove_member(session: WriteSession, opportunity_id: UUID, user_id: UUID, *, today: date) -> Opportunity:
    """Take a person out of an opportunity's team. Raises OpportunityNotFound, OpportunityEnded, MemberNotFound."""
    opportunity = await to_change(session, opportunity_id, today=today)
    member = await session.find(
        OpportunityMember, OpportunityMember.opportunity_id == opportunity.id, OpportunityMember.user_id == user_id
    )
    if member is None:
        raise MemberNotFound
    await session.delete(member)
    await session.flush()
    before = {"user_id": user_id, "part": member.part}
    await record(session, "opportunities.member.remove", Subject(SUBJECT, opportunity.id), before=before)
    return opportunity


async def advance(session: WriteSession, opportunity: Opportunity, stage: str, reason: Bilingual) -> None:
    """Bring an open, locked opportunity forward to a stage, where the tenant has it and it lies ahead."""
    stages = await get_setting(session, STAGES)
    usual = probability_at(stages, stage)
    if usual is None or stage == opportunity.stage or goes_back(stages, opportunity.stage, stage):
        return
    await _stand(session, opportunity, stage, probability=usual, reason=reason.zh)


async def end(session: WriteSession, opportunity: Opportunity, outcome: Outcome, reason: Bilingual) -> None:
    """A locked opportunity was signed or delivered."""
    if opportunity.outcome != outcome:
        await _stand(session, opportunity, outcome.value, probability=CERTAIN, reason=reason.zh, outcome=outcome)


def note_step(
    session: WriteSession, opportunity: Opportunity, *, before: str | None, reason: str | None = None
) -> None:
    """Write down where an opportunity stands now and where it came from."""
    session.add(
        OpportunityStep(
            id=new_id(),
            opportunity_id=opportunity.id,
            before=before,
            after=opportunity.stage,
            outcome=opportunity.outcome,
            amount=opportunity.amount,
            probability=opportunity.probability,
            by=session.actor.id,
            reason=reason,
        )
    )


async def titles(session: TenantSession) -> dict[str, Bilingual]:
    """The titles of the tenant's stages, the endings among them."""
    stages = await get_setting(session, STAGES)
    return stage_titles(stages)


async def _stand(
    session: WriteSession,
    opportunity: Opportunity,
    stage: str,
    *,
    probability: int,
    reason: str | None,
    outcome: Outcome = Outcome.OPEN,
) -> None:
    before, now = opportunity.stage, clock_now()
    was = {"stage": before, "probability": opportunity.probability}
    opportunity.stage, opportunity.outcome, opportunity.probability = stage, outcome.value, probability
    opportunity.stage_since = opportunity.updated_at = now
    if outcome is Outcome.OPEN:
        opportunity.ended_at = None
    elif outcome is not Outcome.DELIVERED:
        opportunity.ended_at = now
        await _stop_calls(session, opportunity, outcome, now)
        await _stop_asking(session, opportunity, outcome)
    await session.flush()
    note_step(session, opportunity, before=before, reason=reason)
    await record(
        session,
        "opportunities.move",
        Subject(SUBJECT, opportunity.id),
        before=was,
        after={"stage": stage, "outcome": outcome.value, "probability": probability},
        reason=reason,
    )


async def _stop_calls(session: WriteSession, opportunity: Opportunity, outcome: Outcome, now: datetime) -> None:
    """Nobody calls any more for the client's view of what was signed or lost."""
    ids = await session.scalars(
        select(Proposal.id).where(session.within(Proposal), Proposal.opportunity_id == opportunity.id)
    )
    if ids and outcome is Outcome.LOST:
        await cancel_all(session, subject="proposal", subject_ids=ids, at=now, reason=LOST)
    elif ids:
        await end_all(session, subject="proposal", subject_ids=ids, at=now)


async def _stop_asking(session: WriteSession, opportunity: Opportunity, outcome: Outcome) -> None:
    """Nobody decides any more on a changed proposal or a discount of what was signed or lost."""
    tables: tuple[Any, ...] = (Proposal, DiscountRequest)
    mine = [
        select(table.approval_id).where(
            session.within(table), table.opportunity_id == opportunity.id, table.approval_id.is_not(None)
        )
        for table in tables
    ]
    approvals = await session.scalars(union(*mine))
    if approvals:
        await withdraw_moot(session, approvals, LOST if outcome is Outcome.LOST else SIGNED)


def _reason(reason: str | None, *, needed: bool) -> str | None:
    if reason is None or not reason.strip():
        if needed:
            refuse([problem("reason", "missing", "请填写原因。", "Say why.")])
        return None
    found = reason_problem(reason)
    refuse([found] if found else [])
    return reason.strip()


def _no_such_stage(stages: tuple[Stage, ...]) -> Any:
    keys = "、".join(f"{one.title.zh}（{one.key}）" for one in stages)
    words = ", ".join(f"{one.title.en} ({one.key})" for one in stages)
    return problem("stage", "unknown", f"没有此阶段，可选：{keys}。", f"There is no such stage; choose of {words}.")


def _or(value: int | None, other: int | None) -> int:
    return value if value is not None else other or 0
