"""Commands on months."""

from __future__ import annotations

from steward_core.months.models import BusinessMonth
from steward_graphql.mutations.derive import Offer
from steward_graphql.mutations.payloads import row
from steward_tenants.texts import Bilingual

_TEXTS = {"month": Bilingual("该月中的任意一天", "Any day of the month")}


def months() -> dict[str, Offer]:
    """Opening and closing a month."""
    month = (row("month", BusinessMonth, "该月", "The month"),)
    return {
        "months.open": Offer(
            "openMonth",
            month,
            Bilingual("为每位客户经理生成计划，可重复执行", "makes every manager's plan; again doubles nothing"),
            texts=_TEXTS,
        ),
        "months.close": Offer(
            "closeMonth",
            month,
            Bilingual("封存计划，确定得分，生成薪酬单", "seals plans, makes scores final and pay statements"),
            texts=_TEXTS,
        ),
    }
