"""The run `gradings.compute`: one select of the inputs, one decision over all clients, one insert of the results.

All of it is one chunk: a grading is there whole or not at all, and a run that failed begins again.
"""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import CTE, BigInteger, Boolean, Integer, Select, SmallInteger, Text, func, select
from sqlalchemy import cast as sql_cast

from steward_core.clients.models import Client, ClientStatus
from steward_core.database.context import QueryContext
from steward_core.forms.models import FormRecord
from steward_core.gradings.errors import GradingNotFound, SchemeFailed
from steward_core.gradings.form import GradingForm
from steward_core.gradings.models import Grading, GradingObjection, GradingStatus, ObjectionStatus
from steward_core.gradings.records import Result, write_results
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
from steward_tenants.texts import Bilingual

GRADED_STATUSES = (ClientStatus.ACTIVE, ClientStatus.DORMANT)
SORT_MEMORY = "192MB"
"""What one step of the inputs' select may hold before it goes to disk; for this transaction only."""
_PLAIN = (BigInteger, Integer, SmallInteger, Text, Boolean)
Inputs = list[dict[str, Any]]


async def compute(session: WriteSession, run: Run, tools: RunTools) -> bool:  # noqa: ARG001 - a run kind's signature
    """Compute the grading that the run names and put its results up as a preview. One that was discarded meanwhile is
    left alone. Raises GradingNotFound, SchemeNotFound, RuleVersionMissing, SchemeFailed."""
    grading = await session.get(Grading, UUID(run.parameters["grading"]), lock=True)
    if grading is None:
        raise GradingNotFound
    if grading.status != GradingStatus.COMPUTING:
        return True
    scheme, settings = await scheme_here(session, grading.scheme)
    try:
        results = await _results(session, grading, scheme, settings, date.fromisoformat(run.parameters["today"]))
    except StewardError:
        raise
    except Exception as error:
        raise SchemeFailed(scheme=grading.scheme) from error
    await write_results(session, grading, form_key(grading.scheme, scheme), scheme.form, results)
    grading.status = GradingStatus.PREVIEW
    grading.counts = _counts(results)
    run.total = run.done = len(results)
    run.counts = grading.counts
    await record(session, "gradings.compute", Subject("grading", grading.id), after=grading.counts)
    return True


COMPUTE = declare_run_kind("gradings.compute", "客户评级", "Grading of clients", GRADINGS_RUN, compute)


async def _results(
    session: WriteSession, grading: Grading, scheme: GradingScheme, settings: Any, today: date
) -> list[Result]:
    if grading.previous_id is None:
        grading.policy = dict(scheme.policy(settings))
        inputs = await _fresh(session, grading, scheme, QueryContext(session, today, settings))
        previous = await _last_time(session, grading)
        corrected: Mapping[str, Sequence[str]] = {}
    else:
        inputs, previous = await _stored(session, grading)
        corrected = await _correct(session, grading.previous_id, inputs)
    decide = rules_of(scheme, grading.rule_version)
    with _no_collection():
        decided = decide(grading.policy, inputs)
        if len(decided) != len(inputs):
            raise ValueError(f"{len(inputs)} inputs, {len(decided)} results")
        return _checked(grading_form(scheme), inputs, decided, previous, corrected)


@contextmanager
def _no_collection() -> Iterator[None]:
    """Without the garbage collector, for about a second: it would walk over every result again and again, and none of
    them is garbage. Nothing is awaited inside."""
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
    await session.execute(select(func.set_config("work_mem", SORT_MEMORY, True)))
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


async def _last_time(session: WriteSession, grading: Grading) -> dict[str, dict[str, int]]:
    """Score, star, grade and rank of each client in the bound grading of the period before."""
    before = await session.scalar(
        select(Grading.id)
        .where(
            session.within(Grading),
            Grading.scheme == grading.scheme,
            Grading.unit_id == grading.unit_id,
            Grading.status == GradingStatus.BOUND,
            Grading.period_start < grading.period_start,
        )
        .order_by(Grading.period_start.desc())
        .limit(1)
    )
    if before is None:
        return {}
    names = ("score", "star", "grade", "rank")
    rows = await session.rows(
        select(FormRecord.client_id, *(sql_cast(FormRecord.document[name].astext, BigInteger) for name in names)).where(
            session.within(FormRecord), FormRecord.batch_id == before
        )
    )
    return {str(row[0]): dict(zip((f"previous_{name}" for name in names), row[1:], strict=True)) for row in rows}


