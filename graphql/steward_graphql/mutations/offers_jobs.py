"""Commands about background jobs."""

from __future__ import annotations

from steward_graphql.mutations.derive import Offer
from steward_graphql.mutations.payloads import Result, row
from steward_tenants.outbox.models import OutboxJob
from steward_tenants.texts import Bilingual


def _job() -> Result:
    return row("job", OutboxJob, "后台任务", "The job")


def jobs() -> dict[str, Offer]:
    """Trying again what was given up, and giving up what nobody needs any more."""
    texts = {"job_id": Bilingual("后台任务", "The job")}
    return {
        "jobs.retry": Offer(
            "retryJob",
            (_job(),),
            Bilingual("立即执行，失败次数归零", "it is due at once and has all its attempts again"),
            texts=texts,
        ),
        "jobs.discard": Offer("discardJob", (_job(),), Bilingual("不再执行", "it will not be done"), texts=texts),
    }
