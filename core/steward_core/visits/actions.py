"""One action of a monthly plan, and its sign on the day sheet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from uuid import UUID

from steward_core.clients.fact_rules import first_day, shifted
from steward_core.industry.declarations import Period
from steward_tenants.texts import Bilingual


class Symbol(StrEnum):
    """☆ planned and open, ● temporary and open, ★ done."""

    PLANNED = "☆"
    TEMPORARY = "●"
    DONE = "★"


@dataclass(frozen=True)
class PlanAction:
    """Something to do at a client in a month.

    `source` is what asked for it: a policy's key, a trigger's, or one of its own for a temporary task; a client has one
    open action for each. `due_on` may lie before the month (overdue). `visits` are the days of the month on which the
    cadence asks for a visit, one or more. `carried`: how many month ends it has outlived. `lines` explain it.
    """

    client_id: UUID
    source: str
    due_on: date
    visits: tuple[date, ...]
    carried: int = 0
    temporary: bool = False
    done: bool = False
    lines: tuple[Bilingual, ...] = ()

    @property
    def symbol(self) -> Symbol:
        """Its sign on the day sheet."""
        if self.done:
            return Symbol.DONE
        return Symbol.TEMPORARY if self.temporary else Symbol.PLANNED

    @property
    def mark(self) -> Bilingual | None:
        """How often it was carried over; None: it is new."""
        if not self.carried:
            return None
        times = {1: "once", 2: "twice"}.get(self.carried, f"{self.carried} times")
        return Bilingual(f"结转 {self.carried} 次", f"carried over {times}")


def month_of(day: date) -> Period:
    """The month in which a day lies."""
    start = first_day("month", day)
    return Period(f"{start:%Y-%m}", start, shifted("month", start, 1))


def last_of(month: Period) -> date:
    """The last day of a month."""
    return month.end - timedelta(days=1)
