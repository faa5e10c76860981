"""Approvals follow a client to its new owner.

What is about the client counts for the new owner and unit from then on. Where the old owner asked, the trail stays as
it is and the new owner may withdraw and submit again as well; it has become their own matter, so if they were asked to
decide, their supervisor (or an administrator) is asked instead. Where nobody is who could be, they stay asked and take
nothing over. Those who are asked otherwise stay: they were asked for a reason that they can see.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func, select

from steward_core.approvals.ledger import Case, by_product, ids, read_cases, write_cases
from steward_core.approvals.models import Approval, ApprovalRequest, RequestStatus
from steward_core.approvals.people import administrators, line_above
from steward_core.approvals.resolving import day_of
from steward_core.approvals.state import ENDS, Status
from steward_core.approvals.telling import follow_up
from steward_core.approvals.trail import Act
from steward_core.clients.followers import follow_owner
from steward_core.clients.merge_moves import belongs_to_client
from steward_core.clients.models import Client
from steward_tenants.clock import clock_now
from steward_tenants.database.session import WriteSession
from steward_tenants.errors import StewardError

_OPEN_REQUESTS = (RequestStatus.DRAFT, RequestStatus.SUBMITTED, RequestStatus.RETURNED, RequestStatus.WITHDRAWN)


async def follow(session: WriteSession, client_ids: Sequence[UUID]) -> None:
    """Let the open approvals of these clients follow; those of clients in the pool stay."""
    if not client_ids:
        return
    owners = {
        row[0]: (row[1], row[2])
        for row in await session.rows(
            select(Client.id, Client.owner_id, Client.unit_id).where(
                session.within(Client), Client.id == func.any(ids(client_ids)), Client.owner_id.is_not(None)
            )
        )
    }
    if not owners:
        return
    open_ones = (
        Approval.client_id == func.any(ids(list(owners))),
        Approval.status.not_in([one.value for one in ENDS]),
    )
    cases = [
        case
        for case in await read_cases(session, *open_ones)
        if case.approval.owner_id != owners[_client(case)][0] or case.approval.unit_id != owners[_client(case)][1]
    ]
    day, takers = day_of(session), {owners[_client(case)][0] for case in cases}
    above = await line_above(session, takers, day) if takers else {}
    admins = await administrators(session, day) if takers else ()
    requests = await _requests(session, cases)
    for case in cases:
        owner_id, unit_id = owners[_client(case)]
        former = case.approval.owner_id
        case.approval.owner_id, case.approval.unit_id = owner_id, unit_id
        if former != owner_id and former in case.state.requesters:
            _succeed(case, owner_id, (*above.get(owner_id, ()), *admins))
        if (request := requests.get(case.approval.subject_id)) is not None:
            request.owner_id, request.unit_id = owner_id, unit_id
    await write_cases(session, cases, day)
    await follow_up(session, cases)


async def _requests(session: WriteSession, cases: Sequence[Case]) -> dict[UUID, ApprovalRequest]:
    """The requests that these are about, where they are about any."""
    if not cases:
        return {}
    subjects = [case.approval.subject_id for case in cases]
    rows: Sequence[ApprovalRequest] = await session.scalars(
        select(ApprovalRequest)
        .where(
            session.within(ApprovalRequest),
            ApprovalRequest.id == func.any(ids(subjects)),
            ApprovalRequest.status.in_([one.value for one in _OPEN_REQUESTS]),
        )
        .order_by(ApprovalRequest.id)
        .with_for_update()
    )
    return {row.id: row for row in rows}


def _client(case: Case) -> UUID:
    client_id = case.approval.client_id
    if client_id is None:
        raise ValueError("an approval without a client follows none")
    return client_id


def _succeed(case: Case, person: UUID, instead: Sequence[UUID]) -> None:
    now = clock_now()
    waits = case.state.status is Status.RUNNING and any(
        link.person == person and link.said is None
        for stage in case.state.stages[case.state.open_stage :]
        for link in stage.links()
    )
    for other in instead if waits else ():
        try:
            case.add(by_product(Act.REPLACE, now, person=other, instead_of=person))
        except StewardError:
            continue
        waits = False
        break
    if not waits:
        case.add(by_product(Act.SUCCEED, now, person=person))


follow_owner("approvals", follow)
belongs_to_client("approvals", Approval)
belongs_to_client("approval_requests", ApprovalRequest)
