"""Starting approvals and deciding on them. A domain calls `start` and `withdraw` from its own commands and is told the
outcome through its subject's `settle`, in the same transaction; `withdraw_moot` when the subject stands no more.

Whoever changes an approval holds its row until the transaction ends: two supervisors at once are one after the other,
and the second is told that the step is over.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import func, select

from steward_core.approvals.errors import (
    ApprovalNotFound,
    ApprovalUnderWay,
    EntryReused,
    NotWithRequester,
    SubmittedElsewhere,
)
from steward_core.approvals.ledger import Case, by_product, ids, read_cases, write_cases
from steward_core.approvals.models import Approval, ApprovalEntry
from steward_core.approvals.people import active, administrators
from steward_core.approvals.resolving import InForce, day_of, definition_of, resolve
from steward_core.approvals.row_kinds import APPROVAL
from steward_core.approvals.rules import follow
from steward_core.approvals.state import AS_APPROVER, ENDS, WITH_REQUESTER, Status
from steward_core.approvals.subjects import ApprovalSubject, Found, subject_of
from steward_core.approvals.telling import follow_up
from steward_core.approvals.trail import Act, Entry, Resolution
from steward_core.permissions import APPROVALS_MANAGE, APPROVALS_VIEW
from steward_tenants.audit.service import Subject, record
from steward_tenants.clock import clock_now
from steward_tenants.commands.service import command
from steward_tenants.database.actor import ActorKind
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.locks import take_turn
from steward_tenants.database.session import TenantSession, WriteSession
from steward_tenants.errors import invalid
from steward_tenants.people.errors import PersonNotFound
from steward_tenants.texts import Bilingual


async def start(
    session: WriteSession, subject: str, subject_id: UUID, *, reason: str = "", today: date | None = None
) -> Approval:
    """Ask for a yes to a subject, in the actor's name (the owner's where no person acts); the caller has checked that
    it may be submitted. What lies with the requester is submitted again under the definition it began with.

    `today` is the tenant's day, by which roles count (default: today's). Raises SubjectUnknown, ApprovalUnderWay,
    DefinitionNotFound, ValueMissing, NobodyToApprove, TooFewApprovers, NothingToApprove, and what `find` raises.
    """
    declared, day = subject_of(subject), today or day_of(session)
    await take_turn(session, f"approval.{subject}.{subject_id}")
    found = await declared.find(session, subject_id)
    requester = session.actor.id if session.actor.kind is ActorKind.USER else found.owner_id
    known = await of_subject(session, subject, subject_id)
    if known is not None and known.status == Status.RUNNING:
        raise ApprovalUnderWay(title=known.title)
    if known is not None and known.status in WITH_REQUESTER and requester in (known.requester_id, known.successor_id):
        return await _submit_again(session, known.id, found, actor=requester, reason=reason, on=day)
    chosen = await definition_of(session, subject, found)
    case = await _begun(session, declared, subject_id, found, chosen, requester=requester, reason=reason, on=day)
    await _store(session, [case], day)
    await _record(session, "approvals.start", case, None, reason)
    return case.approval


async def of_subject(session: TenantSession, subject: str, subject_id: UUID) -> Approval | None:
    """The latest approval of a subject."""
    found: Approval | None = await session.scalar(
        select(Approval)
        .where(session.within(Approval), Approval.subject == subject, Approval.subject_id == subject_id)
        .order_by(Approval.id.desc())
        .limit(1)
    )
    return found


@command("approvals.decide", "审批", "Decide on an approval", permission=None)
async def decide(
    session: WriteSession,
    approval_id: UUID,
    *,
    act: Act,
    turn: int,
    reason: str = "",
    person: UUID | None = None,
    step: str | None = None,
    key: UUID | None = None,
    today: date | None = None,
) -> Approval:
    """What those do whose turn it is: agree or reject, ask somebody before or after them, delegate, hand over, send
    back (to `step`, or to the requester). `turn` is the turn that the actor saw. `key` is the command's own: the same
    one twice counts once. Raises the refusals of errors.py, ApprovalNotFound, PersonNotFound."""
    if act not in AS_APPROVER:
        raise invalid("act", "unknown", "请使用审批人的操作。", "Use one of the acts of those who are asked.")
    await _check_person(session, person)
    return await _act(
        session,
        "approvals.decide",
        approval_id,
        act,
        reason=reason,
        key=key,
        today=today,
        turn=turn,
        person=person,
        step=step,
    )


@command("approvals.withdraw", "撤回申请", "Withdraw from approval", permission=None)
async def withdraw(
    session: WriteSession, approval_id: UUID, *, reason: str = "", key: UUID | None = None, today: date | None = None
) -> Approval:
    """Take it back; only the requester, or whoever took the subject over, can. Raises ApprovalNotFound, ApprovalOver,
    NotRunning, OnlyTheRequester."""
    return await _act(session, "approvals.withdraw", approval_id, Act.WITHDRAW, reason=reason, key=key, today=today)


async def withdraw_moot(
    session: WriteSession, approval_ids: Sequence[UUID], reason: Bilingual, *, today: date | None = None
) -> int:
    """What these approvals were about stands no more: those that are not over are withdrawn by the product, and the
    trail says why. Nobody is asked any longer, and the subject's domain is told. Answers how many there were."""
    # Withdrawn ones are held too: whoever submits one again meanwhile comes after this, and finds that it stands not.
    open_ones = Approval.status.not_in([one.value for one in ENDS])
    cases = [
        case
        for case in await read_cases(session, Approval.id == func.any(ids(approval_ids)), open_ones)
        if case.state.status is not Status.WITHDRAWN
    ]
    now, said = clock_now(), f"{reason.zh} / {reason.en}"
    before = [case.approval.status for case in cases]
    for case in cases:
        case.add(by_product(Act.WITHDRAW, now, reason=said))
    await _store(session, cases, today or day_of(session))
    for case, was in zip(cases, before, strict=True):
        await _record(session, "approvals.withdraw", case, was, said)
    return len(cases)


