"""What follows from an act: the subject's domain is told the outcome, people are told that it is their turn or how it
ended, what told them counts as read once nothing waits for them, and the clock is set."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from sqlalchemy import func, select, update

from steward_core.approvals.ledger import Case, ids, seats_of
from steward_core.approvals.models import ApprovalSeat
from steward_core.approvals.state import Status
from steward_core.approvals.subjects import Settled, subject_of
from steward_core.approvals.trail import Act
from steward_core.notifications.models import Notice
from steward_core.notifications.rules import declare_notice
from steward_core.notifications.service import Message, notify_many
from steward_tenants.audit.service import Subject
from steward_tenants.database.session import WriteSession
from steward_tenants.outbox.service import enqueue
from steward_tenants.texts import Bilingual

ASKED = declare_notice("approvals.asked", "待您审批", "An approval waits for you")
REMINDED = declare_notice("approvals.reminded", "审批催办", "A reminder of an approval")
SETTLED = declare_notice("approvals.settled", "审批结果", "How an approval ended")
CLOCK = "approvals.clock"
"""The kind of job that does what is due."""
_OUTCOMES = {
    Status.APPROVED: Settled.APPROVED,
    Status.REJECTED: Settled.REJECTED,
    Status.WITHDRAWN: Settled.WITHDRAWN,
    Status.EXPIRED: Settled.EXPIRED,
    Status.RETURNED: Settled.RETURNED,
}
_WAITS = Bilingual("待您审批：{title}（{step}）", "Waits for you: {title} ({step})")
_STILL_WAITS = Bilingual("请尽快审批：{title}（{step}）", "Still waits for you: {title} ({step})")
_ENDED = Bilingual("{title}：{outcome}", "{title}: {outcome}")


async def follow_up(session: WriteSession, cases: Sequence[Case]) -> None:
    """Do all of it for approvals that were just written. What a domain's `settle` raises goes on to the caller and
    undoes the decision."""
    changed = [case for case in cases if case.fresh]
    for case in changed:
        await _settle(session, case)
    for kind, messages in (
        (ASKED.key, [one for case in changed for one in _asked(case)]),
        (REMINDED.key, [one for case in changed for one in _reminded(case)]),
        (SETTLED.key, [one for case in changed for one in _ended(case)]),
    ):
        await notify_many(session, kind, messages)
    await _forget(session, changed)
    moments = {case.approval.next_at for case in changed if case.approval.next_at != case.clock}
    for moment in sorted(moment for moment in moments if moment is not None):
        await enqueue(session, CLOCK, {}, due=max(moment, datetime.now(UTC)))


async def _settle(session: WriteSession, case: Case) -> None:
    outcome = _OUTCOMES.get(case.state.status)
    if outcome is None or case.state.status is case.before:
        return
    entry = case.fresh[0]
    settle = subject_of(case.approval.subject).settle
    await settle(session, case.approval.subject_id, outcome, entry.actor, entry.reason)


async def _forget(session: WriteSession, cases: Sequence[Case]) -> None:
    """Nothing waits any more for those who were asked: what told them so counts as read, and is sent no more."""
    left = [case for case in cases if case.left]
    if not left:
        return
    people = sorted({person for case in left for person in case.left})
    asked = (
        select(ApprovalSeat.id)
        .where(
            session.within(ApprovalSeat),
            ApprovalSeat.approval_id == Notice.subject_id,
            ApprovalSeat.user_id == Notice.user_id,
        )
        .correlate(Notice)
        .exists()
    )
    await session.execute(
        update(Notice)
        .where(
            session.within(Notice),
            Notice.user_id == func.any(ids(people)),
            Notice.read_at.is_(None),
            Notice.kind.in_((ASKED.key, REMINDED.key)),
            Notice.subject_id == func.any(ids([case.approval.id for case in left])),
            ~asked,
        )
        .values(read_at=func.now())
        .execution_options(synchronize_session=False)
    )


def _asked(case: Case) -> Iterator[Message]:
    actors = {entry.actor for entry in case.fresh}
    text = _WAITS.fill(title=case.approval.title, step=case.state.step.title)
    for person in seats_of(case.state):
        if person not in actors:
            yield Message(person, text, None, _subject(case), f"{case.approval.id}.{case.state.turn}")


def _reminded(case: Case) -> Iterator[Message]:
    if not any(entry.act is Act.REMIND for entry in case.fresh):
        return
    text = _STILL_WAITS.fill(title=case.approval.title, step=case.state.step.title)
    key = f"{case.approval.id}.{case.state.turn}.{case.state.reminders}"
    for person in seats_of(case.state):
        yield Message(person, text, None, _subject(case), key)


def _ended(case: Case) -> Iterator[Message]:
    outcome = _OUTCOMES.get(case.state.status)
    if outcome is None or case.state.status is case.before:
        return
    entry = case.fresh[0]
    text = _ENDED.fill(title=case.approval.title, outcome=outcome.title)
    body = Bilingual(entry.reason, entry.reason) if entry.reason else None
    for person in sorted(case.state.requesters | {case.approval.owner_id}):
        if person != entry.actor:
            yield Message(person, text, body, _subject(case), f"{case.approval.id}.{len(case.trail)}")


def _subject(case: Case) -> Subject:
    return Subject("approval", case.approval.id)
