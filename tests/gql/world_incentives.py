"""Rows of incentives in the world: schemes, runs in several states, statements of people in every position."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import UUID

from steward_core.incentives.models import (
    DisputeStatus,
    PayCorrection,
    PayDispute,
    PayLine,
    PayMember,
    PayRun,
    PayRunStatus,
    PayScheme,
    PaySchemeVersion,
    PayStatement,
)
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import WriteSession
from tests.gql.world import Tenant
from tests.gql.world_forms import MOMENT, added

# person, unit, role
MEMBERS = (
    ("am1", "east1", "sales"),
    ("am2", "west", "sales"),
    ("lead", "east", "team_lead"),
    ("payroll", "west", "technician"),
    ("odd", "hq", "sales"),
)
# month, revision, state
RUNS = (
    (1, 1, PayRunStatus.SUPERSEDED),
    (1, 2, PayRunStatus.EXPORTED),
    (2, 1, PayRunStatus.APPROVED),
    (3, 1, PayRunStatus.DRAFT),
)


async def fill(session: WriteSession, tenant: Tenant) -> None:
    """All rows of incentives of a tenant; clients and people are there."""
    schemes = [_scheme(session, tenant, unit) for unit in (None, "west")]
    await session.flush()
    versions = [_version(session, tenant, scheme.id) for scheme in schemes]
    for place, (name, unit, role) in enumerate(MEMBERS):
        _member(session, tenant, schemes[0].id, name, unit, role, place)
    await session.flush()
    previous: PayRun | None = None
    for month, revision, status in RUNS:
        run = _run(session, tenant, versions[0], month, revision, status, previous if revision > 1 else None)
        await session.flush()
        for place, (name, unit, role) in enumerate(MEMBERS):
            await _statement(session, tenant, run, name, unit, role, place)
        previous = run
    _run(session, tenant, versions[1], 2, 1, PayRunStatus.COMPUTING, None, unit="west")


def _scheme(session: WriteSession, tenant: Tenant, unit: str | None) -> PayScheme:
    scheme_id = new_id()
    mark = tenant.mark("pay_scheme", scheme_id)
    made: PayScheme = added(
        session,
        tenant,
        PayScheme(
            id=scheme_id,
            key=f"scheme_{unit or 'all'}",
            title_zh=f"方案{mark}",
            title_en=f"Scheme {mark}",
            unit_id=tenant.units[unit].id if unit else None,
            created_at=MOMENT,
        ),
    )
    return made


def _version(session: WriteSession, tenant: Tenant, scheme_id: UUID) -> PaySchemeVersion:
    version_id = new_id()
    mark = tenant.mark("pay_scheme_version", version_id)
    made: PaySchemeVersion = added(
        session,
        tenant,
        PaySchemeVersion(
            id=version_id,
            scheme_id=scheme_id,
            number=1,
            effective_from=date(2026, 1, 1),
            document={"method": mark},
            rule_version=1,
            reason=f"原因{mark}",
            made_by=tenant.people["payroll"].id,
            made_at=MOMENT,
        ),
    )
    return made


def _member(
    session: WriteSession, tenant: Tenant, scheme_id: UUID, name: str, unit: str, role: str, place: int
) -> None:
    added(
        session,
        tenant,
        PayMember(
            id=new_id(),
            scheme_id=scheme_id,
            person_id=tenant.people[name].id,
            role=role,
            unit_id=tenant.units[unit].id,
            from_month=date(2026, 1, 1),
            until_month=date(2026, 9, 1) if place == 1 else None,
            probation_from=date(2026, 1, 1) if place == 0 else None,
            created_by=tenant.people["payroll"].id,
        ),
    )


def _run(
    session: WriteSession,
    tenant: Tenant,
    version: PaySchemeVersion,
    month: int,
    revision: int,
    status: PayRunStatus,
    previous: PayRun | None,
    unit: str | None = None,
) -> PayRun:
    run_id = new_id()
    seen = status in (PayRunStatus.SUPERSEDED, PayRunStatus.EXPORTED, PayRunStatus.APPROVED)
    made: PayRun = added(
        session,
        tenant,
        PayRun(
            id=run_id,
            scheme_id=version.scheme_id,
            scheme_version_id=version.id,
            unit_id=tenant.units[unit].id if unit else None,
            month=date(2026, month, 1),
            revision=revision,
            status=status.value,
            people=len(MEMBERS),
            total=1_000_000 * month,
            previous_id=previous.id if previous else None,
            reason=f"原因{tenant.mark('pay_run', run_id)}",
            requested_by=tenant.people["payroll"].id,
            requested_at=MOMENT + timedelta(days=month),
            approved_by=tenant.people["boss"].id if seen else None,
            approved_at=MOMENT if seen else None,
        ),
    )
    return made


async def _statement(
    session: WriteSession, tenant: Tenant, run: PayRun, name: str, unit: str, role: str, place: int
) -> None:
    statement_id = new_id()
    mark = tenant.mark("pay_statement", statement_id)
    added(
        session,
        tenant,
        PayStatement(
            id=statement_id,
            run_id=run.id,
            scheme_id=run.scheme_id,
            person_id=tenant.people[name].id,
            unit_id=tenant.units[unit].id,
            role=role,
            month=run.month,
            revision=run.revision,
            given={"month": {"revenue": place, "mark": mark}, "corrections": []},
            scheme_version=1,
            rule_version=1,
            total=None if run.status == PayRunStatus.DRAFT and place == 1 else 250_000 + place * 1_000_003,
            created_at=MOMENT,
        ),
    )
    await session.flush()
    lines = [_line(session, tenant, statement_id, position) for position in (1, 2)]
    await session.flush()
    if run.revision == 2 and place < 2:
        dispute = _dispute(session, tenant, statement_id, lines[place], name, place)
        await session.flush()
        _correction(session, tenant, statement_id, dispute, name, run)


def _line(session: WriteSession, tenant: Tenant, statement_id: UUID, position: int) -> PayLine:
    line_id = new_id()
    mark = tenant.mark("pay_line", line_id)
    made: PayLine = added(
        session,
        tenant,
        PayLine(
            id=line_id,
            statement_id=statement_id,
            position=position,
            rule="base_pay" if position == 1 else "commission",
            title_zh=f"行{mark}",
            title_en=f"Line {mark}",
            inputs={"revenue": position, "mark": mark},
            formula_zh=f"式“{mark}”",
            formula_en=f"formula {mark}",
            fen=position * 125_000,
        ),
    )
    return made


def _dispute(
    session: WriteSession, tenant: Tenant, statement_id: UUID, line: PayLine, name: str, place: int
) -> PayDispute:
    dispute_id = new_id()
    mark = tenant.mark("pay_dispute", dispute_id)
    made: PayDispute = added(
        session,
        tenant,
        PayDispute(
            id=dispute_id,
            line_id=line.id,
            statement_id=statement_id,
            text=f"异议{mark}",
            status=DisputeStatus.ACCEPTED if place else DisputeStatus.OPEN,
            answer=f"答复{mark}" if place else None,
            raised_by=tenant.people[name].id,
            raised_at=MOMENT,
            decided_by=tenant.people["payroll"].id if place else None,
            decided_at=MOMENT if place else None,
        ),
    )
    return made


def _correction(
    session: WriteSession, tenant: Tenant, statement_id: UUID, dispute: PayDispute, name: str, run: PayRun
) -> None:
    correction_id = new_id()
    added(
        session,
        tenant,
        PayCorrection(
            id=correction_id,
            person_id=tenant.people[name].id,
            statement_id=statement_id,
            dispute_id=dispute.id,
            month=date(2026, 2, 1),
            fen=-777,
            reason=f"更正{tenant.mark('pay_correction', correction_id)}",
            paid_run_id=run.id if dispute.answer else None,
            made_by=tenant.people["payroll"].id,
            made_at=MOMENT,
        ),
    )
