"""Reading reports: one as its reader may see it, and the quarter's results of visits by unit."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import aliased

from steward_core.clients.models import Contact
from steward_core.clients.row_kinds import CONTACT
from steward_core.opportunities.models import Opportunity, Outcome
from steward_core.permissions import CLIENTS_VIEW, REPORTS_VIEW
from steward_core.promises.models import RequestStatus, ServiceRequest
from steward_core.reports.errors import ReportNotFound
from steward_core.reports.models import WorkReport
from steward_core.reports.periods import Span, quarter_of
from steward_core.reports.row_kinds import WORK_REPORT
from steward_core.visits.models import Visit, VisitKind, VisitStatus
from steward_tenants.access.queries import hidden, in_scope
from steward_tenants.access.rules import require
from steward_tenants.database.session import TenantSession
from steward_tenants.organisation.models import OrgUnit
from steward_tenants.people.models import User


@dataclass(frozen=True)
class ContactShown:
    """A contact in a report: the phone masked, as in every list."""

    id: UUID
    name: str
    position: str | None
    phone: str | None


@dataclass(frozen=True)
class ReportDetail:
    """A report with the names that stand in it as ids. `contacts` has those whom the reader reaches."""

    report: WorkReport
    owner_name: str | None
    unit_name: str | None
    reader_name: str | None
    contacts: Mapping[str, ContactShown]


async def report_detail(session: TenantSession, report_id: UUID, *, today: date) -> ReportDetail:
    """One report. Raises Forbidden, ReportNotFound."""
    require(session.actor, REPORTS_VIEW)
    owner, reader, unit = aliased(User), aliased(User), aliased(OrgUnit)
    row = (
        await session.rows(
            select(WorkReport, owner.name, unit.name, reader.name)
            .outerjoin(owner, and_(session.within(owner), owner.id == WorkReport.owner_id))
            .outerjoin(unit, and_(session.within(unit), unit.id == WorkReport.unit_id))
            .outerjoin(reader, and_(session.within(reader), reader.id == WorkReport.read_by))
            .where(
                session.within(WorkReport),
                WorkReport.id == report_id,
                WORK_REPORT.within_reach(session, REPORTS_VIEW, today),
            )
        )
    )[:1]
    if not row:
        raise ReportNotFound
    report, owner_name, unit_name, reader_name = tuple(row[0])
    contacts = await contacts_in(session, report.facts, today=today)
    return ReportDetail(report, owner_name, unit_name, reader_name, contacts)


async def contacts_in(session: TenantSession, facts: Mapping[str, Any], *, today: date) -> dict[str, ContactShown]:
    """The contacts that facts name and the actor reaches, by id."""
    named = {
        one
        for line in facts.get("visits", [])
        for one in (*line.get("contact_ids", []), line.get("main_person_id"))
        if one is not None
    }
    if not named or CLIENTS_VIEW.key not in session.actor.permissions:
        return {}
    sort = CONTACT.fields["phone"]
    rows = await session.rows(
        select(
            Contact.id,
            Contact.name,
            Contact.position,
            hidden(Contact.phone, keep=sort.keep, domain=sort.domain),
        ).where(
            session.within(Contact),
            Contact.id.in_(sorted(UUID(one) for one in named)),
            CONTACT.within_reach(session, CLIENTS_VIEW, today),
        )
    )
    return {str(row[0]): ContactShown(*row) for row in rows}


@dataclass(frozen=True)
class UnitResults:
    """What visits of a quarter came to in one unit; `unit_id` None: of managers without one. `satisfied` counts what
    clients confirmed of the requests that visits brought, `signed_fen` what was signed of the opportunities."""

    unit_id: UUID | None
    unit_name: str | None
    managers: int = 0
    visits: int = 0
    on_site: int = 0
    clients: int = 0
    intentions: int = 0
    competitor_signs: int = 0
    requests: int = 0
    answered: int = 0
    satisfied: int = 0
    opportunities: int = 0
    signed: int = 0
    signed_fen: int = 0


async def quarter_results(session: TenantSession, day: date, *, today: date) -> list[UnitResults]:
    """The results of the visits of the quarter in which `day` lies [001#6], of each unit in the actor's scope: four
    statements whatever the company's size. Raises Forbidden."""
    require(session.actor, REPORTS_VIEW)
    span = quarter_of(day)
    found: dict[UUID | None, dict[str, Any]] = defaultdict(dict)
    for statement in (
        _visits(session, span, today),
        _requests(session, span, today),
        _opportunities(session, span, today),
    ):
        for row in await session.rows(statement):
            values = dict(row._mapping)
            found[values.pop("unit_id")].update(values)
    names = await _names(session, [unit_id for unit_id in found if unit_id is not None])
    lines = [UnitResults(unit_id, names.get(unit_id), **values) for unit_id, values in found.items()]
    return sorted(lines, key=lambda one: (one.unit_name or "", str(one.unit_id)))


async def _names(session: TenantSession, unit_ids: Sequence[UUID]) -> dict[UUID | None, str]:
    rows = await session.rows(
        select(OrgUnit.id, OrgUnit.name).where(session.within(OrgUnit), OrgUnit.id.in_(sorted(unit_ids)))
    )
    return {row.id: row.name for row in rows}


def _done(session: TenantSession, span: Span, today: date) -> ColumnElement[bool]:
    return and_(
        session.within(Visit),
        Visit.status == VisitStatus.DONE.value,
        Visit.day >= span.start,
        Visit.day < span.end,
        in_scope(session, REPORTS_VIEW, owner=Visit.owner_id, unit=Visit.unit_id, on=today),
    )


def _visits(session: TenantSession, span: Span, today: date) -> Select[*tuple[Any, ...]]:
    return (
        select(
            Visit.unit_id,
            func.count(Visit.owner_id.distinct()).label("managers"),
            func.count().label("visits"),
            func.count().filter(Visit.kind == VisitKind.ON_SITE.value).label("on_site"),
            func.count(Visit.client_id.distinct()).label("clients"),
            func.count(Visit.intention).label("intentions"),
            func.count(Visit.competitor_signs).label("competitor_signs"),
        )
        .where(_done(session, span, today))
        .group_by(Visit.unit_id)
    )


def _requests(session: TenantSession, span: Span, today: date) -> Select[*tuple[Any, ...]]:
    """What clients asked for on these visits, and what became of it until now."""
    answered = or_(ServiceRequest.answered_at.is_not(None), ServiceRequest.closed_at.is_not(None))
    return (
        select(
            Visit.unit_id,
            func.count().label("requests"),
            func.count().filter(answered).label("answered"),
            func.count(ServiceRequest.confirmed_at).label("satisfied"),
        )
        .join_from(ServiceRequest, Visit, Visit.id == ServiceRequest.visit_id)
        .where(
            session.within(ServiceRequest),
            ServiceRequest.status != RequestStatus.CANCELLED.value,
            _done(session, span, today),
        )
        .group_by(Visit.unit_id)
    )


def _opportunities(session: TenantSession, span: Span, today: date) -> Select[*tuple[Any, ...]]:
    """What these visits brought, and what of it was signed until now."""
    signed = Opportunity.outcome.in_((Outcome.SIGNED.value, Outcome.DELIVERED.value))
    return (
        select(
            Visit.unit_id,
            func.count().label("opportunities"),
            func.count().filter(signed).label("signed"),
            func.coalesce(func.sum(Opportunity.amount).filter(signed), 0).label("signed_fen"),
        )
        .join_from(Opportunity, Visit, Visit.id == Opportunity.visit_id)
        .where(session.within(Opportunity), _done(session, span, today))
        .group_by(Visit.unit_id)
    )
