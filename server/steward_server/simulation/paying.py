"""The demo's sales team is paid by the team commission: who is paid as what, and each closed month's pay run."""

from __future__ import annotations

from contextlib import suppress
from datetime import date
from uuid import UUID

from sqlalchemy import select

from steward_core.approvals.people import holders_of
from steward_core.clients.models import Client
from steward_core.incentives.errors import PayRunExists
from steward_core.incentives.members import NewMember, add_members
from steward_core.incentives.models import PayRun, PayRunStatus, PayScheme
from steward_core.incentives.runner import STATEMENTS
from steward_core.incentives.scheme_book import add_version, create_scheme
from steward_core.incentives.service import PAY_RUN, request_pay_run, submit_pay_run
from steward_core.incentives.statements import Role
from steward_core.incentives.templates import TEAM_COMMISSION
from steward_core.permissions import STATEMENTS_RUN
from steward_core.runs.models import Run
from steward_core.runs.service import drive
from steward_server.simulation.approving import approve
from steward_server.simulation.company import PLATFORM, Company
from steward_tenants.clock import simulated
from steward_tenants.people.models import User

SCHEME = "team_commission"
RESPONSIBILITY_PAY, TECHNICIAN_PAY = 200_000, 300_000
"""In fen; a company must set both, these are the demo's."""


async def pay_by_commission(company: Company, since: date) -> None:
    """Make the scheme with everybody who owns clients in it, and their supervisor as the lead of the team. Once."""
    async with company.database.read(company.tenant_id, PLATFORM) as session:
        if await session.find(PayScheme, PayScheme.key == SCHEME) is not None:
            return
        owners = await session.rows(
            select(User.id, User.unit_id)
            .where(session.within(User), User.id.in_(select(Client.owner_id).where(session.within(Client))))
            .order_by(User.id)
        )
    if not owners:
        return
    lead = await company.supervisor(owners[0].id, since)
    document = dict(TEAM_COMMISSION.content)
    document["probation"] = {**document["probation"], "responsibility_base_pay": RESPONSIBILITY_PAY}
    document["technician"] = {**document["technician"], "base_pay": TECHNICIAN_PAY}
    members = [
        NewMember(row.id, Role.SALES, since, unit_id=row.unit_id) for row in owners if lead is None or row.id != lead.id
    ]
    if lead is not None and lead.unit_id is not None:
        members.append(NewMember(lead.id, Role.TEAM_LEAD, since, unit_id=lead.unit_id))
    async with company.database.write(company.tenant_id, PLATFORM) as session:
        scheme = await create_scheme(session, SCHEME, "团队提成", "Team commission", today=since)
        await session.flush()
        await add_version(session, scheme.id, since, document, today=since, reason="演示方案")
        await session.flush()
        await add_members(session, scheme.id, members, today=since)


async def pay_month(company: Company, month: date, day: date) -> None:
    """The month's statements: made, submitted by payroll, approved by whoever is asked. A worker may have asked for
    them already."""
    async with company.database.read(company.tenant_id, PLATFORM) as session:
        scheme = await session.find(PayScheme, PayScheme.key == SCHEME)
    if scheme is None:
        return
    with simulated(company.at(day, 8)), suppress(PayRunExists):
        async with company.database.write(company.tenant_id, PLATFORM) as session:
            await request_pay_run(session, scheme.id, month, today=day)
    async with company.database.read(company.tenant_id, PLATFORM) as session:
        made = (session.within(PayRun), PayRun.scheme_id == scheme.id, PayRun.month == month)
        pay_run_id: UUID = await session.scalar(select(PayRun.id).where(*made).order_by(PayRun.revision).limit(1))
        run_id: UUID = await session.scalar(
            select(Run.id).where(session.within(Run), Run.kind == STATEMENTS.key, Run.subject == str(pay_run_id))
        )
        officers = await holders_of(session, STATEMENTS_RUN, day)
    await drive(company.database, company.tenant_id, PLATFORM, run_id, company.tools)
    if not officers:
        return
    payroll = await company.person(officers[0], day)
    with simulated(company.at(day, 10)):
        async with company.database.write(company.tenant_id, payroll) as session:
            drafted = await session.get(PayRun, pay_run_id)
            if drafted is None or drafted.status != PayRunStatus.DRAFT:
                return
            await submit_pay_run(session, pay_run_id, today=day)
    await approve(company, PAY_RUN.key, pay_run_id, day, 15)
