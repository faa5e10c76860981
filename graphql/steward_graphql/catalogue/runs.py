"""Runs: long work as it goes. Who holds a kind's permission for everything sees all of its runs, others their own."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Text, and_, literal, or_

from steward_core.runs.models import Run, RunStatus
from steward_core.runs.service import RUN_KINDS, common
from steward_graphql.catalogue.people import name_of
from steward_graphql.declared.entities import Catalogue, Entity, ListRoot, OneRoot, Row, column, computed, one
from steward_graphql.declared.scalars import LONG, STRING, enum_of
from steward_tenants.texts import Bilingual

RUN_STATUS = enum_of(
    RunStatus,
    "RunStatus",
    "任务的状态",
    "State of a run",
    {
        "waiting": ("等待开始", "Waiting to begin"),
        "running": ("进行中", "Running"),
        "done": ("已完成", "Done"),
        "failed": ("失败，可继续", "Failed; it can be resumed"),
        "cancelled": ("已取消", "Cancelled"),
    },
)


def _visible(row: Row) -> ColumnElement[bool]:
    actor = row.planning.profile.actor
    all_of = [key for key, kind in sorted(RUN_KINDS.items()) if common(actor, kind)]
    own_of = [key for key, kind in sorted(RUN_KINDS.items()) if kind.permission.key in actor.permissions]
    own = and_(_one_of(row, own_of), row.table.requested_by == row.planning.session.actor.id)
    return or_(_one_of(row, all_of), own)


def _one_of(row: Row, kinds: list[str]) -> ColumnElement[bool]:
    # A constant FALSE would swallow the tenant's condition next to it; a bound one leaves wall 2 standing.
    if not kinds:
        return literal(False)
    found: ColumnElement[bool] = row.table.kind.in_([literal(key, Text) for key in kinds])
    return found


RUN = Entity(
    "Run",
    Run,
    Bilingual("任务：一项耗时的工作及其进度", "A run: a piece of long work and how far it is"),
    reach=_visible,
    order=(("requestedAt", True),),
    fields=(
        column(Run.id, "编号", "Identifier", filter=True),
        column(Run.kind, "任务种类的标识", "Key of its kind", filter=True, group=True),
        column(Run.period, "期间，可为空", "Its period; may be empty", filter=True),
        column(Run.subject, "处理的对象，可为空", "What it works on; may be empty", filter=True),
        column(Run.status, "状态", "Its state", kind=RUN_STATUS, filter=True, group=True),
        column(Run.parameters, "要做什么", "What is to be done"),
        column(Run.counts, "各项结果的数量", "How many of what came out"),
        column(Run.error, "停止的原因：代码与说明", "What stopped it: its code and texts"),
        column(Run.done, "已完成数", "How much is done", kind=LONG),
        column(Run.total, "总数；0 为尚不知道", "Out of how much; 0: not known yet", kind=LONG),
        column(Run.attempts, "尝试次数", "How often it was begun or resumed"),
        column(Run.requested_at, "发起时间", "When it was asked for", filter=True, order=True, group=True),
        column(Run.requested_by, "发起人编号", "Id of who asked for it", name="requestedById", filter=True),
        computed("requestedByName", STRING, name_of("requested_by"), "发起人姓名", "Name of who asked for it"),
        column(Run.started_at, "开始时间", "When it began", filter=True, order=True),
        column(Run.heartbeat_at, "最近进展时间", "When it last made progress"),
        column(Run.finished_at, "结束时间", "When it ended", filter=True, order=True),
        column(Run.rate, "每秒完成数；尚不知道时为空", "How much is done in a second; empty while unknown"),
        column(
            Run.expected_end, "预计结束时间；尚不知道时为空", "When it will be done at that rate; empty while unknown"
        ),
        column(Run.version, "版本", "Counts its changes"),
        one("requestedBy", "Person", Run.requested_by, "发起人", "Who asked for it"),
    ),
)

CATALOGUE = Catalogue(
    entities=(RUN,),
    roots=(
        ListRoot("runs", "Run", Bilingual("可见的任务", "The runs that the caller may see")),
        OneRoot("run", "Run", Bilingual("一个任务", "One run")),
    ),
)
