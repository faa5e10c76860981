"""Commands on schedules and on the tenant's calendar."""

from __future__ import annotations

from steward_core.calendars.models import CalendarDay
from steward_core.schedules.models import Schedule
from steward_graphql.catalogue.schedules import CATCH_UP
from steward_graphql.mutations.derive import Offer
from steward_graphql.mutations.payloads import done, id_of, row
from steward_tenants.texts import Bilingual

_TEXTS = {
    "schedule_id": Bilingual("计划任务", "The schedule"),
    "rule": Bilingual("时间规则：cron 或日历词语", "When: a cron line or calendar words"),
    "task": Bilingual("做什么，如 grading:<评级办法>", "What is done, such as grading:<scheme>"),
    "catch_up": Bilingual("错过的时间点如何处理", "What becomes of missed moments"),
    "title_zh": Bilingual("中文名称", "Its Chinese title"),
    "title_en": Bilingual("英文名称", "Its English title"),
    "unit_id": Bilingual("评级的机构；空为全公司", "The unit to grade; none: the whole company"),
    "day": Bilingual("日期", "The day"),
    "working": Bilingual("是否上班", "Whether it is worked"),
    "title": Bilingual("名称", "What it is called"),
}
_KINDS = {"catch_up": CATCH_UP}


def schedules() -> dict[str, Offer]:
    """Schedules, and days of the tenant's own."""
    schedule = (row("schedule", Schedule, "计划任务", "The schedule"),)
    day = (row("calendar_override", CalendarDay, "设定的日期", "The day"),)
    return {
        "schedules.create": Offer("createSchedule", schedule, kinds=_KINDS, texts=_TEXTS),
        "schedules.change": Offer("changeSchedule", schedule, kinds=_KINDS, texts=_TEXTS),
        "schedules.pause": Offer(
            "pauseSchedule",
            schedule,
            Bilingual("期间的时间点不补做", "moments that pass meanwhile are not made up for"),
            texts=_TEXTS,
        ),
        "schedules.resume": Offer("resumeSchedule", schedule, texts=_TEXTS),
        "schedules.run": Offer("runSchedule", schedule, texts=_TEXTS),
        "schedules.delete": Offer("deleteSchedule", (id_of("schedule_id"),), texts=_TEXTS),
        "calendar.day.set": Offer("setCalendarDay", day, texts=_TEXTS),
        "calendar.day.clear": Offer("clearCalendarDay", (done(),), texts=_TEXTS),
    }
