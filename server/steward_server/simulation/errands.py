"""What is done beside a visit: other things that were planned at the client, its files, what it asked for; and what a
manager writes when the month is over."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import func, literal_column, select

from steward_core.calendars.queries import calendar_days
from steward_core.clients.service import confirm_profile
from steward_core.industry.declarations import Period
from steward_core.permissions import CLIENTS_EDIT, REPORTS_COMMENT, REPORTS_EDIT, REQUESTS_EDIT
from steward_core.plans.actions import record_result
from steward_core.plans.models import PlanAction
from steward_core.promises.models import RequestStatus, ServiceRequest
from steward_core.promises.request_commands import answer_request, close_request, confirm_request, respond_to_request
from steward_core.reports.models import ReportKind, ReportState
from steward_core.reports.service import fill_report, read_report, submit_report, write_report
from steward_core.visits.actions import last_of
from steward_core.visits.rules import PROFILE_SOURCE
from steward_server.simulation.company import PLATFORM, Company
from steward_server.simulation.stories import ANSWERS, CASES, JUDGEMENTS, OPINIONS
from steward_tenants.clock import clock_now, simulated
from steward_tenants.database.actor import Actor

IN_TIME = 0.93
"""The share of requests that are answered within the days promised."""


async def tick_off(
    company: Company, owner: Actor, client_id: UUID, others: Sequence[tuple[UUID, str]], at: datetime
) -> None:
    """The other things that were planned at a client are done by the way, but for what takes more visits; a stale file
    is looked through."""
    if not others:
        return
    day = at.astimezone(ZoneInfo(company.zone)).date()
    left = select(PlanAction.id).where(
        PlanAction.id.in_([action_id for action_id, _ in others]),
        PlanAction.status == literal_column("'open'"),
        func.cardinality(PlanAction.visits) == 1,
    )
    with simulated(at):
        async with company.database.write(company.tenant_id, owner) as session:
            still = set(await session.scalars(left.where(session.within(PlanAction))))
            for action_id, source in others:
                if action_id not in still:
                    continue
                if source == PROFILE_SOURCE and CLIENTS_EDIT.key in owner.permissions:
                    await confirm_profile(session, client_id, which="basic", today=day)
                    await confirm_profile(session, client_id, which="personal", today=day)
                await record_result(session, action_id, done=True, result="走访时一并处理", today=day)


async def serve_requests(company: Company, day: date) -> None:
    """Who owns a request calls the client on the next working day, answers some days later, and hears what it says."""
    async with company.database.read(company.tenant_id, PLATFORM) as session:
        rows = await session.rows(
            select(ServiceRequest.id, ServiceRequest.owner_id, ServiceRequest.opened_at, ServiceRequest.responded_at)
            .where(session.within(ServiceRequest), ServiceRequest.status == RequestStatus.OPEN.value)
            .order_by(ServiceRequest.opened_at, ServiceRequest.id)
        )
    morning, evening = company.at(day, 9, 5), company.at(day, 17, 20)
    if evening >= clock_now():
        return
    for request_id, owner_id, opened_at, responded_at in rows:
        owner = await company.person(owner_id, day)
        if REQUESTS_EDIT.key not in owner.permissions or opened_at >= morning:
            continue
        if responded_at is None:
            with simulated(morning):
                async with company.database.write(company.tenant_id, owner) as session:
                    await respond_to_request(session, request_id, note="已致电客户了解情况")
        waits = timedelta(days=company.random.randrange(1, 4) if company.random.random() < IN_TIME else 12)
        if opened_at + waits > evening:
            continue
        with simulated(evening):
            async with company.database.write(company.tenant_id, owner) as session:
                await answer_request(session, request_id, answer=company.random.choice(ANSWERS))
                stars = company.random.choice((5, 5, 4, 4, 4, 3))
                await confirm_request(session, request_id, satisfaction=stars)
                await close_request(session, request_id)


async def write_summaries(company: Company, month: Period, owner_ids: Sequence[UUID]) -> None:
    """Every manager sums the month up on its last working day, and the supervisor writes an opinion."""
    async with company.database.read(company.tenant_id, PLATFORM) as session:
        days = [one.day for one in await calendar_days(session, month.start, last_of(month)) if one.working]
    if not days:
        return
    day = days[-1]
    for owner_id in owner_ids:
        owner = await company.person(owner_id, day)
        if REPORTS_EDIT.key not in owner.permissions:
            continue
        with simulated(company.at(day, 17, 30)):
            async with company.database.write(company.tenant_id, owner) as session:
                report = await fill_report(session, ReportKind.MONTH, today=day, zone=company.zone)
                if report.state != ReportState.DRAFT.value:
                    continue
                successful, unsuccessful = (company.random.sample(CASES[good], 3) for good in (True, False))
                judgement = company.random.choice(JUDGEMENTS)
                await write_report(
                    session, report.id, judgement=judgement, successful=successful, unsuccessful=unsuccessful
                )
                await submit_report(session, report.id)
                report_id = report.id
        supervisor = await company.supervisor(owner_id, day)
        if supervisor is None or REPORTS_COMMENT.key not in supervisor.permissions:
            continue
        with simulated(company.at(day, 18, 10)):
            async with company.database.write(company.tenant_id, supervisor) as session:
                await read_report(session, report_id, company.random.choice(OPINIONS), today=day)
