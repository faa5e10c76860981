"""Where the lines of an inbox come from: one select for each kind, in the actor's scope, all with the same columns.

Each takes what its command takes: nothing waits here that the actor could not decide.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Interval,
    and_,
    case,
    func,
    literal,
    not_,
    or_,
    select,
)
from sqlalchemy.orm import aliased

from steward_core.approvals.inbox import approvals_to_decide
from steward_core.clients.hand_over_items import Outcome
from steward_core.clients.models import (
    Client,
    ClientStatus,
    DuplicatePair,
    DuplicateStatus,
    HandOver,
    HandOverItem,
    HandOverStatus,
)
from steward_core.clients.row_kinds import CLIENT
from steward_core.forms.models import FormRecord, FormRevision
from steward_core.forms.row_kind import records_in_reach
from steward_core.forms.service import SAVE
from steward_core.gradings.models import Grading, GradingObjection, GradingStatus, ObjectionStatus
from steward_core.imports.models import ImportBatch, ImportStatus
from steward_core.imports.service import CHECK
from steward_core.inbox.items import InboxKind
from steward_core.inbox.lines import Rows, line
from steward_core.incentives.inbox import open_disputes
from steward_core.notifications.models import Notice
from steward_core.permissions import (
    CLIENTS_MERGE,
    CLIENTS_VIEW,
    FORMS_EDIT,
    FORMS_VIEW,
    GRADINGS_DECIDE,
    GRADINGS_VIEW,
    RECORDS_IMPORT,
    REPORTS_COMMENT,
    REPORTS_EDIT,
    REQUESTS_VIEW,
    STATEMENTS_APPROVE,
)
from steward_core.promises.inbox import clocks_broken, clocks_near, legs_to_work_on, requests_to_work_on
from steward_core.reports.inbox import problems_handed_up, summaries_to_read
from steward_core.runs.models import Run, RunStatus
from steward_core.runs.service import RUN_KINDS
from steward_tenants.access.permissions import PRIVACY_DECIDE, Permission
from steward_tenants.database.actor import ActorKind
from steward_tenants.database.session import TenantSession
from steward_tenants.privacy.models import PrivacyRequest, PrivacyRequestStatus

RECENT = timedelta(days=7)
"""For how long what happened stays in the inbox."""

Approvals = Mapping[str, Sequence[str]]
"""The states in which records of a form (full key) wait for somebody else's decision."""


def sources(session: TenantSession, today: date, approvals: Approvals, runs: Collection[str]) -> dict[InboxKind, Rows]:
    """The selects of all kinds that the actor's permissions open; `runs` are the kinds of runs there are."""
    wanted: list[tuple[InboxKind, Sequence[Permission], Rows | None]] = [
        (InboxKind.APPROVAL_WAITING, (), approvals_to_decide(session)),
        (InboxKind.FORM_APPROVAL, (FORMS_EDIT, FORMS_VIEW), _form_approvals(session, today, approvals)),
        (InboxKind.OBJECTION_OPEN, (GRADINGS_DECIDE,), _open_objections(session, today)),
        (InboxKind.OBJECTION_DECIDED, (GRADINGS_VIEW,), _decided_objections(session, today)),
        (InboxKind.PRIVACY_REQUEST, (PRIVACY_DECIDE,), _privacy_requests(session)),
        (InboxKind.IMPORT_WAITING, (RECORDS_IMPORT,), _imports(session, ImportStatus.CHECKED)),
        (InboxKind.IMPORT_FAILED, (RECORDS_IMPORT,), _imports(session, ImportStatus.FAILED)),
        (InboxKind.RUN_ENDED, (), _ended_runs(session, runs)),
        (InboxKind.HAND_OVER_PLANNED, (CLIENTS_VIEW,), _planned_hand_overs(session)),
        (InboxKind.HAND_OVER_DONE, (CLIENTS_VIEW,), _applied_hand_overs(session)),
        (InboxKind.DUPLICATES, (CLIENTS_MERGE,), _duplicates(session, today)),
        (InboxKind.REPORT_SUBMITTED, (REPORTS_COMMENT,), summaries_to_read(session, today)),
        (InboxKind.MEETING_PROBLEM, (REPORTS_COMMENT, REPORTS_EDIT), problems_handed_up(session, today)),
        (InboxKind.PAY_DISPUTE, (STATEMENTS_APPROVE,), open_disputes(session, today)),
        (InboxKind.PROMISE_NEAR, (REQUESTS_VIEW,), clocks_near(session)),
        (InboxKind.PROMISE_BROKEN, (REQUESTS_VIEW,), clocks_broken(session)),
        (InboxKind.REQUEST_OPEN, (REQUESTS_VIEW,), requests_to_work_on(session)),
        (InboxKind.REQUEST_LEG, (REQUESTS_VIEW,), legs_to_work_on(session)),
        (InboxKind.NOTICE, (), _notices(session)),
    ]
    held = session.actor.permissions
    return {
        kind: statement
        for kind, permissions, statement in wanted
        if statement is not None and all(permission.key in held for permission in permissions)
    }


