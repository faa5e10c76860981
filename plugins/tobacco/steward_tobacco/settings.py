"""What a tobacco company can set, each with its default."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from steward_core.forms.fields import Stars, field
from steward_core.industry.declarations import PluginSettings

FULL = 100
Share = Annotated[int, Field(ge=0, le=100)]
Points = Annotated[int, Field(ge=0, le=100)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", validate_default=True, frozen=True)


class IndicatorPoints(_Part):
    """The most points that each indicator gives, in the order of the grading; together 100. The licence and law
    record is a gate and gives none."""

    volume: Annotated[Points, field("购进量", "Purchase volume")] = 20
    value: Annotated[Points, field("条均值（结构）", "Value per carton (structure)")] = 15
    growth: Annotated[Points, field("购进增幅", "Growth")] = 10
    regularity: Annotated[Points, field("订货规律", "Ordering regularity")] = 10
    fulfilment: Annotated[Points, field("订单满足", "Order fulfilment")] = 5
    settlement: Annotated[Points, field("电子结算成功", "E-settlement success")] = 10
    shelf: Annotated[Points, field("品牌上柜", "Brands on shelf")] = 10
    display: Annotated[Points, field("陈列规范", "Display standard")] = 5
    tags: Annotated[Points, field("明码标价", "Price-tag honesty")] = 5
    law: Annotated[Literal[0], field("守法经营（门槛）", "Licence and law record (a gate)")] = 0
    cooperation: Annotated[Points, field("配合程度", "Cooperation")] = 10

    @model_validator(mode="after")
    def _together_hundred(self) -> IndicatorPoints:
        total = sum(self.model_dump().values())
        if total != FULL:
            raise ValueError(f"指标分值合计应为 100，现为 {total}。 / The points must add up to 100, not {total}.")
        return self


class Step(_Part):
    """From this figure on, this share of the indicator's points (in percent)."""

    at_least: Annotated[int, Field(ge=-100, le=10**9), field("达到", "At least")]
    percent: Annotated[Share, field("得分比例", "Percent of the points")]


Scale = tuple[Step, ...]


def _scale(*steps: tuple[int, int]) -> Scale:
    return tuple(Step(at_least=at_least, percent=percent) for at_least, percent in steps)


_RATE = _scale((60, 30), (70, 50), (80, 70), (90, 90), (95, 100))


class Scales(_Part):
    """From a figure to the share of an indicator's points, in steps; below the first step it gives none.

    A scale rises: a better figure never gives less. The defaults are Steward's own starting figures.
    """

    volume: Annotated[Scale, field("月均购进（条）", "Cartons a month")] = _scale(
        (5, 20), (10, 40), (20, 60), (40, 80), (60, 90), (80, 100)
    )
    value: Annotated[Scale, field("条均值（分）", "Fen a carton")] = _scale(
        (8_000, 20), (12_000, 40), (16_000, 60), (20_000, 80), (25_000, 90), (30_000, 100)
    )
    growth: Annotated[Scale, field("较上期增幅（%）", "Growth on the period before (%)")] = _scale(
        (-30, 20), (-20, 40), (-10, 60), (0, 80), (5, 90), (10, 100)
    )
    regularity: Annotated[Scale, field("按时订货率（%）", "Orders placed of those due (%)")] = _RATE
    fulfilment: Annotated[Scale, field("订单满足率（%）", "Orders fulfilled of those placed (%)")] = _RATE
    settlement: Annotated[Scale, field("电子结算成功率（%）", "Successful e-settlements (%)")] = _RATE
    shelf: Annotated[Scale, field("重点品牌上柜率（%）", "Target brands on shelf (%)")] = _scale(
        (20, 20), (40, 40), (60, 60), (80, 80), (100, 100)
    )
    display: Annotated[Scale, field("陈列达标率（%）", "Display to standard (%)")] = _RATE
    tags: Annotated[Scale, field("标价规范率（%）", "Honest price tags (%)")] = _RATE
    cooperation: Annotated[Scale, field("配合度（%）", "Cooperation (%)")] = _scale(
        (20, 20), (40, 40), (60, 60), (80, 80), (100, 100)
    )

    @field_validator("*")
    @classmethod
    def _rises(cls, steps: Scale) -> Scale:
        if not steps:
            raise ValueError("至少要有一档。 / At least one step is needed.")
        for lower, upper in pairwise(steps):
            if upper.at_least <= lower.at_least or upper.percent < lower.percent:
                raise ValueError("各档应由低到高排列。 / The steps must rise.")
        return steps


