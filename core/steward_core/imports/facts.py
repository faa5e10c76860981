"""Facts of imported rows: their columns, and writing them as first figures or corrections."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Date, Text, Uuid, select
from sqlalchemy.dialects.postgresql import distinct_on

from steward_core.clients.fact_rules import (
    MONEY,
    check_not_too_late,
    clean_figure,
    clean_period,
    last_day,
    period_name,
)
from steward_core.clients.models import ClientFact, Metric
from steward_core.database.bulk import insert_many
from steward_core.imports import fields as kinds
from steward_core.imports.fields import ImportField, Read, cleaned, problem
from steward_core.imports.references import among, metrics_in_use
from steward_core.spreadsheets.writers import ColumnKind
from steward_tenants.database.locks import take_turn
from steward_tenants.database.session import TenantSession, WriteSession
from steward_tenants.errors import FieldProblem
from steward_tenants.people.rules import Unacceptable
from steward_tenants.texts import Bilingual

PREFIX = "fact."
CORRECTED = "导入更正 / corrected by import"
UNDONE_REASON = "撤销导入 / import undone"
_KEY = re.compile(r"fact\.(?P<metric>[^@]+)(?:@(?P<period>.+))?")


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of one client, on its way."""

    client_id: UUID
    metric: str
    period: date
    grain: str
    value: Decimal
    source: str
    booked_on: date


@dataclass(frozen=True, slots=True)
class Standing:
    """What counts now of a fact; `value` None: it was withdrawn."""

    revision: int
    value: Decimal | None
    booked_on: date


@dataclass(frozen=True, slots=True)
class Written:
    """A fact that an import wrote: its key, its revision, and what counted before (None: nothing)."""

    client_id: UUID
    metric: str
    period: date
    source: str
    revision: int
    former: Standing | None


def figure_reader(metric: Metric) -> Read:
    """Reads a figure in the metric's unit: money in yuan as fen."""
    read = kinds.MONEY if metric.measure == MONEY else kinds.NUMBER
    measure = metric.measure
    return lambda cell, path: cleaned(read(cell, path), path, lambda value: clean_figure(measure, value))


async def fact_fields(session: TenantSession, wanted: Collection[str], prefix: str = PREFIX) -> tuple[ImportField, ...]:
    """A field for each metric, and one for each wanted `fact.<metric>@<period>`."""
    metrics = await metrics_in_use(session)
    found = [_field(prefix + metric.key, metric) for metric in metrics.values()]
    for key in wanted:
        named = _KEY.fullmatch(key)
        if named and named["period"] and named["metric"] in metrics:
            found.append(_field(key, metrics[named["metric"]], "@" + named["period"]))
    return tuple(found)


def _field(key: str, metric: Metric, period: str = "") -> ImportField:
    kind = ColumnKind.MONEY if metric.measure == MONEY else ColumnKind.NUMBER
    title = Bilingual(metric.title_zh + period, metric.title_en + period)
    return ImportField(key, title, figure_reader(metric), aliases=(metric.key + period,), kind=kind)


@dataclass(frozen=True)
class FactColumn:
    """A fact column of a plan with what stands for every row: its metric and its period."""

    key: str
    metric: Metric
    period: date


async def fact_columns(
    session: TenantSession, keys: Iterable[str], default_period: str | None, today: date
) -> tuple[list[FactColumn], list[FieldProblem]]:
    """The fact columns among `keys`. A period that is missing or wrong is a problem of the import as a whole."""
    wanted = sorted(key for key in keys if key.startswith(PREFIX))
    if not wanted:
        return [], []
    metrics = await metrics_in_use(session)
    found: list[FactColumn] = []
    problems: list[FieldProblem] = []
    for key in wanted:
        named = _KEY.fullmatch(key)
        if named is None or named["metric"] not in metrics:
            continue
        metric = metrics[named["metric"]]
        period = named["period"] or default_period
        if period is None:
            zh = f"指标“{metric.title_zh}”缺少期间：请设置 fact_period。"
            problems.append(problem(("options", "fact_period"), "missing", zh, "Set fact_period for the fact columns."))
            continue
        try:
            first = clean_period(metric.grain, period)
            check_not_too_late(metric.grain, first, today)
        except Unacceptable as refused:
            problems.append(FieldProblem(("options", "fact_period"), refused.code, refused.message))
        else:
            if any((one.metric.key, one.period) == (metric.key, first) for one in found):
                zh = f"“{metric.title_zh}”的同一期间对应了两列。"
                problems.append(problem(("columns", key), "twice", zh, "Two columns are of one period of a metric."))
            found.append(FactColumn(key, metric, first))
    return found, problems


def blank_warning(column: FactColumn) -> FieldProblem:
    """The warning that a row has no figure for a fact column."""
    zh = f"“{column.metric.title_zh}”为空：未写入 {period_name(column.metric.grain, column.period)} 的指标。"
    return problem(column.key, "blank", zh, "blank: no fact recorded")


