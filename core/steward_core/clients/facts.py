"""Recording client facts: append-only, in bulk, corrected by further revisions and never changed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple, TypedDict, TypeVar
from uuid import UUID

from sqlalchemy import Date, Select, Text, Uuid, and_, any_, bindparam, column, func, select
from sqlalchemy import cast as sql_cast
from sqlalchemy.dialects.postgresql import ARRAY, distinct_on
from sqlalchemy.orm import aliased
from sqlalchemy.types import TypeEngine

from steward_core.clients.fact_errors import FactExists, FactNotFound
from steward_core.clients.fact_rules import check_not_too_late, clean_booking, clean_figure, clean_period
from steward_core.clients.metrics import metrics
from steward_core.clients.models import Client, ClientFact, ClientStatus, Metric
from steward_core.clients.row_kinds import CLIENT
from steward_core.database.bulk import insert_many
from steward_core.permissions import FACTS_RECORD
from steward_tenants.audit.service import Subject, record
from steward_tenants.commands.service import command
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.locks import take_turn
from steward_tenants.database.session import TenantSession, WriteSession
from steward_tenants.errors import FieldProblem, InvalidInput, invalid
from steward_tenants.people.rules import Unacceptable, line_of_text
from steward_tenants.texts import Bilingual

MOST_ROWS = 50_000
"""Facts that one call may bring."""
T = TypeVar("T")


class FactRow(TypedDict, total=False):
    """A fact as it is given: `client_id` or `code` says whose. `period` by its name or first day; `value` in the
    metric's unit (fen); `booked_on` by default the period's last day."""

    client_id: UUID | str | None
    code: str | None
    metric: str
    period: str | date
    value: Decimal | int | float | str
    booked_on: date | str | None


class Key(NamedTuple):
    """What a source says one figure of."""

    metric: str
    period: date
    client_id: UUID


@dataclass(frozen=True)
class Figure:
    """One given fact in clean form, and which row it came in. `booked_given`: the row said when it was booked."""

    row: int
    key: Key
    grain: str
    value: Decimal
    booked_on: date
    booked_given: bool


@dataclass(frozen=True)
class _OnRecord:
    revision: int
    value: Decimal
    booked_on: date
    withdrawn: bool


@dataclass(frozen=True)
class Examination:
    """What recording the rows would do. `differing`: on record with another value; `problems`: refused rows."""

    new: tuple[Figure, ...] = ()
    differing: tuple[Figure, ...] = ()
    unchanged: tuple[Figure, ...] = ()
    problems: tuple[FieldProblem, ...] = ()
    known: Mapping[Key, _OnRecord] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class FactsRecorded:
    """How many facts went in, were corrected, were there already; the batch that they carry."""

    recorded: int
    corrected: int
    unchanged: int
    batch_id: UUID


async def examine_facts(session: TenantSession, rows: Sequence[FactRow], *, source: str, today: date) -> Examination:
    """Check facts against the tenant's metrics, the actor's clients and what is on record; changes nothing.

    Problems have paths `rows.<n>.<field>`, `n` from 0. A handful of statements for any number of rows.
    """
    problems: list[FieldProblem] = []
    known_metrics = {metric.key: metric for metric in await metrics(session, retired=True)}
    world = _World(known_metrics, await _clients(session, rows, today), today)
    figures: dict[Key, Figure] = {}
    for number, row in enumerate(rows):
        figure = _figure(number, row, world, problems)
        if figure is None:
            continue
        first = figures.setdefault(figure.key, figure)
        if first is not figure:
            text = Bilingual(
                f"与第 {first.row + 1} 行是同一客户、指标和期间。",
                f"Row {first.row + 1} has the same client, metric and period.",
            )
            problems.append(FieldProblem(("rows", str(number), "period"), "twice", text))
    known = await _on_record(session, source, list(figures))
    new, differing, unchanged = [], [], []
    for key, figure in figures.items():
        there = known.get(key)
        if there is None or there.withdrawn:
            new.append(figure)
        elif there.value == figure.value and (there.booked_on == figure.booked_on or not figure.booked_given):
            unchanged.append(figure)
        else:
            differing.append(figure)
    return Examination(tuple(new), tuple(differing), tuple(unchanged), tuple(problems), known)


@command("facts.record", "写入客户数据指标", "Record client facts", permission=FACTS_RECORD)
async def record_facts(
    session: WriteSession,
    rows: Sequence[FactRow],
    *,
    source: str,
    today: date,
    batch_id: UUID | None = None,
    correct: bool = False,
    reason: str | None = None,
) -> FactsRecorded:
    """Record facts of one source. A fact that is on record with the same value is left alone, so that a repetition
    changes nothing; with another value it needs `correct` and a `reason`, and becomes the next revision.

    Raises InvalidInput (every bad row), FactExists (every row with another value); then nothing was written.
    """
    source = _line("source", source, 64)
    if correct or reason is not None:
        reason = _line("reason", reason, 200)
    if len(rows) > MOST_ROWS:
        raise invalid("rows", "length", f"每次最多 {MOST_ROWS} 条。", f"Send at most {MOST_ROWS} rows at once.")
    await take_turn(session, f"facts/{source}")
    found = await examine_facts(session, rows, source=source, today=today)
    if found.problems:
        raise InvalidInput(problems=found.problems)
    if found.differing and not correct:
        raise _exist(found)
    batch_id = batch_id or new_id()
    await _write(session, found, source, batch_id, reason if correct else None)
    done = FactsRecorded(len(found.new), len(found.differing), len(found.unchanged), batch_id)
    await record(
        session,
        "facts.record",
        Subject("fact_batch", batch_id),
        after={
            "source": source,
            "recorded": done.recorded,
            "corrected": done.corrected,
            "unchanged": done.unchanged,
            "metrics": sorted({figure.key.metric for figure in (*found.new, *found.differing)}),
            "digest": digest_of((*found.new, *found.differing, *found.unchanged)),
        },
        reason=reason,
    )
    return done


@command("facts.correct", "更正客户数据指标", "Correct a client fact", permission=FACTS_RECORD)
async def correct_fact(
    session: WriteSession,
    client_id: UUID,
    metric: str,
    period: str | date,
    value: Decimal | int | str,
    *,
    source: str,
    reason: str,
    today: date,
    booked_on: date | None = None,
) -> FactsRecorded:
    """Correct one fact that is on record. Raises InvalidInput, FactNotFound."""
    source, reason = _line("source", source, 64), _line("reason", reason, 200)
    row = FactRow(client_id=client_id, metric=metric, period=period, value=value, booked_on=booked_on)
    await take_turn(session, f"facts/{source}")
    found = await examine_facts(session, [row], source=source, today=today)
    if found.problems:
        raise InvalidInput(problems=[FieldProblem(p.path[2:], p.code, p.message) for p in found.problems])
    if found.new:
        raise FactNotFound
    batch_id = new_id()
    await _write(session, found, source, batch_id, reason)
    figure = (*found.differing, *found.unchanged)[0]
    await record(
        session,
        "facts.correct",
        Subject("client", client_id),
        before={"value": found.known[figure.key].value},
        after={"value": figure.value, "metric": metric, "period": figure.key.period, "source": source},
        reason=reason,
    )
    return FactsRecorded(0, len(found.differing), len(found.unchanged), batch_id)


def digest_of(figures: Iterable[Figure]) -> str:
    """A digest of facts whatever their order, for the audit log."""
    lines = sorted(
        f"{figure.key.metric}|{figure.key.period}|{figure.key.client_id}|{figure.value}|{figure.booked_on}"
        for figure in figures
    )
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


async def _write(session: WriteSession, found: Examination, source: str, batch_id: UUID, reason: str | None) -> None:
    """New facts, and corrections as next revisions; a correction that does not say otherwise keeps its booking date."""
    figures = [*found.new, *found.differing]
    revisions, bookings = [], []
    for figure in figures:
        there = found.known.get(figure.key)
        revisions.append(there.revision + 1 if there else 1)
        kept = there is not None and not there.withdrawn and not figure.booked_given
        bookings.append(there.booked_on if there and kept else figure.booked_on)
    await insert_many(
        session,
        ClientFact,
        {
            "metric": [figure.key.metric for figure in figures],
            "period": [figure.key.period for figure in figures],
            "client_id": [figure.key.client_id for figure in figures],
            "source": [source] * len(figures),
            "revision": revisions,
            "grain": [figure.grain for figure in figures],
            "value": [figure.value for figure in figures],
            "booked_on": bookings,
            "reason": [None] * len(found.new) + [reason] * len(found.differing),
            "batch_id": [batch_id] * len(figures),
            "recorded_by": [session.actor.id] * len(figures),
        },
    )


def _exist(found: Examination) -> FactExists:
    problems = []
    for figure in found.differing:
        value = f"{found.known[figure.key].value.normalize():f}"
        text = Bilingual(f"已有的值为 {value}。", f"The value on record is {value}.")
        problems.append(FieldProblem(("rows", str(figure.row), "value"), FactExists.code, text))
    return FactExists(problems=problems, count=len(problems))


def _line(path: str, value: Any, longest: int) -> str:
    try:
        return line_of_text(value, longest)
    except Unacceptable as refused:
        raise InvalidInput(problems=[FieldProblem((path,), refused.code, refused.message)]) from None


class _Clients(NamedTuple):
    by_id: Mapping[UUID, str]
    by_code: Mapping[str, UUID]


@dataclass(frozen=True)
class _World:
    """What rows are checked against."""

    metrics: Mapping[str, Metric]
    clients: _Clients
    today: date


async def _clients(session: TenantSession, rows: Sequence[FactRow], today: date) -> _Clients:
    """The clients named that the actor may record facts of: their status by id, their id by code."""
    ids = {client_id for row in rows if (client_id := _uuid(row.get("client_id"))) is not None}
    codes = {code for row in rows if (code := _code(row)) is not None and row.get("client_id") is None}
    reach = CLIENT.within_reach(session, FACTS_RECORD, today)
    base = select(Client.id, Client.code, Client.status).where(session.within(Client), reach)
    found: list[Any] = []
    if ids:
        found += await session.rows(base.where(Client.id == any_(_array(list(ids), Uuid(as_uuid=True)))))
    if codes:
        found += await session.rows(base.where(Client.code == any_(_array(list(codes), Text()))))
    return _Clients(
        {row_id: status for row_id, _, status in found}, {code: row_id for row_id, code, _ in found if code}
    )


def _uuid(value: Any) -> UUID | None:
    if isinstance(value, UUID):
        return value
    try:
        return UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _code(row: FactRow) -> str | None:
    code = row.get("code")
    return code.strip() if isinstance(code, str) and len(code) <= 100 and "\0" not in code else None


def _figure(number: int, row: FactRow, world: _World, problems: list[FieldProblem]) -> Figure | None:
    """One row in clean form, or None and what is wrong with it in `problems`."""
    faults = len(problems)

    def tried(name: str, clean: Callable[[], T]) -> T | None:
        try:
            return clean()
        except Unacceptable as refused:
            problems.append(FieldProblem(("rows", str(number), name), refused.code, refused.message))
            return None

    client_id = tried("code" if row.get("client_id") is None else "client_id", lambda: _client(row, world.clients))
    metric = tried("metric", lambda: _metric(row, world.metrics))
    if metric is None:
        return None
    value = tried("value", lambda: clean_figure(metric.measure, row.get("value")))
    period = tried("period", lambda: _period(metric.grain, row.get("period"), world.today))
    given = row.get("booked_on")
    booked = tried("booked_on", lambda: clean_booking(metric.grain, period, given)) if period is not None else None
    if len(problems) > faults or client_id is None or value is None or period is None or booked is None:
        return None
    key = Key(metric.key, period, client_id)
    return Figure(number, key, metric.grain, value, booked, given not in (None, ""))


def _client(row: FactRow, clients: _Clients) -> UUID:
    given = row.get("client_id")
    code = _code(row)
    client_id = _uuid(given) if given is not None else clients.by_code.get(code or "")
    status = clients.by_id.get(client_id) if client_id is not None else None
    if client_id is None or status is None:
        raise Unacceptable(
            "client_not_found", "找不到该客户，或不在您的数据范围内。", "No such client within your scope."
        )
    if status == ClientStatus.MERGED:
        raise Unacceptable("client_is_merged", "该客户已并入其他客户。", "The client was merged into another one.")
    return client_id


def _metric(row: FactRow, known: Mapping[str, Metric]) -> Metric:
    key = row.get("metric")
    metric = known.get(key) if isinstance(key, str) else None
    if metric is None:
        raise Unacceptable("metric_not_found", "没有此数据指标。", "There is no such metric.")
    if metric.retired:
        raise Unacceptable("metric_retired", "该数据指标已停用。", "The metric is retired.")
    return metric


def _period(grain: str, value: Any, today: date) -> date:
    first = clean_period(grain, value)
    check_not_too_late(grain, first, today)
    return first


async def _on_record(session: TenantSession, source: str, keys: Sequence[Key]) -> dict[Key, _OnRecord]:
    """The highest revision of each fact that this source has on record."""
    if not keys:
        return {}
    rows = await session.rows(_highest(session, source, keys))
    return {Key(*row[:3]): _OnRecord(*row[3:]) for row in rows}


def _highest(session: TenantSession, source: str, keys: Sequence[Key]) -> Select[*tuple[Any, ...]]:
    arrays = (
        _array([key.metric for key in keys], Text()),
        _array([key.period for key in keys], Date()),
        _array([key.client_id for key in keys], Uuid(as_uuid=True)),
    )
    given = func.unnest(*arrays).table_valued(*(column(name) for name in Key._fields), name="given").render_derived()
    fact = aliased(ClientFact)
    named = (fact.metric, fact.period, fact.client_id)
    return (
        select(*named, fact.revision, fact.value, fact.booked_on, fact.withdrawn)
        .ext(distinct_on(*named))
        .join(given, and_(*(part == given.c[part.key] for part in named)))
        .where(
            session.within(fact),
            fact.source == source,
            fact.metric.in_({key.metric for key in keys}),  # says again what the join says: bounds the key's range
            fact.period.between(min(key.period for key in keys), max(key.period for key in keys)),
        )
        .order_by(*named, fact.revision.desc())
    )


def _array(values: Sequence[Any], of: TypeEngine[Any]) -> Any:
    return sql_cast(bindparam(None, list(values), type_=ARRAY(of)), ARRAY(of))
