"""Moments and lengths of time as the lines of promises write them."""

from __future__ import annotations

from datetime import datetime, timedelta

from steward_core.calendars.working_time import NONE, WorkingTime
from steward_core.promises.clocks import Unit
from steward_core.schedules.zones import wall_at
from steward_tenants.texts import Bilingual

_DAY_MINUTES = 24 * 60


def moment_words(moment: datetime, working_time: WorkingTime) -> str:
    """A moment as the wall clock of the zone shows it, to the minute."""
    return f"{wall_at(moment, working_time.zone):%Y-%m-%d %H:%M}"


def length_words(length: timedelta, unit: Unit) -> Bilingual:
    """A length of time, without its sign and without seconds: in days where calendar time is meant, otherwise in
    hours of work."""
    minutes = abs(length) // timedelta(minutes=1)
    if minutes == 0:
        less = Bilingual("不足 1 分钟", "less than a minute")
        return less if length != NONE else Bilingual("0 分钟", "0 min")
    days, rest = divmod(minutes, _DAY_MINUTES) if unit is Unit.CALENDAR_MINUTES else (0, minutes)
    parts = (
        (days, "{} 天", "{} d"),
        (rest // 60, "{} 小时", "{} h"),
        (rest % 60, "{} 分钟", "{} min"),
    )
    shown = [(zh.format(count), en.format(count)) for count, zh, en in parts if count]
    zh, en = (" ".join(one[place] for one in shown) for place in (0, 1))
    return Bilingual(zh, en) if unit is Unit.CALENDAR_MINUTES else Bilingual(f"工作时间 {zh}", f"{en} of work")
