"""`steward notice`: one's own notices, and how they come."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from uuid import UUID

import pytest

from steward_core.notifications.service import notify
from steward_tenants.database.database import Database
from steward_tenants.database.session import TenantSession
from steward_tenants.texts import Bilingual
from tests.core.notifications.post import LATE, kinds
from tests.factories import TESTS
from tests.server.cli.console import BOSS, MANAGER, TENANT, Console, id_of, in_thread


@pytest.fixture(autouse=True)
def _kinds() -> Iterator[None]:
    with kinds():
        yield


async def tenant_of(session: TenantSession) -> UUID:
    return session.tenant_id


def tell(console: Console, login: str, title: Bilingual) -> None:
    user_id = id_of(console, login)
    tenant_id = console.look(tenant_of)

    async def write() -> None:
        database = Database(console.settings)
        try:
            async with database.write(tenant_id, TESTS) as session:
                await notify(session, [user_id], LATE, title=title)
        finally:
            await database.dispose()

    in_thread(lambda: asyncio.run(write()))


def test_notices_are_listed_and_read(console: Console) -> None:
    tell(console, BOSS, Bilingual("一", "One"))
    tell(console, BOSS, Bilingual("二", "Two"))
    words = ["notice", "list", TENANT, "--login", BOSS, "--unread", "--json"]
    second, first = console(*words).rows
    assert (second["title"], first["title"], first["read_at"]) == ("二 Two", "一 One", None)
    assert console("notice", "read", TENANT, first["id"], "--login", BOSS).code == 0
    assert [row["title"] for row in console(*words).rows] == ["二 Two"]
    assert console("notice", "read", TENANT, second["id"], "--login", MANAGER).code == 1
    assert "1" in console("notice", "read", TENANT, "--login", BOSS).err
    assert console(*words).rows == []


def test_preferences_are_shown_and_set(console: Console) -> None:
    words = ["notice", "preferences", TENANT, "--login", MANAGER]
    rows = console(*words, "--kind", LATE, "--off", "--quiet", "22:00-08:00", "--json").rows
    assert {row["kind"]: row["email"] for row in rows if "kind" in row}[LATE] == "off"
    assert rows[-1] == {"quiet_hours": "22:00-08:00"}
    shown = console(*words, "--kind", LATE, "--quiet", "none")
    assert "quiet hours: —" in shown.err
    assert console(*words, "--quiet", "late").code == 1
