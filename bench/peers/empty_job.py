"""A job that does nothing, for workers that are measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from steward_tenants.database.session import WriteSession
from steward_tenants.outbox.jobs import JOB_KINDS, JobTools, Queue, declare_job

KIND = "bench.empty"


async def _nothing(_session: WriteSession, _payload: Mapping[str, Any], _tools: JobTools) -> None:
    return


if KIND not in JOB_KINDS:
    declare_job(KIND, "空任务", "Nothing", Queue.NORMAL, in_session=_nothing)