class Thresholds(_Part):
    """From how many points on a retailer has a star."""

    five: Annotated[Share, field("五星", "Five stars")] = 90
    four: Annotated[Share, field("四星", "Four stars")] = 80
    three: Annotated[Share, field("三星", "Three stars")] = 70
    two: Annotated[Share, field("二星", "Two stars")] = 60

    @model_validator(mode="after")
    def _falls(self) -> Thresholds:
        if not self.five > self.four > self.three > self.two > 0:
            raise ValueError("星级分数线应逐级降低。 / The thresholds must fall from five stars to two.")
        return self


class TobaccoSettings(PluginSettings):
    """The figures of the retailer grading, and when triggers fire."""

    grading_period: Annotated[Literal["quarter", "half_year"], field("星级测评周期", "Grading period")] = "quarter"
    points: Annotated[IndicatorPoints, field("指标分值", "Points of the indicators")] = IndicatorPoints()
    scales: Annotated[Scales, field("计分档次", "Scales")] = Scales()
    stars: Annotated[Thresholds, field("星级分数线", "Thresholds of the stars")] = Thresholds()
    minor_violation_cap: Annotated[Stars, field("轻微违规最高星级", "Most stars after a minor violation")] = 3
    major_violation_cap: Annotated[Stars, field("严重违规最高星级", "Most stars after a major violation")] = 1
    major_violation_zeroes: Annotated[bool, field("严重违规总分清零", "A major violation takes all points")] = False
    lapsed_licence_cap: Annotated[Stars, field("许可证过期最高星级", "Most stars with a lapsed licence")] = 1
    supply_grades: Annotated[int, Field(ge=2, le=100), field("供货档位数", "Number of supply grades")] = 30
    missing_figures: Annotated[
        Literal["scaled", "zero"],
        field(
            "缺少数据的指标",
            "Indicators without a figure",
            hint=(
                "scaled：按其余指标折算；zero：计 0 分",
                "scaled: left out, the rest counts in full; zero: no points",
            ),
        ),
    ] = "scaled"
    least_points_known: Annotated[
        Share,
        field(
            "折算所需的最低可用分值",
            "Points that must be known before scaling",
            hint=("可用分值低于此数时按此数折算", "with fewer, the total is scaled as if so many were known"),
        ),
    ] = 50
    joined_in_period: Annotated[
        Literal["graded", "left_out"], field("期内新办证零售户", "Retailers licensed in the period")
    ] = "graded"
    licence_warning_days: Annotated[
        int, Field(ge=1, le=365), field("许可证到期预警（天）", "Licence warning (days ahead)")
    ] = 60
    licence_last_warning_days: Annotated[
        int, Field(ge=1, le=365), field("许可证到期二次预警（天）", "Second licence warning (days ahead)")
    ] = 30
    missed_orders: Annotated[int, Field(ge=1, le=31), field("漏订次数", "Missed orders")] = 2
    volume_drop_percent: Annotated[int, Field(ge=1, le=100), field("购进下滑（%）", "Fall of the volume (%)")] = 30
    volume_mean_months: Annotated[int, Field(ge=1, le=12), field("均值月数", "Months of the mean")] = 3
    cases_per_month: Annotated[int, Field(ge=0, le=20), field("每月案例（篇）", "Cases a month")] = 2
    near_star_points: Annotated[int, Field(ge=1, le=20), field("接近升星的分差", "Points short of the next star")] = 2

    @model_validator(mode="after")
    def _warnings_in_order(self) -> TobaccoSettings:
        if self.licence_last_warning_days >= self.licence_warning_days:
            raise ValueError("二次预警应晚于首次预警。 / The second warning must come after the first.")
        if self.major_violation_cap > self.minor_violation_cap:
            raise ValueError(
                "严重违规的星级上限不得高于轻微违规。 / A major violation cannot cap higher than a minor one."
            )
        return self
