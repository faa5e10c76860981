"""What a telecom company can set, each with its default."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from steward_core.forms.fields import Percent, Refused, Stars, field
from steward_core.industry.declarations import PluginSettings
from steward_telecom.choices import Festival

Days = Annotated[int, Field(ge=1, le=365)]
FallPercent = Annotated[int, Field(ge=1, le=100)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", validate_default=True, frozen=True)


class FestivalDay(_Part):
    """The day on which a festival falls in a year."""

    festival: Annotated[Festival, field("节日", "Festival")]
    day: Annotated[date, field("日期", "Day")]


def _days(festival: Festival, *days: str) -> tuple[FestivalDay, ...]:
    return tuple(FestivalDay(festival=festival, day=date.fromisoformat(day)) for day in days)


FESTIVALS = (
    *_days(Festival.NEW_YEAR, "2026-01-01", "2027-01-01", "2028-01-01"),
    *_days(Festival.SPRING, "2026-02-17", "2027-02-06", "2028-01-26"),
    *_days(Festival.LABOUR_DAY, "2026-05-01", "2027-05-01", "2028-05-01"),
    *_days(Festival.DRAGON_BOAT, "2026-06-19", "2027-06-09", "2028-05-28"),
    *_days(Festival.MID_AUTUMN, "2026-09-25", "2027-09-15", "2028-10-03"),
    *_days(Festival.NATIONAL_DAY, "2026-10-01", "2027-10-01", "2028-10-01"),
)


class AccessFigures(_Part):
    """The figures of the access advice for leased lines [004#3]."""

    mstp_rate_mbit: Annotated[
        Decimal,
        Field(gt=0, le=10_000),
        field("MSTP/VPLS 速率上限（Mbit/s）", "Highest rate for MSTP and VPLS (Mbit/s)"),
    ] = Decimal(10)
    slot_use_below: Annotated[Percent, field("MSTP 环时隙占用须低于（%）", "Slots in use must be below (%)")] = Decimal(
        50
    )


class RingFigures(_Part):
    """How far transmission rings are loaded [004#3]."""

    initial_percent: Annotated[Percent, field("初期占用低于（%）", "Load at first, below (%)")] = Decimal(25)
    target_percent: Annotated[Percent, field("目标占用低于（%）", "Target load, below (%)")] = Decimal(50)
    quality_peak_percent: Annotated[
        Percent, field("政企及高质量电路峰值（%）", "Peak for enterprise and high-quality links (%)")
    ] = Decimal(45)
    expansion_percent: Annotated[Percent, field("扩容阈值（%）", "Expansion is due at (%)")] = Decimal(50)
    link_down_percent: Annotated[Percent, field("断链时最高占用（%）", "At most when a link is down (%)")] = Decimal(70)
    usable_percent: Annotated[Percent, field("环容量可用比例（%）", "Usable share of a ring (%)")] = Decimal(50)
    station_mbit: Annotated[
        Decimal, Field(gt=0, le=100_000), field("单基站带宽（Mbit/s）", "Bandwidth of a base station (Mbit/s)")
    ] = Decimal(200)

    @model_validator(mode="after")
    def _rises(self) -> RingFigures:
        if not self.initial_percent < self.quality_peak_percent <= self.target_percent <= self.expansion_percent:
            raise Refused("初期、峰值、目标、扩容占用应依次升高。", "First load, peak, target and expansion must rise.")
        if self.expansion_percent > self.link_down_percent:
            raise Refused("断链时占用不得低于扩容阈值。", "The load with a link down cannot be below the expansion's.")
        return self


class TelecomSettings(PluginSettings):
    """When triggers fire, by when lines are installed, and the figures of the advice."""

    agreement_warning_days: Annotated[
        tuple[Days, ...],
        Field(min_length=1, max_length=10),
        field("协议到期预警（天）", "Agreement warnings (days ahead)"),
    ] = (90, 60, 30)
    package_warning_days: Annotated[Days, field("套餐到期预警（天）", "Package warning (days ahead)")] = 30
    bill_fall_percent: Annotated[FallPercent, field("账单下降预警（%）", "Fall of the bill (%)")] = 30
    use_fall_percent: Annotated[FallPercent, field("用量下降预警（%）", "Fall of the use (%)")] = 30
    mean_months: Annotated[int, Field(ge=1, le=12), field("均值月数", "Months of the mean")] = 3
    members_left_count: Annotated[
        int, Field(ge=1, le=100_000), field("集中离网预警（人）", "Members leaving at once (number)")
    ] = 10
    members_left_percent: Annotated[FallPercent, field("集中离网预警（%）", "Members leaving at once (%)")] = 20
    members_left_least: Annotated[
        int, Field(ge=1, le=1_000), field("按比例预警的最少人数", "Fewest members for the percentage to count")
    ] = 3
    competitor_warning_days: Annotated[
        Days, field("竞争对手合同到期预警（天）", "Warning of competitors' contracts (days ahead)")
    ] = 90
    satisfaction_at_most: Annotated[Stars, field("满意度预警（不高于）", "Satisfaction warning (at most)")] = 2
    birthday_days: Annotated[int, Field(ge=0, le=60), field("关怀生日提前（天）", "Birthdays (days ahead)")] = 7
    festival_days: Annotated[int, Field(ge=0, le=60), field("节日问候提前（天）", "Festivals (days ahead)")] = 14
    festivals: Annotated[tuple[FestivalDay, ...], Field(max_length=200), field("节日日期", "Days of festivals")] = (
        FESTIVALS
    )
    new_client_days: Annotated[Days, field("新发现客户提醒期（天）", "Days that a new client counts as new")] = 30
    new_client_visit_days: Annotated[Days, field("新客户走访期限（天）", "Visit a new client within (days)")] = 7
    first_visit_days: Annotated[Days, field("装机后首访（天）", "First visit after installation (days)")] = 7
    installation_days: Annotated[Days, field("有资源装机时限（天）", "Installation with resources (days)")] = 3
    installation_days_without_resource: Annotated[
        Days, field("无资源装机时限（天）", "Installation without resources (days)")
    ] = 7
    competitor_reports_per_month: Annotated[
        int, Field(ge=0, le=100), field("每月竞争信息（份）", "Competitor reports a month")
    ] = 1
    growth_against: Annotated[
        Literal["previous", "last_year"],
        field(
            "收入增幅对比期",
            "Growth is measured against",
            hint=(
                "previous：上一期；last_year：去年同期",
                "previous: the period before; last_year: the same one last year",
            ),
        ),
    ] = "previous"
    listed_trades_only: Annotated[bool, field("行业须在清单内", "Trades of the list only")] = True
    access: Annotated[AccessFigures, field("专线接入建议", "Access advice")] = AccessFigures()
    ring: Annotated[RingFigures, field("传输环负荷", "Load of rings")] = RingFigures()

    @field_validator("agreement_warning_days")
    @classmethod
    def _falls(cls, days: tuple[int, ...]) -> tuple[int, ...]:
        if list(days) != sorted(set(days), reverse=True):
            raise Refused("预警天数应由大到小且不重复。", "The days ahead must fall, each once.")
        return days

    @field_validator("installation_days_without_resource")
    @classmethod
    def _not_sooner(cls, days: int, info: object) -> int:
        with_resource = getattr(info, "data", {}).get("installation_days", 0)
        if days < with_resource:
            raise Refused("无资源时限不得短于有资源时限。", "Without resources it cannot be sooner than with them.")
        return days
