"""Importing facts by themselves: one figure a row, or a column for each metric or each period."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from steward_core.clients.fact_rules import MONEY, check_not_too_late, clean_booking, clean_figure, clean_period
from steward_core.clients.models import Metric
from steward_core.imports import fields as kinds
from steward_core.imports.facts import (
    PREFIX,
    Figure,
    as_stored,
    blank_warning,
    differs,
    fact_columns,
    fact_fields,
    figure_of,
    place_of,
    standing,
    take_turns,
    write_figures,
)
from steward_core.imports.fields import ImportField, cleaned, missing, problem
from steward_core.imports.plans import ImportRow, repeated
from steward_core.imports.references import find_clients, metrics_in_use
from steward_core.imports.work import CREATED, REFUSED, UNCHANGED, UPDATED, Work
from steward_core.permissions import FACTS_RECORD
from steward_core.spreadsheets.values import is_blank, read_text
from steward_core.spreadsheets.writers import ColumnKind
from steward_tenants.database.session import TenantSession
from steward_tenants.errors import FieldProblem, InvalidInput
from steward_tenants.people.rules import Unacceptable
from steward_tenants.texts import Bilingual

_VALUE_AT = re.compile(r"value@(.+)")


def _as_it_stands(cell: Any, _path: tuple[str, ...]) -> Any:
    """A cell whose meaning depends on the metric that another column names."""
    return None if is_blank(cell) else (cell,)


async def fact_row_fields(session: TenantSession, wanted: Collection[str] = ()) -> tuple[ImportField, ...]:
    """The fields of the target `fact`: long form, a column for each metric, `value@<period>` for each period."""
    metrics = await metrics_in_use(session)
    titles = {key: Bilingual(metric.title_zh, metric.title_en) for key, metric in metrics.items()}
    fields = [
        ImportField("client", Bilingual("客户编码", "Client code"), kinds.code(64), required=True,
                    aliases=("客户编号", "客户代码", "客户号", "code")),
        ImportField("metric", Bilingual("指标", "Metric"), kinds.choice(titles),
                    choices=tuple(title.zh for title in titles.values())),
        ImportField("period", Bilingual("期间", "Period"), _period_text, aliases=("账期", "月份", "月", "month")),
        ImportField("value", Bilingual("数值", "Value"), _as_it_stands, aliases=("值", "金额", "amount"),
                    kind=ColumnKind.NUMBER),
        ImportField("booked_on", Bilingual("入账日期", "Booked on"), kinds.day, kind=ColumnKind.DATE),
        ImportField("source", Bilingual("来源", "Source"), kinds.line_of(64), aliases=("来源系统",)),
    ]  # fmt: skip
    fields += await fact_fields(session, wanted)
    for key in wanted:
        if named := _VALUE_AT.fullmatch(key):
            fields.append(ImportField(key, Bilingual(named[1], named[1]), _as_it_stands, kind=ColumnKind.NUMBER))
    return tuple(fields)


def _period_text(cell: Any, path: tuple[str, ...]) -> Any:
    """A period as text; a date cell is the day that it shows."""
    return read_text(cell.date().isoformat() if hasattr(cell, "date") else cell, path, longest=20)


class FactWork(Work):
    """See the module. A row's outcome is that of its most changing figure."""

    def key_of(self, row: ImportRow) -> str | None:
        """Client, and in long form metric and period."""
        client = row.values.get("client")
        if client is None:
            return None
        parts = [client, row.values.get("metric"), row.values.get("period") if "value" in row.values else None]
        parts.append(self._source_of(row))
        return "\x1f".join(str(part) for part in parts)

    async def resolve(self, rows: Sequence[ImportRow]) -> None:
        """Find the clients, read the figures by their metrics, compare with what stands."""
        clients = await find_clients(self.session, rows, FACTS_RECORD, self.today, hold=self.lock)
        metrics = await metrics_in_use(self.session)
        columns, wrong = await fact_columns(self.session, self._keys(rows), self.plan.options.fact_period, self.today)
        if wrong:
            raise InvalidInput(problems=wrong)
        figures: dict[int, list[Figure]] = {}
        for row in rows:
            client_id = clients.get(row.number)
            if client_id is None:
                continue
            found = figures.setdefault(row.number, [])
            for column in columns:
                value = row.values.get(column.key)
                if value is not None:
                    found.append(figure_of(column, client_id, value, self._source_of(row)))
                elif column.key in row.values:
                    row.warnings.append(blank_warning(column))
            self._long_form(row, client_id, metrics, found)
            if not found and not row.problems and not row.warnings:
                row.problems.append(missing("value"))
        self._refuse_repeated(rows, figures)
        known = await standing(self.session, [place_of(one) for some in figures.values() for one in some])
        for row in rows:
            self._settle(row, figures.get(row.number, []), known)

    def _refuse_repeated(self, rows: Sequence[ImportRow], figures: Mapping[int, Sequence[Figure]]) -> None:
        """However a period is written, a figure stands once among the rows."""
        first: dict[Any, int] = {}
        for row in rows:
            seen: set[Any] = set()
            for place in map(place_of, figures.get(row.number, ())):
                repeats = first.setdefault(place, row.number)
                if (repeats != row.number or place in seen) and not any(one.code == "repeated" for one in row.problems):
                    row.problems.append(repeated(repeats))
                seen.add(place)

    def _settle(self, row: ImportRow, figures: Sequence[Figure], known: Mapping[Any, Any]) -> None:
        row.known = figures
        if row.problems:
            row.outcome = REFUSED
            return
        there = [known.get(place_of(figure)) for figure in figures]
        changed = any(differs(figure, now) for figure, now in zip(figures, there, strict=True))
        new = all(now is None for now in there)
        row.outcome = UNCHANGED if not changed else CREATED if new else UPDATED

    async def apply(self, rows: Sequence[ImportRow]) -> None:
        """Write the figures that differ."""
        figures = [figure for row in rows if row.outcome != REFUSED for figure in row.known]
        await take_turns(self.writing, (figure.source for figure in figures))
        known = await standing(self.session, [place_of(figure) for figure in figures])
        written = await write_figures(self.writing, figures, known, batch_id=self.batch_id)
        by_place = {place_of(one): one for one in written}
        for row in rows:
            own = [one for figure in row.known or () if (one := by_place.get(place_of(figure))) is not None]
            if own:
                row.extra = {"facts": as_stored(own)}

    def _source_of(self, row: ImportRow) -> str:
        source: str = row.values.get("source") or self.plan.options.fact_source
        return source

    def _keys(self, rows: Sequence[ImportRow]) -> set[str]:
        keys = set(self.plan.mapped)
        return {key for key in keys or {key for row in rows for key in row.values} if key.startswith(PREFIX)}

    def _long_form(self, row: ImportRow, client_id: UUID, metrics: Mapping[str, Metric], found: list[Figure]) -> None:
        """The figures of `value` and `value@<period>` in the unit of the metric that the row or an option names."""
        cells = {key: cell for key, cell in row.values.items() if key == "value" or key.startswith("value@")}
        if not cells:
            return
        metric = metrics.get(row.values.get("metric") or self.plan.options.metric or "")
        if metric is None:
            if not any(one.path == ("metric",) for one in row.problems):
                row.problems.append(missing("metric"))
            return
        for key, cell in cells.items():
            period = key.partition("@")[2] or row.values.get("period") or self.plan.options.fact_period
            if cell is None and key != "value":
                zh = f"{period} 的数值为空：未写入。"
                row.warnings.append(problem((key,), "blank", zh, "blank: no fact recorded"))
                continue
            if cell is None or period is None:
                row.problems.append(missing("value" if cell is None else "period"))
                continue
            figure = self._figure(row, client_id, metric, key=key, cell=cell[0], period=period)
            if figure is not None:
                found.append(figure)

    def _figure(
        self, row: ImportRow, client_id: UUID, metric: Metric, *, key: str, cell: Any, period: str
    ) -> Figure | None:
        read = kinds.MONEY if metric.measure == MONEY else kinds.NUMBER
        value = cleaned(read(cell, (key,)), (key,), lambda number: clean_figure(metric.measure, number))
        if value is None or isinstance(value, FieldProblem):
            row.problems.append(value or missing(key))
            return None
        try:
            first: date = clean_period(metric.grain, period)
            check_not_too_late(metric.grain, first, self.today)
            booked = clean_booking(metric.grain, first, row.values.get("booked_on"))
        except Unacceptable as refused:
            row.problems.append(FieldProblem(("period",), refused.code, refused.message))
            return None
        return Figure(client_id, metric.key, first, metric.grain, value, self._source_of(row), booked)
