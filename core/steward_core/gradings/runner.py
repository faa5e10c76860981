"""The run `gradings.compute`: one select of the inputs, one decision over all clients, one insert of the results.

All of it is one chunk: a grading is there whole or not at all, and a run that failed begins again.
"""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg
from pydantic import TypeAdapter
from sqlalchemy import (
    CTE,
    BigInteger,
    Boolean,
    ColumnElement,
    Integer,
    Select,
    SmallInteger,
    Text,
    Uuid,
    any_,
    bindparam,
    func,
    select,
)
from sqlalchemy import cast as sql_cast
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.exc import DBAPIError

from steward_core.clients.models import Client, ClientStatus
from steward_core.database.context import QueryContext
from steward_core.forms.models import FormRecord
from steward_core.gradings.errors import GradingNotFound, SchemeFailed
from steward_core.gradings.form import GradingForm
from steward_core.gradings.models import Grading, GradingObjection, GradingStatus, ObjectionStatus
from steward_core.gradings.records import ROWS_AT_ONCE, Result, write_results
from steward_core.gradings.schemes import form_key, grading_form, rules_of, scheme_here
from steward_core.industry.declarations import Graded, GradingScheme, Period
from steward_core.industry.statements import kept_to_the_tenant
from steward_core.permissions import GRADINGS_RUN
from steward_core.runs.models import Run
from steward_core.runs.service import RunTools, declare_run_kind
from steward_tenants.access.queries import units_below
from steward_tenants.audit.service import Subject, record
from steward_tenants.database.session import TenantSession, WriteSession
from steward_tenants.errors import StewardError
from steward_tenants.outbox.failures import FailureClass, failure_class
from steward_tenants.texts import Bilingual

GRADED_STATUSES = (ClientStatus.ACTIVE, ClientStatus.DORMANT)
SORT_MEMORY = "192MB"
"""What one step of the inputs' select may hold before it goes to disk; for this transaction only."""
PAGE_COST = "4"
"""A county's facts are most of their table: the planner shall read them as they lie rather than follow an index through
it, which takes half as long again. PostgreSQL's own default; for this transaction only."""
_PLAIN = (BigInteger, Integer, SmallInteger, Text, Boolean)
Inputs = list[dict[str, Any]]
Previous = Mapping[str, Mapping[str, int]]


@dataclass
class _Given:
    """What a decision is made from: the inputs, and in their order the clients that they are of. By the inputs'
    `client_id`: what was `previous`ly, and the names of what was `corrected`. `elsewhere`: how many were left out."""

    inputs: Inputs
    clients: list[UUID]
    previous: Previous
    corrected: dict[str, Sequence[str]] = field(default_factory=dict)
    elsewhere: int = 0


async def compute(session: WriteSession, run: Run, tools: RunTools) -> bool:  # noqa: ARG001 - a run kind's signature
    """Compute the grading that the run names and put its results up as a preview. One that was discarded meanwhile is
    left alone. Raises GradingNotFound, SchemeNotFound, RuleVersionMissing, SchemeFailed."""
    grading = await session.get(Grading, UUID(run.parameters["grading"]), lock=True)
    if grading is None:
        raise GradingNotFound
    if grading.status != GradingStatus.COMPUTING:
        return True
    scheme_key = grading.scheme  # cannot be read any more when the transaction has failed
    scheme, settings = await scheme_here(session, scheme_key)
    with _no_collection():
        try:
            given, decided = await _decided(
                session, grading, scheme, settings, date.fromisoformat(run.parameters["today"])
            )
            grading.counts = _counts(given, decided)
        except StewardError:
            raise
        except Exception as error:
            if _passes(error):
                raise
            raise SchemeFailed(scheme=scheme_key) from error
        results = _checked(grading.scheme, grading_form(scheme), given, decided)
        await write_results(session, grading, form_key(grading.scheme, scheme), scheme.form, results)
    grading.status = GradingStatus.PREVIEW
    run.total = run.done = len(decided)
    run.counts = grading.counts
    await record(session, "gradings.compute", Subject("grading", grading.id), after=grading.counts)
    return True


