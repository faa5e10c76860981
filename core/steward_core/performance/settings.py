"""What a tenant decides about indicators, and what they are given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from steward_core.calendars.queries import working_days
from steward_core.calendars.rules import WorkingDays
from steward_core.clients.policies import Freshness, policies_in_force
from steward_core.industry.enabled import enabled
from steward_core.permissions import POLICIES_MANAGE
from steward_tenants.configuration.queries import get_setting
from steward_tenants.configuration.settings import declare_setting
from steward_tenants.database.session import TenantSession

_NONE: tuple[str, ...] | None = None
REVENUE_METRICS = declare_setting(
    "performance.revenue_metrics",
    Annotated[tuple[str, ...], Field(max_length=20)] | None,
    _NONE,
    "哪些业务数据计为收入（单位为分）；空为各插件声明的收入指标",
    "Which client facts count as revenue, in fen; none: those that plugins declare as revenue",
    permission=POLICIES_MANAGE,
)


@dataclass(frozen=True)
class CoreFigures:
    """What the core's indicators reckon with in a tenant."""

    days: WorkingDays
    freshness: Freshness
    revenue_metrics: tuple[str, ...]


async def core_figures(session: TenantSession) -> CoreFigures:
    """The tenant's own."""
    metrics: tuple[str, ...] | None = await get_setting(session, REVENUE_METRICS)
    if metrics is None:
        declared = (metric for one in await enabled(session) for metric in one.industry.metrics)
        metrics = tuple(sorted({metric.key for metric in declared if metric.revenue}))
    return CoreFigures(await working_days(session), (await policies_in_force(session)).freshness, metrics)
