"""The tenant's policy on its public pool: when clients return to it, and how many a person may claim."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from steward_core.clients.models import ClientStatus
from steward_core.permissions import POLICIES_MANAGE
from steward_tenants.configuration.settings import declare_setting

_Days = Annotated[int, Field(ge=7, le=3650)]


class PoolReturn(BaseModel):
    """After how many days without activity clients of these tiers return to the pool; None: never."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tiers: Annotated[tuple[str, ...], Field(min_length=1)]
    days: _Days | None


class PoolPolicy(BaseModel):
    """`returns` by tier, `others` for all other tiers and for clients without one (None: never); clients of the
    `exempt_statuses` never return. `claims_per_day` and `most_held` limit what one person may claim and own by
    claiming (None: no limit); a former owner waits `cool_down_days` before claiming the client again."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    returns: tuple[PoolReturn, ...] = (
        PoolReturn(tiers=("key",), days=None),
        PoolReturn(tiers=("A",), days=180),
        PoolReturn(tiers=("B",), days=120),
    )
    others: _Days | None = 90
    exempt_statuses: tuple[ClientStatus, ...] = (ClientStatus.CLOSED,)
    claims_per_day: Annotated[int, Field(ge=1, le=10_000)] | None = 10
    most_held: Annotated[int, Field(ge=1, le=1_000_000)] | None = 500
    cool_down_days: Annotated[int, Field(ge=0, le=3650)] = 30

    @model_validator(mode="after")
    def _each_tier_once(self) -> PoolPolicy:
        named = [tier for rule in self.returns for tier in rule.tiers]
        if len(named) != len(set(named)):
            raise ValueError("a tier stands in one rule only / 每个等级只能出现在一条规则中")
        return self


POOL = declare_setting(
    "clients.pool",
    PoolPolicy,
    PoolPolicy(),
    "公海规则：多少天无活动退回、领取上限、冷却期",
    "The public pool: days until clients return, limits of claiming, cool-down",
    permission=POLICIES_MANAGE,
)