def _passes(error: Exception) -> bool:
    """Whether the database failed the scheme rather than the other way round; a query that takes too long is the
    scheme's."""
    if not isinstance(error, DBAPIError) or isinstance(error.orig, psycopg.errors.QueryCanceled):
        return False
    return failure_class(error) is FailureClass.TRANSIENT


COMPUTE = declare_run_kind("gradings.compute", "客户评级", "Grading of clients", GRADINGS_RUN, compute)


async def _decided(
    session: WriteSession, grading: Grading, scheme: GradingScheme, settings: Any, today: date
) -> tuple[_Given, Sequence[Graded]]:
    if grading.previous_id is None:
        # As they are now: figures and rules of one version of the plugin belong together.
        grading.policy, grading.rule_version = dict(scheme.policy(settings)), scheme.rule_version
        inputs = await _fresh(session, grading, scheme, QueryContext(session, today, settings))
        inputs, elsewhere = await _without_bound_elsewhere(session, grading, form_key(grading.scheme, scheme), inputs)
        clients = [UUID(given["client_id"]) for given in inputs]
        given = _Given(inputs, clients, await _last_time(session, grading, clients), elsewhere=elsewhere)
    else:
        given = await _stored(session, grading)
        given.corrected.update(await _correct(session, grading.previous_id, given.inputs))
    decide = rules_of(scheme, grading.rule_version)
    decided = decide(grading.policy, given.inputs)
    if len(decided) != len(given.inputs):
        raise ValueError(f"{len(given.inputs)} inputs, {len(decided)} results")
    return given, decided


@contextmanager
def _no_collection() -> Iterator[None]:
    """Without the garbage collector, for some seconds: it would walk over every result again and again, and none of
    them is garbage. What others leave meanwhile is freed as ever, but for cycles, which wait for the next round."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def county(session: TenantSession, scheme: GradingScheme, unit_id: UUID, today: date) -> CTE:
    """The ids of the clients that a grading of a unit is about: of the scheme's kinds, in business, in the unit or
    below it on the day."""
    return (
        select(Client.id)
        .where(
            session.within(Client),
            Client.kind.in_(scheme.kinds),
            Client.status.in_(GRADED_STATUSES),
            Client.unit_id.in_(units_below(session, unit_id, today)),
        )
        .cte("county")
    )


def inputs_select(scheme: GradingScheme, context: QueryContext, unit_id: UUID, period: Period) -> Select[Any]:
    """The one select of a grading's inputs, kept to the unit's clients whatever the scheme makes of its context."""
    clients = select(county(context.session, scheme, unit_id, context.today).c.id)
    about = QueryContext(context.session, context.today, context.settings, clients)
    statement = scheme.inputs(about, period)
    kept_to_the_tenant(statement)
    given = statement.subquery("given")
    return select(given).where(given.c.client_id.in_(clients))


async def _fresh(session: WriteSession, grading: Grading, scheme: GradingScheme, context: QueryContext) -> Inputs:
    period = Period(grading.period, grading.period_start, grading.period_end)
    statement = inputs_select(scheme, context, grading.unit_id, period)
    names = [str(column.key) for column in statement.selected_columns]
    grading.input_names = [name for name in names if name != "client_id"]
    await session.execute(
        select(func.set_config("work_mem", SORT_MEMORY, True), func.set_config("random_page_cost", PAGE_COST, True))
    )
    rows = await session.rows(statement)
    inputs = [dict(zip(names, row, strict=True)) for row in rows]
    for column in statement.selected_columns:
        if not isinstance(column.type, _PLAIN):
            name = str(column.key)
            for given in inputs:
                given[name] = plain(given[name])
    return inputs


def plain(value: Any) -> Any:
    """The JSON value under which an input is kept: whole decimals as integers, others as text."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else str(value)
    if isinstance(value, UUID | date | datetime):
        return str(value)
    return value


