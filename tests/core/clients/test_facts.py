"""Recording client facts: in bulk, validated at once, corrected by revisions, taken back; metrics of a tenant."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, func, select
from sqlalchemy.engine import Engine

from steward_core.clients.fact_errors import (
    FactExists,
    FactNotFound,
    MetricChanged,
    MetricInUse,
    MetricOfPlugin,
)
from steward_core.clients.fact_queries import current_facts
from steward_core.clients.fact_rules import (
    GRAINS,
    clean_figure,
    clean_period,
    first_day,
    last_day,
    period_name,
    shifted,
)
from steward_core.clients.fact_withdrawal import FactsWithdrawn, withdraw_batch, withdraw_fact
from steward_core.clients.facts import FactRow, correct_fact, record_facts
from steward_core.clients.metrics import metrics, save_metric
from steward_core.clients.models import ClientFact, ClientStatus, Metric
from steward_core.database.context import QueryContext
from steward_core.permissions import FACTS_RECORD, POLICIES_MANAGE
from steward_tenants.audit.models import AuditEvent
from steward_tenants.database.actor import Scope
from steward_tenants.database.database import Database
from steward_tenants.database.identifiers import new_id
from steward_tenants.errors import Forbidden, InvalidInput
from steward_tenants.people.rules import Unacceptable
from tests.core.factories import make_client
from tests.factories import actor_with, make_tenant, make_user

TODAY = date(2026, 11, 10)
RECORDER = actor_with(FACTS_RECORD)
ADMIN = actor_with(POLICIES_MANAGE)
MONEY = {"title_zh": "月收入", "title_en": "Monthly revenue", "measure": "fen"}
AGAIN = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@dataclass(frozen=True)
class Company:
    """A tenant with the metric `revenue` and some clients."""

    tenant: UUID
    clients: tuple[UUID, ...]
    codes: tuple[str, ...]


async def make_company(database: Database, clients: int = 2) -> Company:
    tenant = await make_tenant(database)
    async with database.write(tenant, ADMIN) as session:
        await save_metric(session, "revenue", MONEY)
        await save_metric(session, "rate", {**MONEY, "measure": "%", "grain": "quarter", "additive": False})
        made = [make_client(session) for _ in range(clients)]
    return Company(tenant, tuple(one.id for one in made), tuple(str(one.code) for one in made))


def row(
    client: UUID, value: Any, period: Any = "2026-10", metric: str = "revenue", booked_on: date | str | None = None
) -> FactRow:
    return FactRow(client_id=client, metric=metric, period=period, value=value, booked_on=booked_on)


async def record_rows(
    database: Database, company: Company, rows: Sequence[FactRow], **more: Any
) -> tuple[int, int, int]:
    async with database.write(company.tenant, RECORDER) as session:
        done = await record_facts(session, rows, **{"source": "boss", "today": TODAY, **more})
    return done.recorded, done.corrected, done.unchanged


async def in_force(database: Database, tenant: UUID) -> dict[tuple[UUID, str, date], Decimal]:
    async with database.read(tenant, RECORDER) as session:
        facts = current_facts(QueryContext(session, TODAY))
        rows = await session.rows(select(facts.c.client_id, facts.c.metric, facts.c.period, facts.c.value))
    return {(client, metric, period): value for client, metric, period, value in rows}


async def revisions(database: Database, tenant: UUID) -> int:
    async with database.read(tenant, RECORDER) as session:
        count: int = await session.scalar(select(func.count()).where(session.within(ClientFact)))
    return count


async def test_facts_come_in_once_and_are_corrected_by_revisions(database: Database) -> None:
    company = await make_company(database)
    first, second = company.clients
    rows = [row(first, 100_00), FactRow(code=company.codes[1], metric="revenue", period="2026年10月", value="250")]
    assert await record_rows(database, company, rows) == (2, 0, 0)
    assert await record_rows(database, company, rows) == (0, 0, 2)
    october = date(2026, 10, 1)
    assert await in_force(database, company.tenant) == {
        (first, "revenue", october): Decimal(10000),
        (second, "revenue", october): Decimal(250),
    }
    with pytest.raises(FactExists) as refused:
        await record_rows(database, company, [row(second, 250), row(first, 99_00)])
    assert [problem.path for problem in refused.value.problems] == [("rows", "1", "value")]
    with pytest.raises(InvalidInput):
        await record_rows(database, company, [row(first, 99_00)], correct=True)
    assert await revisions(database, company.tenant) == 2
    assert await record_rows(database, company, [row(first, 99_00)], correct=True, reason="账务更正") == (0, 1, 0)
    assert await record_rows(database, company, [row(first, 99_00)], correct=True, reason="账务更正") == (0, 0, 1)
    assert (await in_force(database, company.tenant))[first, "revenue", october] == 9900
    async with database.read(company.tenant, RECORDER) as session:
        kept = await session.scalars(
            select(ClientFact)
            .where(session.within(ClientFact), ClientFact.client_id == first)
            .order_by(ClientFact.revision)
        )
        changes = await session.scalars(
            select(AuditEvent.changes).where(session.within(AuditEvent), AuditEvent.action == "facts.record")
        )
    assert [(one.revision, one.value, one.reason, one.booked_on) for one in kept] == [
        (1, 10000, None, date(2026, 10, 31)),
        (2, 9900, "账务更正", date(2026, 10, 31)),
    ]
    assert len(changes) == 4
    assert all(len(change["digest"][1]) == 64 for change in changes)


async def test_sources_add_up(database: Database) -> None:
    company = await make_company(database)
    await record_rows(database, company, [row(company.clients[0], 100)])
    await record_rows(database, company, [row(company.clients[0], 11)], source="billing")
    assert list((await in_force(database, company.tenant)).values()) == [Decimal(111)]


async def test_every_bad_row_is_named_and_nothing_is_written(database: Database) -> None:
    company = await make_company(database, 3)
    one, two, merged = company.clients
    async with database.write(company.tenant, RECORDER) as session:
        absorbed = make_client(session, status=ClientStatus.MERGED, merged_into_id=merged)
    rows: list[Any] = [
        row(one, 1),
        row(two, 1, metric="turnover"),
        row(new_id(), 1),
        {"code": "nobody", "metric": "revenue", "period": "2026-10", "value": 1},
        {"metric": "revenue", "period": "2026-10", "value": 1},
        row(absorbed.id, 1),
        row(two, float("nan")),
        row(two, float("inf")),
        row(two, 10**18),
        row(two, "12.5"),
        row(two, True),
        row(two, None),
        row(two, 1, period=date(2026, 10, 2)),
        row(two, 1, period="2026-13"),
        row(two, 1, period=datetime(2026, 10, 1, 0, 0)),  # noqa: DTZ001
        row(two, 1, period="2027-01"),
        row(two, 1, period="2026-12"),
        row(two, 1, booked_on="someday"),
        row(two, 1, booked_on=date(2024, 1, 1)),
        row(one, 2),
        {"client_id": "no id", "code": "\x00", "metric": 5},
        row(two, 1, period="2026-10", metric="rate"),
    ]
    with pytest.raises(InvalidInput) as refused:
        await record_rows(database, company, rows)
    assert [(int(p.path[1]), p.path[2], p.code) for p in refused.value.problems] == [
        (1, "metric", "metric_not_found"),
        (2, "client_id", "client_not_found"),
        (3, "code", "client_not_found"),
        (4, "code", "client_not_found"),
        (5, "client_id", "client_is_merged"),
        (6, "value", "finite"),
        (7, "value", "finite"),
        (8, "value", "range"),
        (9, "value", "fen"),
        (10, "value", "number"),
        (11, "value", "number"),
        (12, "period", "period_start"),
        (13, "period", "period"),
        (14, "period", "period"),
        (15, "period", "future"),
        (17, "booked_on", "date"),
        (18, "booked_on", "range"),
        (19, "period", "twice"),
        (20, "client_id", "client_not_found"),
        (20, "metric", "metric_not_found"),
        (21, "period", "period"),
    ]
    for bad in ({"source": ""}, {"source": "一\x00二"}, {"correct": True}, {"correct": True, "reason": " "}):
        with pytest.raises(InvalidInput):
            await record_rows(database, company, [row(one, 1)], **bad)
    assert await revisions(database, company.tenant) == 0


async def test_only_clients_within_reach_are_recorded(database: Database) -> None:
    company = await make_company(database, 0)
    async with database.write(company.tenant, RECORDER) as session:
        user = make_user(session)
        await session.flush()
        mine, others = make_client(session, owner_id=user.id), make_client(session)
    actor = actor_with(FACTS_RECORD, scope=Scope.OWN, user=user)
    async with database.write(company.tenant, actor) as session:
        assert (await record_facts(session, [row(mine.id, 5)], source="boss", today=TODAY)).recorded == 1
        with pytest.raises(InvalidInput) as refused:
            await record_facts(session, [row(others.id, 5)], source="boss", today=TODAY)
        assert refused.value.problems[0].code == "client_not_found"
    async with database.write(company.tenant, ADMIN) as session:
        with pytest.raises(Forbidden):
            await record_facts(session, [row(mine.id, 5)], source="boss", today=TODAY)


async def test_thousands_of_rows_take_a_handful_of_statements(database: Database) -> None:
    company = await make_company(database, 400)
    rows = [
        row(client, number, period=shifted("month", date(2026, 10, 1), -months))
        for number, client in enumerate(company.clients)
        for months in range(10)
    ]
    seen: list[str] = []

    def count(*arguments: Any) -> None:
        seen.append(arguments[2])

    event.listen(Engine, "before_cursor_execute", count)
    try:
        assert await record_rows(database, company, rows) == (4000, 0, 0)
    finally:
        event.remove(Engine, "before_cursor_execute", count)
    assert len(seen) < 15
    assert await record_rows(database, company, rows) == (0, 0, 4000)


async def test_two_who_record_the_same_at_once(database: Database) -> None:
    company = await make_company(database)
    rows = [row(client, 7) for client in company.clients]
    done = await asyncio.gather(*(record_rows(database, company, rows) for _ in range(4)))
    assert sorted(done) == [(0, 0, 2), (0, 0, 2), (0, 0, 2), (2, 0, 0)]


async def test_a_correction_names_a_fact_on_record(database: Database) -> None:
    company = await make_company(database)
    client = company.clients[0]
    await record_rows(database, company, [row(client, 100, booked_on="2026-11-05")])
    async with database.write(company.tenant, RECORDER) as session:
        about = {"source": "boss", "reason": "重复计费", "today": TODAY}
        done = await correct_fact(session, client, "revenue", "2026-10", 90, **about)  # type: ignore[arg-type]
        assert (done.corrected, done.unchanged) == (1, 0)
        with pytest.raises(FactNotFound):
            await correct_fact(session, client, "revenue", "2026-09", 90, **about)  # type: ignore[arg-type]
        with pytest.raises(InvalidInput) as refused:
            await correct_fact(session, client, "revenue", "2026-10", "ninety", **about)  # type: ignore[arg-type]
        assert refused.value.problems[0].path == ("value",)
        kept = await session.find(ClientFact, ClientFact.client_id == client, ClientFact.revision == 2)
    assert kept is not None
    assert kept.booked_on == date(2026, 11, 5)


async def test_what_was_recorded_by_mistake_is_taken_back(database: Database) -> None:
    company = await make_company(database, 3)
    one, two, three = company.clients
    await record_rows(database, company, [row(one, 100), row(two, 200)])
    batch = new_id()
    await record_rows(
        database, company, [row(one, 150), row(two, 250), row(three, 300)], correct=True, reason="导入", batch_id=batch
    )
    await record_rows(database, company, [row(two, 260)], correct=True, reason="再次更正")
    async with database.write(company.tenant, RECORDER) as session:
        done = await withdraw_batch(session, batch, reason="导错文件", today=TODAY)
    assert done == FactsWithdrawn(withdrawn=1, restored=1, skipped=1)
    october = date(2026, 10, 1)
    assert await in_force(database, company.tenant) == {(one, "revenue", october): 100, (two, "revenue", october): 260}
    async with database.write(company.tenant, RECORDER) as session:
        again = await withdraw_batch(session, batch, reason="导错文件", today=TODAY)
        assert (again.withdrawn, again.restored) == (0, 0)
        await withdraw_fact(session, two, "revenue", october, source="boss", reason="错户", today=TODAY)
        with pytest.raises(FactNotFound):
            await withdraw_fact(session, two, "revenue", october, source="boss", reason="错户", today=TODAY)
        with pytest.raises(InvalidInput):
            await withdraw_fact(session, one, "revenue", october, source="boss", reason="", today=TODAY)
    assert await in_force(database, company.tenant) == {(one, "revenue", october): 100}
    assert await record_rows(database, company, [row(two, 260), row(three, 1)]) == (2, 0, 0)
    assert len(await in_force(database, company.tenant)) == 3


async def test_a_batch_that_corrected_itself_is_taken_back_whole(database: Database) -> None:
    company = await make_company(database, clients=2)
    one, two = company.clients
    await record_rows(database, company, [row(one, 100)])
    batch = new_id()
    for value in (150, 160):
        rows = [row(one, value), row(two, value)]
        await record_rows(database, company, rows, batch_id=batch, correct=True, reason="更正")
    async with database.write(company.tenant, RECORDER) as session:
        done = await withdraw_batch(session, batch, reason="导错文件", today=TODAY)
    assert (done.withdrawn, done.restored, done.skipped) == (1, 1, 0)
    assert await in_force(database, company.tenant) == {(one, "revenue", date(2026, 10, 1)): 100}


recordings = st.lists(
    st.tuples(
        st.integers(0, 1), st.sampled_from(["2026-08", "2026-09"]), st.integers(-5, 5), st.sampled_from(["a", "b"])
    ),
    max_size=8,
)


@AGAIN
@given(recordings)
async def test_what_counts_is_what_was_said_last(database: Database, said: list[tuple[int, str, int, str]]) -> None:
    company = await make_company(database)
    last: dict[tuple[int, str, str], int] = {}
    for place, period, value, source in said:
        fact = row(company.clients[place], value, period=period)
        await record_rows(database, company, [fact], source=source, correct=True, reason="更正")
        last[place, period, source] = value
    expected: dict[tuple[UUID, str, date], Decimal] = {}
    for (place, period, _), value in last.items():
        key = company.clients[place], "revenue", date.fromisoformat(f"{period}-01")
        expected[key] = expected.get(key, Decimal(0)) + value
    assert await in_force(database, company.tenant) == expected


async def test_metrics_of_the_tenants_own(database: Database) -> None:
    company = await make_company(database)
    async with database.write(company.tenant, ADMIN) as session:
        changed = await save_metric(session, "revenue", {"title_zh": "收入"}, expected_version=1)
        assert (changed.title_zh, changed.measure) == ("收入", "fen")
        with pytest.raises(MetricChanged):
            await save_metric(session, "revenue", {"title_zh": "营收"}, expected_version=1)
        await save_metric(session, "revenue", {"grain": "quarter"})
        await save_metric(session, "revenue", {"grain": "month"})
        with pytest.raises(InvalidInput) as refused:
            await save_metric(session, "Bad", {"title_zh": "", "grain": "week", "additive": 1, "colour": "red"})
        assert {problem.path[0] for problem in refused.value.problems} == {
            "key", "title_zh", "title_en", "measure", "grain", "additive", "colour",
        }  # fmt: skip
        session.add(Metric(key="use", title_zh="用量", title_en="Use", measure="kWh", plugin="utility"))
        await session.flush()
        with pytest.raises(MetricOfPlugin):
            await save_metric(session, "use", {"title_zh": "电量"})
    await record_rows(database, company, [row(company.clients[0], 1)])
    async with database.write(company.tenant, ADMIN) as session:
        with pytest.raises(MetricInUse):
            await save_metric(session, "revenue", {"measure": "yuan"})
        await save_metric(session, "revenue", {"retired": True, "measure": "fen"})
        assert [metric.key for metric in await metrics(session)] == ["rate", "use"]
        assert len(await metrics(session, retired=True)) == 3
    with pytest.raises(InvalidInput) as refused:
        await record_rows(database, company, [row(company.clients[0], 2)])
    assert refused.value.problems[0].code == "metric_retired"


@given(st.sampled_from(GRAINS), st.dates(date(1990, 1, 1), date(2200, 1, 1)), st.integers(-40, 40))
def test_periods_follow_one_another(grain: str, day: date, periods: int) -> None:
    first = first_day(grain, day)
    assert first <= day <= last_day(grain, first)
    assert first_day(grain, last_day(grain, first)) == first
    assert last_day(grain, first) + timedelta(days=1) == shifted(grain, first, 1)
    assert shifted(grain, shifted(grain, first, periods), -periods) == first
    assert clean_period(grain, first) == clean_period(grain, period_name(grain, first)) == first


@pytest.mark.parametrize(
    ("grain", "text"),
    [("month", "202610"), ("month", "2026/10"), ("month", "2026.10"), ("month", "2026年10月"), ("month", "2026-10-01"),
     ("quarter", "2026Q4"), ("quarter", "2026q4"), ("quarter", "2026年第四季度"), ("quarter", "2026-Q4"),
     ("day", "2026-10-01")],
)  # fmt: skip
def test_periods_as_they_are_written(grain: str, text: str) -> None:
    assert clean_period(grain, text) == date(2026, 10, 1)


@given(st.one_of(st.integers(), st.floats(), st.decimals(), st.text(max_size=90), st.booleans(), st.none()))
def test_figures_that_are_let_through_fit_their_column(value: Any) -> None:
    for measure, places in (("fen", 0), ("kWh", 6)):
        try:
            figure = clean_figure(measure, value)
        except Unacceptable:
            continue
        exponent = figure.as_tuple().exponent
        assert figure.is_finite()
        assert abs(figure) < 10**18
        assert isinstance(exponent, int)
        assert exponent >= -6
        assert figure == round(figure, places)
