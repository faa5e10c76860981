"""Background jobs: what waits, what was given up and why. Texts are those a person may read."""

from __future__ import annotations

from steward_graphql.declared.entities import Catalogue, Entity, ListRoot, OneRoot, column
from steward_graphql.declared.scalars import INT, enum_of
from steward_tenants.access.permissions import JOBS_VIEW
from steward_tenants.outbox.jobs import Queue
from steward_tenants.outbox.models import JobStatus, OutboxJob
from steward_tenants.texts import Bilingual

JOB_STATUS = enum_of(
    JobStatus,
    "JobStatus",
    "后台任务的状态",
    "State of a background job",
    {
        "waiting": ("等待执行", "Waits until it is due, perhaps for its next attempt"),
        "done": ("已完成", "Done"),
        "dead": ("已停止重试，待人工处理", "Given up until a person retries or discards it"),
        "discarded": ("已放弃", "Discarded by a person"),
    },
)
JOB_QUEUE = enum_of(
    Queue,
    "JobQueue",
    "后台任务的队列",
    "How urgent a background job is",
    {
        "urgent": ("有人在等", "Somebody waits for it"),
        "normal": ("普通", "Normal"),
        "bulk": ("不急", "It may take its time"),
    },
)

JOB = Entity(
    "Job",
    OutboxJob,
    Bilingual("后台任务", "A background job"),
    view=JOBS_VIEW,
    order=(("id", True),),
    fields=(
        column(OutboxJob.id, "编号；按创建先后排序", "Identifier; in order of creation", filter=True, order=True),
        column(OutboxJob.queue, "队列", "Its queue", kind=JOB_QUEUE, filter=True, group=True),
        column(OutboxJob.kind, "任务种类的标识", "Key of its kind", filter=True, group=True),
        column(OutboxJob.status, "状态", "Its state", kind=JOB_STATUS, filter=True, group=True),
        column(OutboxJob.payload, "要处理的对象：仅编号和标识", "What it is about: identifiers and keys only"),
        column(OutboxJob.due, "最早执行时间", "The earliest moment to do it", filter=True, order=True),
        column(OutboxJob.attempts, "失败次数", "How often it has failed", kind=INT, filter=True),
        column(
            OutboxJob.error,
            "最近一次失败：代码、类别和两种语言的说明",
            "The last failure: its code, class, and texts in both languages",
        ),
        column(
            OutboxJob.unique_key,
            "同类同键只有一个任务等待",
            "At most one job of its kind waits for this key",
            filter=True,
        ),
        column(OutboxJob.created_at, "创建时间", "When it was asked for", filter=True),
        column(OutboxJob.tried_at, "最近执行时间", "When it was last begun or tried", filter=True, order=True),
        column(OutboxJob.done_at, "完成或放弃时间", "When it was done or discarded", filter=True, order=True),
    ),
)

CATALOGUE = Catalogue(
    entities=(JOB,),
    roots=(
        ListRoot("jobs", "Job", Bilingual("后台任务", "Background jobs")),
        OneRoot("job", "Job", Bilingual("一个后台任务", "One background job")),
    ),
)