async def _without_bound_elsewhere(
    session: WriteSession, grading: Grading, full_key: str, inputs: Inputs
) -> tuple[Inputs, int]:
    """The inputs without those of clients that moved here with a bound result of the period, and how many they are."""
    others = select(Grading.id).where(
        session.within(Grading),
        Grading.scheme == grading.scheme,
        Grading.period == grading.period,
        Grading.status == GradingStatus.BOUND,
        Grading.unit_id != grading.unit_id,
    )
    if await session.scalar(others.limit(1)) is None:
        return inputs, 0
    wanted = [UUID(str(given["client_id"])) for given in inputs]
    bound = {
        str(client_id)
        for client_id in await session.scalars(
            select(FormRecord.subject_id).where(
                session.within(FormRecord),
                FormRecord.form == full_key,
                FormRecord.subject_id == any_(bindparam(None, wanted, type_=ARRAY(Uuid()))),
                FormRecord.slot == grading.period,
                FormRecord.batch_id.in_(others),
            )
        )
    }
    return [given for given in inputs if str(given["client_id"]) not in bound], len(bound)


async def _last_time(session: WriteSession, grading: Grading, clients: Sequence[UUID]) -> Previous:
    """Score, star, grade and rank of each client in the bound grading of the period before: of this unit, or for those
    that moved here since, of the one where they were."""
    bound = (
        select(Grading.id)
        .where(
            session.within(Grading),
            Grading.scheme == grading.scheme,
            Grading.status == GradingStatus.BOUND,
            Grading.period_start < grading.period_start,
        )
        .order_by(Grading.period_start.desc())
    )
    here = await session.scalar(bound.where(Grading.unit_id == grading.unit_id).limit(1))
    found = {} if here is None else await _results_before(session, FormRecord.batch_id == here)
    elsewhere = list(await session.scalars(bound.where(Grading.unit_id != grading.unit_id)))
    newcomers = [client_id for client_id in clients if str(client_id) not in found] if elsewhere else []
    if newcomers:
        of_newcomers = FormRecord.client_id == any_(bindparam(None, newcomers, type_=ARRAY(Uuid())))
        for one in elsewhere:
            moved = await _results_before(session, FormRecord.batch_id == one, of_newcomers)
            found = {**moved, **found}
    return found


async def _results_before(session: WriteSession, *conditions: ColumnElement[bool]) -> Previous:
    names = ("score", "star", "grade", "rank")
    values = (sql_cast(FormRecord.document[name].astext, BigInteger) for name in names)
    rows = await session.rows(
        select(FormRecord.client_id, *values)
        .where(session.within(FormRecord), *conditions)
        .order_by(FormRecord.id.desc())  # of two clients that were merged, the better result
    )
    return {str(row[0]): dict(zip((f"previous_{name}" for name in names), row[1:], strict=True)) for row in rows}


async def _stored(session: WriteSession, grading: Grading) -> _Given:
    """The inputs of the former revision by its records' ids (its clients may have been merged since), and what was kept
    with them of the period before."""
    rows = await session.rows(
        select(FormRecord.id, FormRecord.client_id, FormRecord.document)
        .where(session.within(FormRecord), FormRecord.batch_id == grading.previous_id)
        .order_by(FormRecord.id)
    )
    inputs = [stored_inputs(record_id, document, grading.input_names) for record_id, _, document in rows]
    previous = {
        str(record_id): {name: document[name] for name in document if name.startswith("previous_")}
        for record_id, _, document in rows
    }
    return _Given(inputs, [row[1] for row in rows], previous)


