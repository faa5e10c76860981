"""What a tenant decides about its calendar."""

from __future__ import annotations

from datetime import time
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict

from steward_core.calendars.rules import BusinessHours, CalendarBase
from steward_tenants.configuration.settings import declare_setting


class Hours(BaseModel):
    """Business hours as a tenant sets them, such as {"begins": "08:45", "ends": "17:30"}."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    begins: time = time(8, 45)
    ends: time = time(17, 30)

    @property
    def hours(self) -> BusinessHours:
        """The same for rules."""
        return BusinessHours(self.begins, self.ends)


def _in_order(hours: Hours) -> Hours:
    if hours.begins.tzinfo or hours.ends.tzinfo or hours.begins >= hours.ends:
        raise ValueError("hours begin before they end, without a zone / 开始须早于结束，不带时区")
    return hours


CALENDAR_BASE = declare_setting(
    "calendar.base",
    CalendarBase,
    CalendarBase.CHINA,
    "工作日历：中国法定节假日（含调休），或只分周末",
    "Working days: China's public holidays with exchanged days, or weekends only",
)
BUSINESS_HOURS = declare_setting(
    "calendar.business_hours",
    Annotated[Hours, AfterValidator(_in_order)],
    Hours(),
    "上班时间",
    "Business hours",
)