def figure_of(column: FactColumn, client_id: UUID, value: Any, source: str) -> Figure:
    """The figure of one cell of a fact column."""
    grain = column.metric.grain
    return Figure(client_id, column.metric.key, column.period, grain, value, source, last_day(grain, column.period))


Place = tuple[UUID, str, date, str]
"""What a figure is of: client, metric, period, source."""


def place_of(figure: Figure | Written) -> Place:
    """What a figure is of."""
    return figure.client_id, figure.metric, figure.period, figure.source


async def standing(session: TenantSession, places: Sequence[Place]) -> dict[Place, Standing]:
    """What counts now at these places; those without any figure are left out."""
    if not places:
        return {}
    fact = ClientFact
    key = (fact.client_id, fact.metric, fact.period, fact.source)
    latest = (
        select(*key, fact.revision, fact.value, fact.booked_on, fact.withdrawn)
        .ext(distinct_on(*key))
        .where(
            session.within(fact),
            among(fact.client_id, sorted({place[0] for place in places}), Uuid()),
            among(fact.metric, sorted({place[1] for place in places}), Text()),
            among(fact.period, sorted({place[2] for place in places}), Date()),
            among(fact.source, sorted({place[3] for place in places}), Text()),
        )
        .order_by(*key, fact.revision.desc())
    )
    return {
        (row[0], row[1], row[2], row[3]): Standing(row[4], None if row[7] else row[5], row[6])
        for row in await session.rows(latest)
    }


def differs(figure: Figure, now: Standing | None) -> bool:
    """Whether a figure is not what counts already."""
    return now is None or now.value is None or now.value != figure.value


async def write_figures(
    session: WriteSession, figures: Sequence[Figure], known: Mapping[Place, Standing], *, batch_id: UUID | None
) -> list[Written]:
    """Write the figures that differ from what stands, as first revisions or corrections; answers those written.

    A correction keeps the booking date, unless the figure had been withdrawn.
    """
    new = [figure for figure in figures if differs(figure, known.get(place_of(figure)))]
    if not new:
        return []
    written, booked, reasons = [], [], []
    for figure in new:
        former = known.get(place_of(figure))
        revision = 1 if former is None else former.revision + 1
        written.append(Written(*place_of(figure), revision, former))
        kept = former is not None and former.value is not None
        booked.append(former.booked_on if former is not None and kept else figure.booked_on)
        reasons.append(CORRECTED if kept else None)
    count = len(new)
    await insert_many(
        session,
        ClientFact,
        {
            "metric": [figure.metric for figure in new],
            "period": [figure.period for figure in new],
            "client_id": [figure.client_id for figure in new],
            "source": [figure.source for figure in new],
            "revision": [one.revision for one in written],
            "grain": [figure.grain for figure in new],
            "value": [figure.value for figure in new],
            "booked_on": booked,
            "reason": reasons,
            "batch_id": [batch_id] * count,
            "recorded_by": [session.actor.id] * count,
        },
    )
    return written


async def take_turns(session: WriteSession, sources: Iterable[str]) -> None:
    """Wait until nobody else records facts of these sources."""
    for source in sorted(set(sources)):
        await take_turn(session, f"facts/{source}")


def as_stored(written: Iterable[Written]) -> list[list[Any]]:
    """Facts as an effect keeps them, for the undo."""
    return [
        [
            str(one.client_id),
            one.metric,
            one.period.isoformat(),
            one.source,
            one.revision,
            None if one.former is None or one.former.value is None else format(one.former.value, "f"),
        ]
        for one in written
    ]


async def take_back(session: WriteSession, stored: Sequence[Sequence[Any]]) -> set[Place]:
    """Take facts back that an import wrote: a figure that stood before counts again, a new one is withdrawn.

    Answers the places that were changed since and stay as they are.
    """
    if not stored:
        return set()
    await take_turns(session, (one[3] for one in stored))
    ours = {(UUID(one[0]), one[1], date.fromisoformat(one[2]), one[3]): one for one in stored}
    now = await standing(session, list(ours))
    places = [place for place, one in ours.items() if place in now and now[place].revision == one[4]]
    if places:
        metrics = await metrics_in_use(session, retired=True)
        former = [ours[place][5] for place in places]
        await insert_many(
            session,
            ClientFact,
            {
                "metric": [place[1] for place in places],
                "period": [place[2] for place in places],
                "client_id": [place[0] for place in places],
                "source": [place[3] for place in places],
                "revision": [now[place].revision + 1 for place in places],
                "grain": [metrics[place[1]].grain if place[1] in metrics else "month" for place in places],
                "value": [
                    now[place].value if before is None else Decimal(before)
                    for place, before in zip(places, former, strict=True)
                ],
                "booked_on": [now[place].booked_on for place in places],
                "withdrawn": [before is None for before in former],
                "reason": [UNDONE_REASON] * len(places),
                "recorded_by": [session.actor.id] * len(places),
            },
        )
    return ours.keys() - set(places)
