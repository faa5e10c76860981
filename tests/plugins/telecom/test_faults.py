"""Fault reports: what their moments say, and which promises they start and keep."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from steward_core.forms.documents import fill
from steward_core.forms.service import save_record
from steward_core.industry.registry import form_of
from steward_core.promises.models import PromiseClock
from steward_tenants.database.database import Database
from steward_tenants.errors import InvalidInput
from tests.core.factories import make_client
from tests.factories import make_user
from tests.plugins.telecom.tenants import telecom

FORM = "telecom.fault_report"
REPORTED = datetime(2026, 11, 20, 1, 0, tzinfo=UTC)


def after(minutes: int) -> str:
    return (REPORTED + timedelta(minutes=minutes)).isoformat()


def report(**moments: Any) -> dict[str, Any]:
    return {"line": "ZX-01", "kind": "dedicated", "reported_at": after(0), **moments}


def test_moments_give_response_and_repair_times() -> None:
    filled = fill(form_of(FORM), report(arrived_at=after(25), restored_at=after(90), confirmed_at=after(95)))
    assert filled.computed == {"response_minutes": 25, "repair_minutes": 90, "confirmed": True}
    far = fill(form_of(FORM), report(restored_at=after(20)))
    assert (far.computed["response_minutes"], far.computed["confirmed"]) == (20, False)
    new = fill(form_of(FORM), report())
    assert (new.computed["response_minutes"], new.computed["repair_minutes"]) == (None, None)


@pytest.mark.parametrize(
    "moments",
    [
        {"arrived_at": after(-1)},
        {"engineering_contacted_at": after(-1)},
        {"confirmed_at": after(5)},
        {"restored_at": after(9), "confirmed_at": after(5)},
        {"kind": "carrier_pigeon"},
        {"reported_at": "2026-11-20T09:00:00"},
    ],
)
async def test_moments_out_of_order_are_refused(database: Database, moments: dict[str, Any]) -> None:
    async with telecom(database) as session:
        owner = make_user(session)
        await session.flush()
        client = make_client(session, kind="commercial", owner_id=owner.id)
        await session.flush()
        with pytest.raises(InvalidInput):
            await save_record(session, FORM, client.id, report(**moments), today=REPORTED.date())


@pytest.mark.parametrize(
    ("trade", "solved"), [("hotel", "telecom.fault_solved"), ("internet_cafe", "telecom.fault_solved_internet_cafe")]
)
async def test_a_report_starts_the_clocks_and_its_moments_keep_them(
    database: Database, trade: str, solved: str
) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    async with telecom(database) as session:
        owner = make_user(session)
        await session.flush()
        client = make_client(session, kind="cluster_client", trade=trade, owner_id=owner.id)
        await session.flush()
        values = {"line": "ZX-01", "kind": "dial_up", "reported_at": (now - timedelta(minutes=60)).isoformat()}
        made = await save_record(session, FORM, client.id, values, today=now.date())

        async def clocks() -> dict[str, str]:
            found = await session.scalars(
                select(PromiseClock)
                .where(session.within(PromiseClock), PromiseClock.subject_id == made.id)
                .execution_options(populate_existing=True)
            )
            return {one.promise: one.state for one in found}

        assert {"telecom.fault_response", "telecom.fault_engineering", solved} == set(await clocks())
        moments = {
            "engineering_contacted_at": (now - timedelta(minutes=55)).isoformat(),
            "arrived_at": (now - timedelta(minutes=20)).isoformat(),
            "restored_at": (now - timedelta(minutes=5)).isoformat(),
        }
        await save_record(session, FORM, client.id, values | moments, record_id=made.id, today=now.date())
        assert await clocks() == {
            "telecom.fault_engineering": "kept",
            "telecom.fault_response": "late",
            solved: "kept",
        }
