"""The figures that the product ships [000#4]; a tenant changes each of them."""

from __future__ import annotations

from typing import Any

from steward_core.industry.declarations import Template
from steward_tenants.texts import Bilingual


def _tier(at_least: int, below: int | None, base_pay: int, rate_percent: str) -> dict[str, Any]:
    return {"at_least": at_least, "below": below, "base_pay": base_pay, "rate_percent": rate_percent}


TEAM_COMMISSION = Template(
    "scheme",
    "team_commission",
    Bilingual("政企销售团队提成", "Tiered commission of an enterprise sales team"),
    {
        "method": "slab",
        "tiers": [
            _tier(0, 2_000_000, 250_000, "10"),
            _tier(2_000_000, 4_000_000, 250_000, "15"),
            _tier(4_000_000, 6_000_000, 300_000, "20"),
            _tier(6_000_000, None, 400_000, "25"),
        ],
        "monthly_target": 2_000_000,
        "probation": {
            "months": 3,
            "base_pay": 250_000,
            "stages": [{"months": [1], "target": 500_000}, {"months": [2, 3], "target": 1_000_000}],
            "responsibility_base_pay": None,
        },
        "team_lead": {"base_pay": 300_000, "team_target": 15_000_000, "extra_percent": "1"},
        "technician": {"base_pay": None, "percent_of_department": "1"},
    },
)
"""Money in fen. The responsibility base pay and the technician's base pay are the company's to set."""
