"""`steward schedule`: what recurs, looked at, looked ahead, done now."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select

from steward_core.schedules.models import ScheduleFiring
from steward_tenants.database.session import TenantSession
from tests.server.cli.console import ADMIN, MANAGER, TENANT, Console

NIGHTLY = "system.clients_nightly"


async def firings(session: TenantSession) -> list[ScheduleFiring]:
    return list(await session.scalars(select(ScheduleFiring).where(session.within(ScheduleFiring))))


def test_schedules_are_listed(console: Console) -> None:
    rows = {row["key"]: row for row in console("schedule", "list", TENANT, "--login", ADMIN, "--json").rows}
    assert NIGHTLY in rows
    nightly = rows[NIGHTLY]
    assert (nightly["paused"], nightly["source"] != "") == (False, True)
    assert console("schedule", "preview", TENANT, nightly["rule"], "--login", ADMIN, "--json").rows
    assert NIGHTLY in console("schedule", "list", TENANT, "--login", ADMIN).out
    assert console("schedule", "list", TENANT, "--login", MANAGER, "--json").error["code"] == "forbidden"


def test_moments_are_shown_ahead_by_rule_and_by_key(console: Console) -> None:
    words = ["schedule", "preview", TENANT]
    rows = console(*words, "30 9 * * *", "--count", "3", "--login", ADMIN, "--json").rows
    moments = [datetime.fromisoformat(row["at"]) for row in rows]
    assert [moment.strftime("%H:%M %z") for moment in moments] == ["09:30 +0800"] * 3
    assert moments[1] - moments[0] == moments[2] - moments[1] == timedelta(days=1)
    assert len(console(*words, "first working day 09:00", "--login", ADMIN, "--json").rows) == 10
    assert len(console(*words, NIGHTLY, "--count", "1", "--login", ADMIN, "--json").rows) == 1
    assert "09:30" in console(*words, "30 9 * * *", "--login", ADMIN).out
    assert console(*words, "now and then", "--login", ADMIN, "--json").error["code"] == "invalid_input"
    assert console(*words, "30 9 * * *", "--login", MANAGER, "--json").error["code"] == "forbidden"


def test_a_schedule_is_run_now_beside_its_moments(console: Console) -> None:
    words = ["schedule", "run", TENANT]
    before = console.look(firings)
    listed = {row["key"]: row for row in console("schedule", "list", TENANT, "--login", ADMIN, "--json").rows}
    assert console(*words, NIGHTLY, "--login", ADMIN, "--json").row["next_at"] == listed[NIGHTLY]["next_at"]
    assert len(console.look(firings)) == len(before) + 1
    assert console.events("schedules.run")
    assert NIGHTLY in console(*words, NIGHTLY, "--login", ADMIN).out
    assert console(*words, "no.such", "--login", ADMIN, "--json").error["code"] == "schedule_not_found"
    assert console(*words, NIGHTLY, "--login", MANAGER, "--json").error["code"] == "forbidden"
    assert len(console.look(firings)) == len(before) + 2
