"""The outbox's writing side: a job stands or falls with its command, and carries no personal data."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from steward_tenants.database.database import Database
from steward_tenants.database.identifiers import new_id
from steward_tenants.directory.models import Doorbell
from steward_tenants.outbox.errors import UnfitJob
from steward_tenants.outbox.models import OutboxJob
from steward_tenants.outbox.rules import fit_payload
from steward_tenants.outbox.service import enqueue
from tests.factories import TESTS, make_tenant


async def doorbells(database: Database, tenant_id: UUID) -> list[Doorbell]:
    async with database.directory() as directory:
        return list(await directory.scalars(select(Doorbell).where(Doorbell.tenant_id == tenant_id)))


async def test_a_job_and_its_doorbell_are_written_together(database: Database) -> None:
    tenant_id, unit_id = await make_tenant(database), new_id()
    async with database.write(tenant_id, TESTS) as session:
        job_id = await enqueue(session, "imports", "units.import", {"unit_id": unit_id, "rows": [1, 2]})
    async with database.read(tenant_id, TESTS) as session:
        job = await session.get(OutboxJob, job_id)
    assert job is not None
    assert (job.queue, job.kind, job.done_at) == ("imports", "units.import", None)
    assert job.payload == {"unit_id": str(unit_id), "rows": [1, 2]}
    (bell,) = await doorbells(database, tenant_id)
    assert (bell.queue, bell.job_id, bell.due) == ("imports", job_id, job.due)


async def test_a_job_can_wait(database: Database) -> None:
    tenant_id, due = await make_tenant(database), datetime.now(UTC) + timedelta(days=1)
    async with database.write(tenant_id, TESTS) as session:
        await enqueue(session, "mail", "reminder", {}, due=due)
    (bell,) = await doorbells(database, tenant_id)
    assert bell.due == due


async def test_a_job_is_undone_with_its_command(database: Database) -> None:
    tenant_id = await make_tenant(database)

    async def fail() -> None:
        async with database.write(tenant_id, TESTS) as session:
            await enqueue(session, "mail", "reminder", {})
            raise LookupError

    with pytest.raises(LookupError):
        await fail()
    assert await doorbells(database, tenant_id) == []
    async with database.read(tenant_id, TESTS) as session:
        assert await session.find(OutboxJob) is None


@pytest.mark.parametrize(("queue", "kind"), [("audit", "x"), ("", "x"), ("Mail", "x"), ("m", ""), ("m", "发送")])
async def test_names_are_short_keys(database: Database, queue: str, kind: str) -> None:
    tenant_id = await make_tenant(database)
    async with database.write(tenant_id, TESTS) as session:
        with pytest.raises(UnfitJob):
            await enqueue(session, queue, kind, {})
    assert await doorbells(database, tenant_id) == []


@pytest.mark.parametrize(
    "value",
    [
        "王芳",
        "Wang Fang",
        "wang@example.test",
        "13800138000",
        "110101199003070000",
        "",
        "a" * 65,
        "0197D3A0-0000-7000-8000-00000000ABCD",
        b"x",
        float("nan"),
        object(),
        datetime.now(UTC),
        {"名": 1},
        {"a": ["王芳"]},
        {"a": {"a": {"a": {"a": 1}}}},
    ],
)
def test_what_might_be_personal_is_refused_and_not_repeated(value: Any) -> None:
    with pytest.raises(UnfitJob) as raised:
        fit_payload({"place": value})
    assert raised.value.place.startswith("payload.place")
    assert str(value) == "" or str(value) not in str(raised.value)


KEYS = st.from_regex(r"[a-z][a-z0-9_.:-]{0,20}", fullmatch=True)


@given(st.dictionaries(KEYS, st.uuids() | st.integers() | KEYS | st.dates().map(str) | st.lists(st.uuids())))
def test_identifiers_numbers_and_keys_pass_and_pass_again(payload: dict[str, Any]) -> None:
    fitted = fit_payload(payload)
    assert set(fitted) == set(payload)
    assert fit_payload(fitted) == fitted
