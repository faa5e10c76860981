"""What last month left open goes into this month's plan. Pure.

In SQL: UPDATE the open actions of the month before (carried = carried + 1, temporary = false, plan = the new one), then
insert the new ones ON CONFLICT (tenant_id, client_id, source) WHERE open DO NOTHING.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from uuid import UUID

from steward_core.industry.declarations import Period
from steward_core.visits.actions import PlanAction
from steward_tenants.texts import Bilingual


@dataclass(frozen=True)
class MonthActions:
    """The actions of a month's plan: those carried over first, then the new ones; `replaced` are new ones for which a
    carried one stands."""

    carried: tuple[PlanAction, ...]
    new: tuple[PlanAction, ...]
    replaced: tuple[PlanAction, ...]

    @property
    def all(self) -> tuple[PlanAction, ...]:
        """Every action of the plan."""
        return (*self.carried, *self.new)


def carried_over(action: PlanAction, month: Period) -> PlanAction:
    """An unfinished action as it stands in the next month: counted once more, planned with it even if it was
    temporary, due as before."""
    carried = action.carried + 1
    line = Bilingual(
        f"上月未完成，结转第 {carried} 次（原定 {action.due_on}）",
        f"Not done last month, carried over for the {_ordinal(carried)} time (due {action.due_on})",
    )
    visits = tuple(day for day in action.visits if day >= month.start) or (max(action.due_on, month.start),)
    return replace(action, carried=carried, temporary=False, visits=visits, lines=(*action.lines, line))


def _ordinal(number: int) -> str:
    if number % 100 in (11, 12, 13):
        return f"{number}th"
    return f"{number}{({1: 'st', 2: 'nd', 3: 'rd'}).get(number % 10, 'th')}"


def carry_over(before: Iterable[PlanAction], new: Iterable[PlanAction], month: Period) -> MonthActions:
    """Last month's unfinished actions and this month's new ones together: one open action for each client and source,
    where a carried one replaces a new one. It takes over the new one's further visits of the month, so that a weekly
    client is still seen weekly."""
    fresh: dict[tuple[UUID, str], PlanAction] = {}
    for action in new:
        fresh.setdefault((action.client_id, action.source), action)
    carried: dict[tuple[UUID, str], PlanAction] = {}
    replaced = []
    for action in before:
        key = (action.client_id, action.source)
        if action.done or key in carried:
            continue
        moved = carried_over(action, month)
        instead = fresh.pop(key, None)
        if instead is not None:
            replaced.append(instead)
            moved = replace(moved, visits=instead.visits, due_on=min(moved.due_on, instead.due_on))
        carried[key] = moved
    return MonthActions(tuple(carried.values()), tuple(fresh.values()), tuple(replaced))
