"""What a tenant decides about its calendar."""

from __future__ import annotations

from datetime import time
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from steward_core.calendars.rules import BusinessHours, CalendarBase
from steward_tenants.configuration.settings import Setting, declare_setting


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
Named = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]


class NamedCalendar(BaseModel):
    """A calendar that promises may name, such as that of a duty desk: what is None is the tenant's own."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    base: CalendarBase | None = None
    hours: Annotated[Hours, AfterValidator(_in_order)] | None = None


UNIT_HOURS: Setting[dict[UUID, Hours]] = declare_setting(
    "calendar.unit_hours",
    Annotated[dict[UUID, Annotated[Hours, AfterValidator(_in_order)]], Field(max_length=2_000)],
    {},
    "各机构的上班时间（机构编号 → 时间；下级随上级）",
    "Business hours of units (identifier → hours; units below follow)",
)
NAMED_CALENDARS: Setting[dict[str, NamedCalendar]] = declare_setting(
    "calendar.named",
    Annotated[dict[Named, NamedCalendar], Field(max_length=50)],
    {},
    "承诺可以使用的其他日历",
    "Further calendars that promises may name",
)
