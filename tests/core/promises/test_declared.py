"""Every promise that telecom and tobacco declare: started by what really happens, kept by it, broken without it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from steward_core.forms.service import save_record
from steward_core.industry.registry import industries
from steward_core.promises.models import ClockState
from steward_core.promises.request_commands import (
    answer_request,
    open_service_request,
    reach_milestone,
    respond_to_request,
)
from steward_core.promises.service import fulfilled, happened
from steward_tenants.database.database import Database
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import WriteSession
from tests.core.promises.company import Company, clocks_of, events_of, look, make_company
from tests.core.promises.office import at

THURSDAY = at("2026-11-05 10:00")
"""An ordinary working day, some time ago."""
Start = Callable[[WriteSession, Company], Awaitable[UUID]]
Keep = Callable[[WriteSession, Company, UUID, datetime], Awaitable[Any]]


@dataclass(frozen=True)
class Case:
    """A promise: what starts it on a Thursday at 10:00, when it is due, what keeps it, with what client."""

    key: str
    start: Start
    due: datetime
    keep: Keep
    client: dict[str, str] = field(default_factory=dict)
    warns: datetime | None = None

    @property
    def plugin(self) -> str:
        return self.key.partition(".")[0]


async def fault(session: WriteSession, company: Company) -> UUID:
    request = await open_service_request(session, company.client, kind="fault", title="专线中断", at=THURSDAY)
    return request.id


async def complaint(session: WriteSession, company: Company) -> UUID:
    request = await open_service_request(session, company.client, kind="complaint", title="送货太晚", at=THURSDAY)
    return request.id


def signed(fact: str) -> Start:
    async def start(session: WriteSession, company: Company) -> UUID:
        contract = new_id()
        await happened(
            session,
            "contract_signed",
            at=THURSDAY,
            subject="contract",
            subject_id=contract,
            client_id=company.client,
            owner_id=company.anna.id,
            unit_id=company.branch,
            facts=(fact,),
        )
        return contract

    return start


def filled(form: str, values: Mapping[str, object], subject: str = "client") -> Start:
    async def start(session: WriteSession, company: Company) -> UUID:
        subject_id = company.client if subject == "client" else company.branch
        row = await save_record(session, form, subject_id, values, today=date(2026, 11, 5))
        return row.id

    return start


def refilled(form: str, values: Mapping[str, object], subject: str = "client") -> Keep:
    async def keep(session: WriteSession, company: Company, record_id: UUID, moment: datetime) -> None:
        day = moment.astimezone(at("2026-11-05 10:00").tzinfo).date()
        given = {name: day.isoformat() if value is DAY else value for name, value in values.items()}
        subject_id = company.client if subject == "client" else company.branch
        await save_record(session, form, subject_id, given, today=day, record_id=record_id)

    return keep


DAY = object()
"""The day on which it is kept."""


async def responded(session: WriteSession, _company: Company, request_id: UUID, moment: datetime) -> None:
    await respond_to_request(session, request_id, at=moment)


async def answered(session: WriteSession, _company: Company, request_id: UUID, moment: datetime) -> None:
    await answer_request(session, request_id, answer="已处理", at=moment)


def reached(milestone: str) -> Keep:
    async def keep(session: WriteSession, _company: Company, request_id: UUID, moment: datetime) -> None:
        await reach_milestone(session, request_id, milestone, at=moment)

    return keep


async def installed(session: WriteSession, _company: Company, contract: UUID, moment: datetime) -> None:
    assert await fulfilled(session, "order_completed", subject="contract", subject_id=contract, at=moment)


async def visited(session: WriteSession, company: Company, _record: UUID, moment: datetime) -> None:
    await happened(
        session,
        "visit_ended",
        at=moment,
        subject="visit",
        subject_id=new_id(),
        client_id=company.client,
        owner_id=company.anna.id,
        unit_id=company.branch,
    )


ORDER: dict[str, object] = {
    "contract_number": "HT1",
    "service": "专线",
    "signed_on": "2026-11-03",
    "done_on": "2026-11-05",
}
REPORT: dict[str, object] = {
    "competitor": "他网",
    "offer": "半价",
    "strength": "strong",
    "urgent": True,
    "source": "客户",
    "reported_on": "2026-11-05",
}
COMPLAINT: dict[str, object] = {
    "received_on": "2026-11-05",
    "kind": "complaint",
    "topic": "delivery",
    "content": "太晚",
}
RETAILER = {"kind": "retailer"}
TOLD: dict[str, object] = {"department_told": "市场部", "told_on": DAY}
FRIDAY, MONDAY = at("2026-11-06 17:30"), at("2026-11-09 17:30")
CASES = (
    Case("telecom.fault_response", fault, at("2026-11-05 10:30"), responded, warns=at("2026-11-05 10:20")),
    Case("telecom.fault_engineering", fault, at("2026-11-05 10:10"), reached("engineering_contacted")),
    Case("telecom.fault_solved", fault, at("2026-11-05 12:00"), reached("restored"), warns=at("2026-11-05 11:30")),
    Case(
        "telecom.fault_solved_internet_cafe",
        fault,
        at("2026-11-05 14:00"),
        reached("restored"),
        {"trade": "internet_cafe"},
    ),
    # Three days after a Thursday is a Sunday: the next working day.
    Case("telecom.installation", signed("resource_available"), MONDAY, installed),
    Case("telecom.installation_without_resource", signed("resource_missing"), at("2026-11-12 17:30"), installed),
    Case("telecom.contract_flow", signed("resource_missing"), at("2026-11-12 17:30"), installed),
    Case("telecom.first_visit", filled("telecom.order_acceptance", ORDER), at("2026-11-12 17:30"), visited),
    Case(
        "telecom.urgent_competitor_report",
        filled("telecom.competitor_report", REPORT),
        FRIDAY,
        refilled("telecom.competitor_report", REPORT | TOLD),
    ),
    Case(
        "telecom.urgent_area_competitor_report",
        filled("telecom.area_competitor_report", REPORT, "unit"),
        FRIDAY,
        refilled("telecom.area_competitor_report", REPORT | TOLD, "unit"),
    ),
    Case("tobacco.complaint_contact", complaint, FRIDAY, responded),
    Case("tobacco.complaint_answer", complaint, at("2026-11-12 17:30"), answered),
)
BY_FORM = (
    Case(
        "tobacco.complaint_contact",
        filled("tobacco.service_request", COMPLAINT),
        FRIDAY,
        refilled("tobacco.service_request", COMPLAINT | {"contacted_on": DAY}),
        RETAILER,
    ),
    Case(
        "tobacco.complaint_answer",
        filled("tobacco.service_request", COMPLAINT),
        at("2026-11-12 17:30"),
        refilled("tobacco.service_request", COMPLAINT | {"answered_on": DAY, "answer": "已改进"}),
        RETAILER,
    ),
)
CAFE = {"plugin": "telecom", "trade": "internet_cafe"}
SHOP = {"plugin": "tobacco", "kind": "retailer"}
ALL = [pytest.param(case, id=f"{case.key}-{number}") for number, case in enumerate((*CASES, *BY_FORM))]


def test_no_declared_promise_is_left_out() -> None:
    declared = {f"{key}.{one.key}" for key in ("telecom", "tobacco") for one in industries()[key].industry.promises}
    assert {case.key for case in CASES} == declared


@pytest.mark.parametrize("case", ALL)
async def test_started_and_kept_by_what_happens(database: Database, case: Case) -> None:
    company = await make_company(database, [case.plugin], **case.client)
    async with database.write(company.tenant_id, company.admin) as session:
        subject_id = await case.start(session, company)
        clock = (await clocks_of(session, subject_id))[case.key]
        assert clock.due_at == case.due
        if case.warns is not None:
            assert clock.warn_at == case.warns
        await case.keep(session, company, subject_id, clock.started_at + timedelta(minutes=5))
        clock = (await clocks_of(session, subject_id))[case.key]
        assert (clock.state, clock.breach, clock.changes_at) == (ClockState.KEPT, None, None)
        assert await events_of(session, clock.id) == ["started", "ended"]


@pytest.mark.parametrize("place", [*({"plugin": one} for one in ("telecom", "tobacco")), CAFE, SHOP])
async def test_broken_when_nothing_happens(database: Database, place: dict[str, str]) -> None:
    """A moment at its limit a promise is not broken, and right after it is, with its evidence."""
    client = {name: value for name, value in place.items() if name != "plugin"}
    cases = [one for one in (*CASES, *BY_FORM) if (one.plugin, one.client) == (place["plugin"], client)]
    company = await make_company(database, [place["plugin"]], **client)
    async with database.write(company.tenant_id, company.admin) as session:
        subjects = [await case.start(session, company) for case in cases]
    assert cases
    for due in sorted({case.due for case in cases}):
        here = [(case.key, subject_id) for case, subject_id in zip(cases, subjects, strict=True) if case.due == due]
        await look(database, company, due)
        async with database.read(company.tenant_id, company.admin) as session:
            assert all([(await clocks_of(session, one))[key].breach is None for key, one in here])
        await look(database, company, due + timedelta(seconds=1))
        async with database.read(company.tenant_id, company.admin) as session:
            for key, subject_id in here:
                clock = (await clocks_of(session, subject_id))[key]
                assert clock.state == ClockState.BREACHED
                assert clock.breach is not None
                assert datetime.fromisoformat(clock.breach["due"]) == due
                assert "step:breached" in await events_of(session, clock.id)
