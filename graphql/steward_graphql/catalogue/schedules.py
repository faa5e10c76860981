"""Schedules with their firings, and the days about which the tenant decides itself."""

from __future__ import annotations

from steward_core.calendars.models import CalendarDay
from steward_core.permissions import SCHEDULES_VIEW
from steward_core.schedules.models import Schedule, ScheduleFiring
from steward_core.schedules.rules import CatchUp
from steward_graphql.declared.entities import Catalogue, Entity, ListRoot, OneRoot, column, many, one
from steward_graphql.declared.scalars import enum_of
from steward_tenants.texts import Bilingual

CATCH_UP = enum_of(
    CatchUp,
    "CatchUp",
    "错过的时间点如何处理",
    "What becomes of moments that were missed",
    {
        "all": ("逐一补做", "Each is made up for"),
        "last": ("只补做最后一次", "The last one is made up for"),
        "none": ("不补做", "None is made up for"),
    },
)

SCHEDULE = Entity(
    "Schedule",
    Schedule,
    Bilingual("计划任务", "A schedule: work that is done again and again"),
    view=SCHEDULES_VIEW,
    order=(("key", False),),
    fields=(
        column(Schedule.id, "编号", "Identifier"),
        column(Schedule.key, "标识", "Its key", filter=True, order=True),
        column(Schedule.title_zh, "中文名称", "Its Chinese title"),
        column(Schedule.title_en, "英文名称", "Its English title"),
        column(Schedule.task, "做什么", "What is done", filter=True, group=True),
        column(Schedule.parameters, "任务的参数", "What the task is given"),
        column(Schedule.rule, "时间规则：cron 或日历词语", "When: a cron line or calendar words"),
        column(Schedule.catch_up, "错过的时间点", "What becomes of missed moments", kind=CATCH_UP, filter=True),
        column(Schedule.paused, "是否暂停", "Whether it rests", filter=True),
        column(
            Schedule.source,
            "来源：空为本租户，system 为系统，其他为插件",
            "Who brought it: empty for the tenant, system, or a plugin's key",
            filter=True,
        ),
        column(Schedule.retired, "其插件是否已停用", "Whether its plugin is off", filter=True),
        column(Schedule.next_at, "下次时间", "When it fires next", filter=True, order=True),
        column(Schedule.last_fired_at, "上次触发", "When it last fired", filter=True, order=True),
        column(Schedule.created_at, "设立时间", "When it was made", filter=True, order=True),
        column(Schedule.version, "版本", "Counts its changes"),
        many("firings", "ScheduleFiring", "schedule_id", "触发记录", "Its firings"),
        one("answersTo", "Person", Schedule.answers_to, "以谁的名义执行", "In whose name runs are asked for"),
    ),
)
FIRING = Entity(
    "ScheduleFiring",
    ScheduleFiring,
    Bilingual("计划任务的一次触发", "One moment of a schedule that fired"),
    view=SCHEDULES_VIEW,
    order=(("plannedAt", True),),
    fields=(
        column(ScheduleFiring.id, "编号", "Identifier"),
        column(ScheduleFiring.planned_at, "计划时间", "The moment that was planned", filter=True, order=True),
        column(ScheduleFiring.fired_at, "实际触发时间", "When it fired", filter=True, order=True),
        column(ScheduleFiring.by_hand, "是否人工触发", "Whether somebody asked for it", filter=True),
        column(ScheduleFiring.job_id, "后台任务编号", "Identifier of its job"),
        column(ScheduleFiring.run_id, "长任务编号", "Identifier of its run"),
        one("schedule", "Schedule", ScheduleFiring.schedule_id, "计划任务", "Its schedule"),
        one("run", "Run", ScheduleFiring.run_id, "长任务", "Its run"),
    ),
)
CALENDAR_OVERRIDE = Entity(
    "CalendarOverride",
    CalendarDay,
    Bilingual("租户自行设定的工作日或休息日", "A day about which the tenant decides itself"),
    order=(("day", False),),
    fields=(
        column(CalendarDay.id, "编号", "Identifier"),
        column(CalendarDay.day, "日期", "The day", filter=True, order=True),
        column(CalendarDay.working, "是否上班", "Whether it is worked", filter=True),
        column(CalendarDay.title, "名称", "What it is called"),
        column(CalendarDay.set_at, "设定时间", "When it was set"),
        one("setBy", "Person", CalendarDay.set_by, "设定人", "Who set it"),
    ),
)

CATALOGUE = Catalogue(
    entities=(SCHEDULE, FIRING, CALENDAR_OVERRIDE),
    roots=(
        ListRoot("schedules", "Schedule", Bilingual("计划任务", "Schedules")),
        OneRoot("schedule", "Schedule", Bilingual("一个计划任务", "One schedule")),
        ListRoot("calendarOverrides", "CalendarOverride", Bilingual("自行设定的日期", "Days of the tenant's own")),
    ),
)
