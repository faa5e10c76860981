"""What people ask of their own pay: what this month would come to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import or_, select

from steward_core.incentives.errors import NotPaidByScheme
from steward_core.incentives.inputs import commission_inputs
from steward_core.incentives.models import PayMember
from steward_core.incentives.months import first_of, month_name
from steward_core.incentives.rules import what_if
from steward_core.incentives.scheme_book import read_version, version_in_force
from steward_core.incentives.statements import Line, PersonMonth
from steward_core.permissions import STATEMENTS_VIEW
from steward_tenants.access.rules import require
from steward_tenants.database.session import TenantSession
from steward_tenants.errors import invalid

MOST = 10**15


@dataclass(frozen=True)
class WhatIf:
    """What a month would come to: by which version, from which inputs, line by line."""

    scheme_id: UUID
    scheme_version: int
    rule_version: int
    given: PersonMonth
    lines: Sequence[Line]
    total: int


async def pay_what_if(
    session: TenantSession,
    month: date,
    *,
    scheme_id: UUID | None = None,
    revenue: int | None = None,
    team_revenue: int | None = None,
    department_revenue: int | None = None,
) -> WhatIf:
    """What the actor's own month would come to if the figures given were so; those left out are as they are now. Of a
    lead the own revenue moves the team's with it. Corrections play no part.

    Raises Forbidden, InvalidInput, NotPaidByScheme, NoSchemeInForce, SchemeIncomplete.
    """
    require(session.actor, STATEMENTS_VIEW)
    first_of("month", month)
    figures = {"revenue": revenue, "team_revenue": team_revenue, "department_revenue": department_revenue}
    changes: dict[str, Any] = {name: figure for name, figure in figures.items() if figure is not None}
    for name, figure in changes.items():
        if abs(figure) > MOST:
            raise invalid(name, "range", "金额过大。", "The amount is too large.")
    membership = [
        session.within(PayMember),
        PayMember.person_id == session.actor.id,
        PayMember.from_month <= month,
        or_(PayMember.until_month.is_(None), PayMember.until_month > month),
    ]
    if scheme_id is not None:
        membership.append(PayMember.scheme_id == scheme_id)
    scheme: UUID | None = await session.scalar(select(PayMember.scheme_id).where(*membership))
    if scheme is None:
        raise NotPaidByScheme(month=month_name(month))
    version = read_version(await version_in_force(session, scheme, month))
    (taken,) = await commission_inputs(session, scheme, version.scheme, month, person_id=session.actor.id)
    made = what_if(version, taken.given.month, **changes)
    return WhatIf(scheme, made.scheme_version, made.rule_version, made.given, made.lines, made.total)
