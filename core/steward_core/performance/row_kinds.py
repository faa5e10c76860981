"""Scores and indicators as kinds of rows: everybody sees the own ones, supervisors those of their units."""

from __future__ import annotations

from steward_core.performance.models import MonthIndicator, MonthScore
from steward_core.permissions import SCORES_VIEW
from steward_tenants.access.row_kinds import RowKind, row_kinds
from steward_tenants.texts import Bilingual

MONTH_SCORE = row_kinds.declare(
    RowKind(
        "month_score",
        Bilingual("月度得分", "score of a month"),
        MonthScore,
        SCORES_VIEW,
        owner=MonthScore.owner_id,
        unit=MonthScore.unit_id,
    )
)
MONTH_INDICATOR = row_kinds.declare(
    RowKind(
        "month_indicator",
        Bilingual("月度指标", "indicator of a month"),
        MonthIndicator,
        SCORES_VIEW,
        owner=MonthIndicator.owner_id,
        unit=MonthIndicator.unit_id,
    )
)
