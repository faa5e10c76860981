"""Errors of the outbox."""

from __future__ import annotations

from steward_tenants.errors import Conflict
from steward_tenants.texts import Bilingual


class UnfitJob(TypeError):
    """A job was given a name or payload that may not be stored: a programming error, never shown to a person.

    The text names the place and the rule, not the value, which might be personal.
    """

    def __init__(self, place: str, reason: str) -> None:
        self.place = place
        super().__init__(f"{place} {reason}")


class JobNotDead(Conflict):
    """Only a job that was given up can be retried."""

    code = "job_not_dead"
    message = Bilingual("只有已停止重试的任务才能再次执行。", "Only a job that was given up can be retried.")
    remedy = Bilingual("等待中的任务会自动执行，请稍后查看。", "A job that waits is done by itself; look again later.")


class JobWaitsAlready(Conflict):
    """Another job waits for the same, so that this one need not be done."""

    code = "job_waits_already"
    message = Bilingual("同一工作已有任务在等待执行。", "Another job waits to do the same.")
    remedy = Bilingual("可以放弃本任务。", "You may discard this one.")


class JobOver(Conflict):
    """A job that is done or discarded can no longer be discarded."""

    code = "job_over"
    message = Bilingual("该任务已完成或已放弃。", "The job is done or discarded already.")
    remedy = Bilingual("无需再处理。", "There is nothing left to do about it.")