@command("approvals.resubmit", "重新提交申请", "Submit again for approval", permission=None)
async def resubmit(
    session: WriteSession, approval_id: UUID, *, reason: str = "", today: date | None = None
) -> Approval:
    """Submit what was sent back or withdrawn again, with the subject as it stands now and the people of today. Raises
    ApprovalNotFound, SubmittedElsewhere, ApprovalUnderWay, NotWithRequester, OnlyTheRequester, and what `start` and
    the subject's `resume` raise."""
    (known,) = await _seen(session, approval_id, lock=False)
    declared = subject_of(known.approval.subject)
    if declared.resume is None:
        raise SubmittedElsewhere(title=known.approval.title)
    await take_turn(session, f"approval.{known.approval.subject}.{known.approval.subject_id}")
    latest = await of_subject(session, known.approval.subject, known.approval.subject_id)
    if latest is not None and latest.status == Status.RUNNING and latest.id != approval_id:
        raise ApprovalUnderWay(title=latest.title)
    if latest is None or latest.id != approval_id:
        raise NotWithRequester
    found = await declared.find(session, known.approval.subject_id)
    approval = await _submit_again(
        session, approval_id, found, actor=session.actor.id, reason=reason, on=today or day_of(session)
    )
    await declared.resume(session, approval.subject_id)
    return approval


@command("approvals.replace", "替换审批人", "Replace an approver", permission=APPROVALS_MANAGE)
async def replace_approver(
    session: WriteSession,
    approval_id: UUID,
    *,
    instead_of: UUID,
    person: UUID,
    reason: str = "",
    key: UUID | None = None,
    today: date | None = None,
) -> Approval:
    """Have somebody take over all that waits, or will wait, for another. An administrator does not do so in a matter
    of their own. Raises ApprovalNotFound, PersonNotFound, PersonMissing, AlreadyInStep, OwnMatter, ApprovalOver,
    NotRunning."""
    await _check_person(session, person)
    since = Resolution({}, administrators=await administrators(session, today or day_of(session)))
    return await _act(
        session,
        "approvals.replace",
        approval_id,
        Act.REPLACE,
        reason=reason,
        key=key,
        today=today,
        person=person,
        instead_of=instead_of,
        resolution=since,
    )


