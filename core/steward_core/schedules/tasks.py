"""What schedules may do. Not every kind of job is for schedules: only those that are declared here."""

from __future__ import annotations

from dataclasses import dataclass

from steward_tenants.outbox.jobs import Queue
from steward_tenants.texts import Bilingual

GRADING = "grading:"
"""`grading:<full key of a scheme>`: the whole company's grading of the last period that is over."""
START = "schedules.start"
"""The job that asks for a run in the name of the schedule's person."""


@dataclass(frozen=True)
class Task:
    """A task. The job of kind `job` does it, or a run of kind `run` is asked for. `own`: tenants may schedule it
    themselves; the others come with the platform."""

    key: str
    title: Bilingual
    job: str
    queue: Queue
    run: str | None = None
    own: bool = True


TASKS: dict[str, Task] = {}


def declare_task(
    key: str,
    zh: str,
    en: str,
    *,
    job: str | None = None,
    run: str | None = None,
    queue: Queue = Queue.BULK,
    own: bool = True,
) -> Task:
    """Declare a task: one of `job` and `run` does it. A key stands once."""
    if key in TASKS:
        raise ValueError(f"task {key} is declared twice")
    if (job is None) is (run is None):
        raise ValueError(f"task {key}: either a job or a run does it")
    TASKS[key] = Task(key, Bilingual(zh, en), job or START, queue, run, own)
    return TASKS[key]


def task_of(key: str) -> Task | None:
    """The task of this key; of gradings any scheme's."""
    if key.startswith(GRADING):
        title = Bilingual(f"评级 {key.removeprefix(GRADING)}", f"Grading {key.removeprefix(GRADING)}")
        return Task(key, title, START, Queue.BULK)
    return TASKS.get(key)


declare_task(
    "clients.nightly", "客户夜间检查与提醒", "Nightly look at clients, and reminders", job="clients.nightly", own=False
)
declare_task("months.tend", "开启与关闭月份，提醒", "Open and close months, remind", job="months.tend", own=False)
declare_task(
    "promises.recompute",
    "按日历重算承诺时限",
    "Reckon promises anew by the calendar",
    job="promises.recompute",
    queue=Queue.NORMAL,
    own=False,
)
declare_task("upkeep.tenant", "每小时整理", "Hourly upkeep", job="upkeep.tenant", own=False)
declare_task("audit.verify", "审计链校验", "Verification of the audit chain", job="audit.verify", own=False)
declare_task("clients.contracts_end", "合同到期处理", "End contracts past their date", run="clients.contracts_end")