async def _stored(session: WriteSession, grading: Grading) -> tuple[Inputs, dict[str, dict[str, int]]]:
    rows = await session.rows(
        select(FormRecord.client_id, FormRecord.document).where(
            session.within(FormRecord), FormRecord.batch_id == grading.previous_id
        )
    )
    inputs = [stored_inputs(str(client_id), document, grading.input_names) for client_id, document in rows]
    previous = {
        str(client_id): {name: document[name] for name in document if name.startswith("previous_")}
        for client_id, document in rows
    }
    return inputs, previous


def stored_inputs(client_id: str, document: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """The inputs of a stored result, as its decision saw them."""
    return {"client_id": client_id, **{name: document.get(name) for name in names}}


async def _correct(session: WriteSession, source: UUID, inputs: Inputs) -> dict[str, Sequence[str]]:
    """Put the corrections of upheld objections into the inputs; answers which were corrected, by client."""
    rows = await session.rows(
        select(GradingObjection.client_id, GradingObjection.corrections)
        .where(
            session.within(GradingObjection),
            GradingObjection.grading_id == source,
            GradingObjection.status == ObjectionStatus.UPHELD,
        )
        .order_by(GradingObjection.decided_at)
    )
    corrections: dict[str, dict[str, Any]] = {}
    for client_id, corrected in rows:
        corrections.setdefault(str(client_id), {}).update(corrected)
    for given in inputs:
        given.update(corrections.get(given["client_id"], {}))
    return {client_id: sorted(corrected) for client_id, corrected in corrections.items()}


def _checked(
    form: type[GradingForm],
    inputs: Inputs,
    decided: Sequence[Graded],
    previous: Mapping[str, Mapping[str, int]],
    corrected: Mapping[str, Sequence[str]],
) -> list[Result]:
    """The results in the order of their ranks, each held against the form. Raises ValidationError."""
    documents = []
    for given, graded in zip(inputs, decided, strict=True):
        client_id = str(given["client_id"])
        lines = graded.lines
        if client_id in corrected:
            lines = (*lines, _corrected_line(form, corrected[client_id]))
        documents.append(
            {
                **graded.document,
                "score": graded.score,
                "star": graded.star,
                "grade": graded.grade,
                "rank": graded.rank,
                "tier": graded.tier,
                **previous.get(client_id, {}),
                "reasons_zh": "\n".join([line.zh for line in lines]),
                "reasons_en": "\n".join([line.en for line in lines]),
            }
        )
    models = TypeAdapter(list[form]).validate_python(documents)  # type: ignore[valid-type]
    names = tuple(form.model_computed_fields)
    results = [
        Result(str(given["client_id"]), document, {name: plain(getattr(model, name)) for name in names}, graded.rank)
        for given, document, model, graded in zip(inputs, documents, models, decided, strict=True)
    ]
    return sorted(results, key=lambda result: result.rank)


def _corrected_line(form: type[GradingForm], names: Sequence[str]) -> Bilingual:
    titles = [form.titles().get(name, Bilingual(name, name)) for name in names]
    return Bilingual(
        f"按异议裁定更正：{'、'.join(title.zh for title in titles)}",
        f"Corrected after an objection: {', '.join(title.en for title in titles)}",
    )


def _counts(results: Sequence[Result]) -> dict[str, Any]:
    stars = Counter(result.document["star"] for result in results)
    changes = Counter(_change(result.document) for result in results)
    return {
        "clients": len(results),
        "stars": {str(star): stars[star] for star in sorted(stars, reverse=True)},
        **{name: changes[name] for name in ("risen", "fallen", "same", "new")},
    }


def _change(document: Mapping[str, Any]) -> str:
    before, star = document.get("previous_star"), document["star"]
    if before is None:
        return "new"
    return "same" if star == before else ("risen" if star > before else "fallen")
