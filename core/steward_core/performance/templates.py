"""The scheme that the product ships; a tenant changes each of its figures."""

from __future__ import annotations

from typing import Any

from steward_core.industry.declarations import Template
from steward_tenants.texts import Bilingual


def _share(indicator: str, weight: str, target: str, cap: str = "100", without: str = "left_out") -> dict[str, Any]:
    return {
        "indicator": indicator,
        "weight": weight,
        "method": "share",
        "target": target,
        "cap_percent": cap,
        "without": without,
    }


CORE_SCHEME = Template(
    "scorecard",
    "account_manager_month",
    Bilingual("客户经理月度考核", "An account manager's month"),
    {
        "items": [
            _share("core.plan_completion", "30", "100"),
            _share("core.clients_visited", "20", "20", without="zero"),
            _share("core.visits_per_day", "20", "4", without="zero"),
            _share("core.promises_kept", "15", "100"),
            _share("core.profile_freshness", "15", "95"),
        ]
    },
)
"""20 distinct clients a month [002], 4 visits a working day [000#4]. Revenue is shown beside it and pays commission."""