def stored_inputs(record_id: UUID, document: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """The inputs of a stored result, as its decision saw them. Its record's id stands for the client's: records are
    kept in the order of ranks, so that ties fall the same way again whatever became of the client."""
    return {"client_id": str(record_id), **{name: document.get(name) for name in names}}


async def _correct(session: WriteSession, source: UUID, inputs: Inputs) -> dict[str, Sequence[str]]:
    """Put the corrections of upheld objections into the inputs; answers which were corrected, by record."""
    rows = await session.rows(
        select(GradingObjection.record_id, GradingObjection.corrections)
        .where(
            session.within(GradingObjection),
            GradingObjection.grading_id == source,
            GradingObjection.status == ObjectionStatus.UPHELD,
        )
        .order_by(GradingObjection.decided_at)
    )
    corrections: dict[str, dict[str, Any]] = {}
    for record_id, corrected in rows:
        corrections.setdefault(str(record_id), {}).update(corrected)
    for given in inputs:
        given.update(corrections.get(given["client_id"], {}))
    return {record_id: sorted(corrected) for record_id, corrected in corrections.items()}


def _checked(
    scheme: str, form: type[GradingForm], given: _Given, decided: Sequence[Graded]
) -> Iterator[Sequence[Result]]:
    """The results in the order of their ranks, each held against the form, in parts. Raises SchemeFailed."""
    models = TypeAdapter(list[form])  # type: ignore[valid-type]
    names = tuple(form.model_computed_fields)
    order = sorted(range(len(decided)), key=lambda place: decided[place].rank)
    for start in range(0, len(order), ROWS_AT_ONCE):
        part = order[start : start + ROWS_AT_ONCE]
        try:
            documents = [_document(form, given, given.inputs[place], decided[place]) for place in part]
            computed = [
                {name: plain(getattr(model, name)) for name in names} for model in models.validate_python(documents)
            ]
        except Exception as error:
            raise SchemeFailed(scheme=scheme) from error
        yield [Result(given.clients[place], *kept) for place, *kept in zip(part, documents, computed, strict=True)]


def _document(form: type[GradingForm], given: _Given, inputs: Mapping[str, Any], graded: Graded) -> dict[str, Any]:
    key = inputs["client_id"]
    lines = graded.lines
    if key in given.corrected:
        lines = (*lines, _corrected_line(form, given.corrected[key]))
    reasons_zh, reasons_en = zip(*lines, strict=True) if lines else ((), ())
    return {
        **graded.document,
        "score": graded.score,
        "star": graded.star,
        "grade": graded.grade,
        "rank": graded.rank,
        "tier": graded.tier,
        **given.previous.get(key, {}),
        "reasons_zh": "\n".join(reasons_zh) or None,
        "reasons_en": "\n".join(reasons_en) or None,
    }


def _corrected_line(form: type[GradingForm], names: Sequence[str]) -> Bilingual:
    titles = [form.titles().get(name, Bilingual(name, name)) for name in names]
    return Bilingual(
        f"按异议裁定更正：{'、'.join(title.zh for title in titles)}",
        f"Corrected after an objection: {', '.join(title.en for title in titles)}",
    )


def _counts(given: _Given, decided: Sequence[Graded]) -> dict[str, Any]:
    """How the clients fell out; `elsewhere` moved here with a bound result of the period and were left out."""
    stars = Counter(graded.star for graded in decided)
    before = (given.previous.get(one["client_id"], {}).get("previous_star") for one in given.inputs)
    changes = Counter(_change(star, graded.star) for star, graded in zip(before, decided, strict=True))
    return {
        "clients": len(decided),
        "stars": {str(star): stars[star] for star in sorted(stars, reverse=True)},
        **{name: changes[name] for name in ("risen", "fallen", "same", "new")},
        **({"elsewhere": given.elsewhere} if given.elsewhere else {}),
    }


def _change(before: int | None, star: int) -> str:
    if before is None:
        return "new"
    return "same" if star == before else ("risen" if star > before else "fallen")