def _since() -> ColumnElement[Any]:
    since: ColumnElement[Any] = func.now() - literal(RECENT, Interval)
    return since


def _client_reached(session: TenantSession, permission: Permission, today: date) -> ColumnElement[bool]:
    return and_(session.within(Client), CLIENT.within_reach(session, permission, today))


def _form_approvals(session: TenantSession, today: date, approvals: Approvals) -> Rows | None:
    """Records that wait for somebody else than those who filled them in."""
    if not approvals or session.actor.kind is not ActorKind.USER:
        return None
    actor_id = session.actor.id
    wrote = (
        select(FormRevision.revision)
        .where(
            session.within(FormRevision),
            FormRevision.record_id == FormRecord.id,
            FormRevision.cause == SAVE,
            FormRevision.replaced_by == actor_id,
        )
        .correlate(FormRecord)
        .exists()
    )
    waiting = [and_(FormRecord.form == key, FormRecord.state.in_(states)) for key, states in sorted(approvals.items())]
    return select(
        *line(
            InboxKind.FORM_APPROVAL,
            row_id=FormRecord.id,
            client_id=FormRecord.client_id,
            at=FormRecord.updated_at,
            name=FormRecord.title,
            note=FormRecord.form,
        )
    ).where(
        session.within(FormRecord),
        or_(*waiting),
        FormRecord.created_by != actor_id,
        FormRecord.updated_by != actor_id,
        not_(wrote),
        records_in_reach(session, FORMS_EDIT, today),
        records_in_reach(session, FORMS_VIEW, today),
    )


def _objections(kind: InboxKind, session: TenantSession, at: Any) -> Rows:
    return (
        select(
            *line(
                kind,
                row_id=GradingObjection.id,
                client_id=GradingObjection.client_id,
                at=at,
                name=Client.name,
                note=GradingObjection.status,
            )
        )
        .join_from(GradingObjection, Client, and_(session.within(Client), Client.id == GradingObjection.client_id))
        .where(session.within(GradingObjection))
    )


def _open_objections(session: TenantSession, today: date) -> Rows:
    return (
        _objections(InboxKind.OBJECTION_OPEN, session, GradingObjection.raised_at)
        .join(Grading, and_(session.within(Grading), Grading.id == GradingObjection.grading_id))
        .where(
            GradingObjection.status == ObjectionStatus.OPEN.value,
            GradingObjection.raised_by != session.actor.id,
            Grading.status.in_((GradingStatus.PREVIEW.value, GradingStatus.BOUND.value)),
            _client_reached(session, GRADINGS_DECIDE, today),
        )
    )


def _decided_objections(session: TenantSession, today: date) -> Rows:
    decided = (ObjectionStatus.UPHELD.value, ObjectionStatus.REJECTED.value)
    return _objections(InboxKind.OBJECTION_DECIDED, session, GradingObjection.decided_at).where(
        GradingObjection.status.in_(decided),
        GradingObjection.raised_by == session.actor.id,
        GradingObjection.decided_at >= _since(),
        _client_reached(session, GRADINGS_VIEW, today),
    )


def _privacy_requests(session: TenantSession) -> Rows | None:
    """Requests about others: nobody decides on their own."""
    if session.actor.kind is not ActorKind.USER:
        return None
    return select(
        *line(
            InboxKind.PRIVACY_REQUEST,
            row_id=PrivacyRequest.id,
            at=PrivacyRequest.created_at,
            note=PrivacyRequest.kind,
        )
    ).where(
        session.within(PrivacyRequest),
        PrivacyRequest.status == PrivacyRequestStatus.OPEN.value,
        PrivacyRequest.subject_user_id != session.actor.id,
    )


