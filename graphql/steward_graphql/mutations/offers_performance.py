"""Commands on score schemes and scores."""

from __future__ import annotations

from functools import cache

from steward_core.performance.models import ScoreScheme
from steward_core.performance.schemes import Method, Without
from steward_core.runs.models import Run
from steward_graphql.declared.scalars import DECIMAL, STRING, EnumKind
from steward_graphql.declared.shapes import InputObject
from steward_graphql.mutations.derive import RUNS_WAIT, Offer
from steward_graphql.mutations.inputs import part
from steward_graphql.mutations.payloads import number, row
from steward_tenants.texts import Bilingual

METHOD = EnumKind(
    "ScoreMethod",
    Bilingual("计分方式", "How points are reckoned"),
    tuple((one.value, one.title) for one in Method),
)
WITHOUT = EnumKind(
    "ScoreWithout",
    Bilingual("当月无数据时如何计分", "What becomes of an item without a figure"),
    tuple((one.value, one.title) for one in Without),
)
_MONTH = Bilingual("月份（其中任意一天）", "The month: any day of it")
_UNIT = Bilingual("机构（含下级）；空为全公司", "The unit, with those below it; none: the whole company")


@cache
def item() -> InputObject:
    """One item of a scheme."""
    band = InputObject(
        "ScoreBandInput",
        Bilingual("分档得分的一档", "One band of an item scored by bands"),
        (
            part("bound", DECIMAL, "达到该值（越低越好的指标为不高于）", "From this value on", required=True),
            part("percent", DECIMAL, "得权重的百分之几", "Percent of the weight that it earns", required=True),
        ),
    )
    return InputObject(
        "ScoreItemInput",
        Bilingual("考核办法的一项", "One item of a score scheme"),
        (
            part("indicator", STRING, "指标的完整标识", "Full key of the indicator", required=True),
            part("weight", DECIMAL, "权重，各项合计 100", "Its weight; all together make 100", required=True),
            part("method", METHOD, "计分方式", "How its points are reckoned", required=True),
            part("target", DECIMAL, "目标值（金额为分）", "The target, money in fen"),
            part("floor_percent", DECIMAL, "低于目标的百分之几计 0 分", "Below this percent of the target: no points"),
            part("cap_percent", DECIMAL, "封顶：最多得权重的百分之几", "At most this percent of the weight"),
            part("bands", band, "由低到高的各档", "Its bands, from worse to better", listed=True),
            part("without", WITHOUT, "当月无数据时", "Where there is no figure"),
        ),
    )


def performance() -> dict[str, Offer]:
    """What is offered, by command."""
    return {
        "scores.scheme.set": Offer(
            "setScoreScheme",
            (row("scheme", ScoreScheme, "新版本", "The new version"),),
            Bilingual("已确认的得分不变", "scores that are final stay as they are"),
            kinds={"items": item()},
            texts={
                "effective_from": Bilingual("从该月 1 日起生效", "In force from the first day of this month"),
                "items": Bilingual("各项", "Its items"),
            },
        ),
        "scores.request": Offer(
            "runScores",
            (row("run", Run, "任务", "The run"),),
            RUNS_WAIT,
            texts={
                "month": _MONTH,
                "unit_id": _UNIT,
                "reason": Bilingual(
                    "已确认的得分重新计算的原因；不填则不动已确认的",
                    "Why final scores get a further revision; without it they are left alone",
                ),
            },
        ),
        "scores.finalise": Offer(
            "finaliseScores",
            (number("scores", "确认的得分数", "How many became final"),),
            texts={"month": _MONTH, "unit_id": _UNIT},
        ),
    }
