"""What a manager's month must come to: distinct clients [002] and visits a working day [000#4]. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from uuid import UUID

from steward_core.visits.templates import VisitFigures
from steward_tenants.texts import Bilingual

CENT = Decimal("0.01")


@dataclass(frozen=True)
class Visited:
    """One done visit."""

    client_id: UUID
    day: date


@dataclass(frozen=True)
class QuotaDecision:
    """Whether a quota is met: the figure, what it should be, how much is missing, and why."""

    met: bool
    figure: Decimal
    wanted: int
    missing: int
    lines: tuple[Bilingual, ...]


def distinct_clients(visits: Iterable[Visited], figures: VisitFigures) -> QuotaDecision:
    """At least 20 different clients a month [002]; several visits to one count once."""
    given = list(visits)
    clients = len({visit.client_id for visit in given})
    missing = max(0, figures.distinct_clients - clients)
    zh = f"走访 {len(given)} 次，共 {clients} 户，应不少于 {figures.distinct_clients} 户"
    en = f"{len(given)} visit(s) to {clients} distinct client(s), {figures.distinct_clients} wanted"
    line = (
        Bilingual(f"{zh}，已达到", f"{en}: met")
        if not missing
        else Bilingual(f"{zh}，尚缺 {missing} 户", f"{en}: {missing} short")
    )
    return QuotaDecision(not missing, Decimal(clients), figures.distinct_clients, missing, (line,))


def visits_a_day(visits: Iterable[Visited], worked_days: Iterable[date], figures: VisitFigures) -> QuotaDecision:
    """At least 4 visits a working day on the average of the days worked [000#4]; `missing` are visits of the month.

    The days with fewer are told. Visits on other days count for the average as well.
    """
    days = sorted(set(worked_days))
    counts: dict[date, int] = {}
    for visit in visits:
        counts[visit.day] = counts.get(visit.day, 0) + 1
    total, least = sum(counts.values()), figures.least_visits_a_day
    missing = max(0, least * len(days) - total)
    mean = (Decimal(total) / len(days)).quantize(CENT, ROUND_HALF_UP) if days else Decimal(0)
    if not days:
        none = Bilingual("没有工作日，不作要求", "No working days: nothing is asked")
        return QuotaDecision(True, mean, least, 0, (none,))
    zh = f"{len(days)} 个工作日走访 {total} 次，日均 {mean} 次，应不少于 {least} 次"
    en = f"{total} visit(s) in {len(days)} working day(s), {mean} a day, {least} wanted"
    line = (
        Bilingual(f"{zh}，已达到", f"{en}: met")
        if not missing
        else Bilingual(f"{zh}，尚缺 {missing} 次", f"{en}: {missing} short")
    )
    lines = [line]
    low = [day for day in days if counts.get(day, 0) < least]
    if low:
        lines.append(
            Bilingual(
                f"{len(low)} 天不足 {least} 次，首日为 {low[0]}",
                f"{len(low)} day(s) with fewer than {least}, the first on {low[0]}",
            )
        )
    return QuotaDecision(not missing, mean, least, missing, tuple(lines))