async def _begun(
    session: WriteSession,
    declared: ApprovalSubject,
    subject_id: UUID,
    found: Found,
    chosen: InForce,
    *,
    requester: UUID,
    reason: str,
    on: date,
) -> Case:
    resolution = await resolve(session, chosen.definition, found, on, requesters=frozenset({requester}))
    now = clock_now()
    entry = Entry(new_id(), Act.START, now, requester, reason=reason, resolution=resolution)
    state = follow(chosen.definition, None, entry)
    approval = Approval(
        id=new_id(),
        subject=declared.key,
        subject_id=subject_id,
        title=found.title,
        requester_id=requester,
        owner_id=found.owner_id,
        unit_id=found.unit_id,
        client_id=found.client_id,
        definition_key=chosen.definition.key,
        definition_version=chosen.definition.version,
        definition=chosen.document,
        started_at=now,
    )
    return Case(approval, chosen.definition, [entry], state, 0, None)


async def _submit_again(
    session: WriteSession, approval_id: UUID, found: Found, *, actor: UUID, reason: str, on: date
) -> Approval:
    (case,) = await read_cases(session, Approval.id == approval_id)
    before = case.approval.status
    resolution = await resolve(session, case.definition, found, on, requesters=case.state.requesters)
    case.add(Entry(new_id(), Act.RESUBMIT, clock_now(), actor, reason=reason, resolution=resolution))
    for name in ("title", "owner_id", "unit_id", "client_id"):
        setattr(case.approval, name, getattr(found, name))
    await _store(session, [case], on)
    await _record(session, "approvals.resubmit", case, before, reason)
    return case.approval


async def _act(
    session: WriteSession,
    name: str,
    approval_id: UUID,
    act: Act,
    *,
    reason: str,
    key: UUID | None,
    today: date | None,
    turn: int | None = None,
    person: UUID | None = None,
    instead_of: UUID | None = None,
    step: str | None = None,
    resolution: Resolution | None = None,
) -> Approval:
    (case,) = await _seen(session, approval_id)
    if key is not None:
        await _check_key(session, key, approval_id)
    before = case.approval.status
    case.add(
        Entry(
            id=key or new_id(),
            act=act,
            at=clock_now(),
            actor=session.actor.id,
            turn=turn,
            person=person,
            instead_of=instead_of,
            step=step,
            reason=reason,
            resolution=resolution,
        )
    )
    await _store(session, [case], today or day_of(session))
    await _record(session, name, case, before, reason)
    return case.approval


async def _store(session: WriteSession, cases: Sequence[Case], on: date) -> None:
    await write_cases(session, cases, on)
    await follow_up(session, cases)


async def _seen(session: WriteSession, approval_id: UUID, *, lock: bool = True) -> list[Case]:
    """The approval, as long as the actor may know of it. Raises ApprovalNotFound."""
    # Whoever waits for the row looks again afterwards: a seat may be gone by then, and with it the reason to see it.
    reach = APPROVAL.within_reach(session, APPROVALS_VIEW, day_of(session))
    seen = await session.scalar(select(Approval.id).where(session.within(Approval), Approval.id == approval_id, reach))
    if seen is None:
        raise ApprovalNotFound
    return await read_cases(session, Approval.id == approval_id, lock=lock)


async def _check_person(session: TenantSession, person: UUID | None) -> None:
    if person is not None and person not in await active(session, [person]):
        raise PersonNotFound


async def _check_key(session: TenantSession, key: UUID, approval_id: UUID) -> None:
    other = await session.scalar(
        select(ApprovalEntry.approval_id).where(session.within(ApprovalEntry), ApprovalEntry.id == key)
    )
    if other not in (None, approval_id):
        raise EntryReused


async def _record(session: WriteSession, name: str, case: Case, before: str | None, reason: str) -> None:
    """What the audit says: the act and where the approval stands; reasons are the actor's own words."""
    entry = case.fresh[0] if case.fresh else None
    await record(
        session,
        name,
        Subject("approval", case.approval.id),
        before=None if before is None else {"status": before},
        after={
            "status": case.approval.status,
            "subject": case.approval.subject,
            "subject_id": case.approval.subject_id,
            "act": None if entry is None else entry.act.value,
        },
        reason=reason or None,
    )
