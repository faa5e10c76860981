"""A tenant with the telecom plugin on, and rows written past the services."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from steward_core.clients.fact_rules import last_day
from steward_core.clients.models import ClientFact
from steward_core.forms.bulk import NewRecords, insert_records
from steward_core.forms.documents import fill
from steward_core.forms.form import Several
from steward_core.industry.declarations import Period
from steward_core.industry.dispatcher import indicator_rows, trigger_rows
from steward_core.industry.registry import form_of
from steward_core.industry.service import enable
from steward_tenants.database.database import Database
from steward_tenants.database.session import WriteSession
from tests.factories import TESTS, make_tenant
from tests.plugins.behind import adds_up

TODAY = date(2026, 11, 20)
NOVEMBER = Period("2026-11", date(2026, 11, 1), date(2026, 12, 1))
VPN: Mapping[str, Any] = {
    "group_number": "VG1",
    "group_name": "华信虚拟网",
    "short_number_from": "6000",
    "short_number_to": "6199",
    "members_now": 120,
    "members_planned": 150,
    "main_package": "集团畅聊 39 套餐",
    "agreement_start": date(2025, 1, 1),
    "agreement_end": date(2026, 12, 31),
}
ORDER: Mapping[str, Any] = {"contract_number": "XZ1", "service": "互联网专线新装", "signed_on": date(2026, 11, 10)}
REPORT: Mapping[str, Any] = {
    "competitor": "远通通信",
    "offer": "八折",
    "strength": "strong",
    "source": "走访",
    "reported_on": date(2026, 11, 13),
}


@asynccontextmanager
async def telecom(database: Database, **settings: Any) -> AsyncIterator[WriteSession]:
    """A new tenant with the plugin on and these settings."""
    tenant_id = await make_tenant(database)
    async with database.write(tenant_id, TESTS) as session:
        await enable(session, "telecom", settings=settings)
        yield session


async def add_record(
    session: WriteSession,
    key: str,
    subject_id: UUID,
    client_id: UUID | None,
    values: Mapping[str, Any],
    state: str = "filed",
) -> UUID:
    """A record of a telecom form, validated as the service would."""
    form = form_of(f"telecom.{key}")
    filled = fill(form, values)
    about = form.about
    slot = "" if about.several is Several.ONE else filled.document[about.slot_field] if about.slot_field else None
    await session.flush()
    records = NewRecords(
        [subject_id],
        [filled.document],
        [filled.computed],
        state,
        client_ids=[client_id],
        owner_ids=[subject_id if about.subject == "user" else None],
        unit_ids=[subject_id if about.subject == "unit" else None],
        slots=[slot],
    )
    return (await insert_records(session, form, f"telecom.{key}", records))[0]


def add_fact(session: WriteSession, client_id: UUID, metric: str, month: date, value: float) -> None:
    """A month's figure, booked on its last day."""
    session.add(
        ClientFact(
            client_id=client_id,
            metric=metric,
            period=month,
            source="boss",
            revision=1,
            grain="month",
            value=Decimal(str(value)),
            booked_on=last_day("month", month),
            recorded_by=session.actor.id,
        )
    )


async def found(
    session: WriteSession, key: str, today: date = TODAY
) -> list[tuple[str, UUID | None, date, dict[str, Any]]]:
    """What a trigger finds: the client's name, the subject, the day, the figures."""
    await session.flush()
    answer = await trigger_rows(session, f"telecom.{key}", today)
    assert answer.faults == ()
    return [(row.client_name, row.subject_id, row.due_on, dict(row.figures)) for row in answer.rows]


async def measured(
    session: WriteSession, key: str, period: Period = NOVEMBER, today: date = TODAY
) -> dict[str, tuple[float | None, float | None, float | None]]:
    """An indicator's value, numerator and denominator, by the managers' names; what lies behind them adds up to them."""
    await session.flush()
    answer = await indicator_rows(session, f"telecom.{key}", period, today)
    assert answer.fault is None
    await adds_up(session, f"telecom.{key}", period, today, answer)
    return {
        row.owner_name: tuple(
            None if one is None else float(one) for one in (row.value, row.numerator, row.denominator)
        )  # type: ignore[misc]
        for row in answer.rows
    }