def _imports(session: TenantSession, status: ImportStatus) -> Rows:
    at = func.coalesce(ImportBatch.finished_at, ImportBatch.created_at)
    failed = status is ImportStatus.FAILED
    kind = InboxKind.IMPORT_FAILED if failed else InboxKind.IMPORT_WAITING
    statement = select(*line(kind, row_id=ImportBatch.id, at=at, name=ImportBatch.file_name)).where(
        session.within(ImportBatch),
        ImportBatch.created_by == session.actor.id,
        ImportBatch.status == status.value,
    )
    return statement.where(at >= _since()) if failed else statement


def _ended_runs(session: TenantSession, runs: Collection[str]) -> Rows:
    """The actor's own runs, of kinds that the actor may see. A check of an import speaks through its import."""
    kinds = sorted(key for key in runs if RUN_KINDS[key].permission.key in session.actor.permissions)
    at = func.coalesce(Run.finished_at, Run.heartbeat_at, Run.requested_at)
    return select(*line(InboxKind.RUN_ENDED, row_id=Run.id, at=at, name=Run.kind, note=Run.status)).where(
        session.within(Run),
        Run.requested_by == session.actor.id,
        Run.kind.in_([key for key in kinds if key != CHECK.key]),
        Run.status.in_((RunStatus.DONE.value, RunStatus.FAILED.value)),
        at >= _since(),
    )


def _hand_overs(kind: InboxKind, session: TenantSession, at: Any, status: HandOverStatus, outcome: Outcome) -> Rows:
    """Hand-overs with clients for the actor, one line each."""
    return (
        select(*line(kind, row_id=HandOver.id, at=at, note=HandOver.effective_on, count=func.count()))
        .join_from(HandOver, HandOverItem, and_(session.within(HandOverItem), HandOverItem.hand_over_id == HandOver.id))
        .where(
            session.within(HandOver),
            HandOver.status == status.value,
            HandOverItem.to_owner_id == session.actor.id,
            HandOverItem.outcome == outcome.value,
        )
        .group_by(HandOver.id, HandOver.requested_at, HandOver.applied_at, HandOver.effective_on)
    )


def _planned_hand_overs(session: TenantSession) -> Rows:
    at = HandOver.requested_at
    return _hand_overs(InboxKind.HAND_OVER_PLANNED, session, at, HandOverStatus.SCHEDULED, Outcome.WAITING)


def _applied_hand_overs(session: TenantSession) -> Rows:
    at = HandOver.applied_at
    statement = _hand_overs(InboxKind.HAND_OVER_DONE, session, at, HandOverStatus.APPLIED, Outcome.MOVED)
    return statement.where(HandOver.applied_at >= _since(), HandOver.requested_by != session.actor.id)


def _duplicates(session: TenantSession, today: date) -> Rows:
    """One line for all open pairs of which a client is in reach."""
    first: Any = aliased(Client)
    second: Any = aliased(Client)
    reached = [CLIENT.reached(session, CLIENTS_MERGE, today, side) for side in (first, second)]
    return (
        select(*line(InboxKind.DUPLICATES, row_id=None, at=func.max(DuplicatePair.found_at), count=func.count()))
        .join_from(DuplicatePair, first, and_(session.within(first), first.id == DuplicatePair.first_id))
        .join(second, and_(session.within(second), second.id == DuplicatePair.second_id))
        .where(
            session.within(DuplicatePair),
            DuplicatePair.status == DuplicateStatus.OPEN.value,
            first.status != ClientStatus.MERGED.value,
            second.status != ClientStatus.MERGED.value,
            or_(*reached),
        )
        .having(func.count() > 0)
    )


def _notices(session: TenantSession) -> Rows | None:
    """The actor's own notices: the unread ones, and for a while those that were read, with a count of 0."""
    if session.actor.kind is not ActorKind.USER:
        return None
    of_client = case((Notice.subject_kind == "client", Notice.subject_id))
    return select(
        *line(
            InboxKind.NOTICE,
            row_id=Notice.id,
            client_id=of_client,
            at=Notice.created_at,
            name=Notice.title_zh,
            note=Notice.title_en,
            count=case((Notice.read_at.is_(None), 1), else_=0),
        )
    ).where(
        session.within(Notice),
        Notice.user_id == session.actor.id,
        or_(Notice.read_at.is_(None), Notice.created_at >= _since()),
    )
