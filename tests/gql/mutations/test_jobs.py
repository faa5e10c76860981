"""Background jobs through the API: seen, retried and discarded."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from steward_tenants.access.permissions import JOBS_MANAGE, JOBS_VIEW
from steward_tenants.database.actor import Scope
from steward_tenants.errors import Forbidden
from steward_tenants.outbox.errors import JobNotDead, JobOver
from steward_tenants.outbox.models import OutboxJob
from tests.factories import TESTS
from tests.gql.mutations.place import Place

NOTE = {"code": "not_found", "class": "refused", "message": {"zh-CN": "找不到客户。", "en": "No such client."}}


async def job(place: Place, status: str) -> UUID:
    async with place.database.write(place.tenant_id, TESTS) as session:
        row = OutboxJob(queue="normal", kind="tests.gone", status=status, attempts=3, error=NOTE)
        session.add(row)
        await session.flush()
        return row.id


async def test_a_dead_job_is_retried_and_then_discarded(place: Place) -> None:
    job_id = await job(place, "dead")
    given: dict[str, Any] = {"jobId": str(job_id)}
    assert await place.ask("retryJob", **given) == {"job": job_id}
    (row,) = await place.rows(OutboxJob, OutboxJob.id == job_id)
    assert (row.status, row.attempts, row.error) == ("waiting", 0, NOTE)
    with pytest.raises(JobNotDead):
        await place.ask("retryJob", **given)
    assert await place.ask("discardJob", **given, reason="不再需要") == {"job": job_id}
    with pytest.raises(JobOver):
        await place.ask("discardJob", **given)


async def test_seeing_jobs_is_not_enough(place: Place) -> None:
    given: dict[str, Any] = {"jobId": str(await job(place, "dead"))}
    for mutation in ("retryJob", "discardJob"):
        with pytest.raises(Forbidden):
            await place.ask(mutation, place.as_manager_with(JOBS_VIEW, scope=Scope.ALL), **given)
    assert await place.ask("retryJob", place.as_manager_with(JOBS_MANAGE, scope=Scope.ALL), **given)
