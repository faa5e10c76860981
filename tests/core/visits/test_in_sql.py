"""The rules' date arithmetic and slots say the same as the SQL that they name in their docstrings."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random
from typing import Any
from uuid import UUID

import psycopg

from steward_core.calendars.rules import WorkingDays
from steward_core.visits.actions import month_of
from steward_core.visits.capacity import PlannedVisit, rooms, spread
from steward_core.visits.rules import ClientClass, VisitedClient, due, resolve, resolved_rows, visits_in
from steward_core.visits.templates import CadencePolicy, VisitFigures
from tests.cluster import Addresses

MONTH = month_of(date(2027, 2, 1))
NEXT_OF_LAST = "(date_trunc('month', c.last) + interval '1 month')::date"
DUE = f"""
WITH r (industry, kind, tier, policy, months, days, most_in_month, first_days) AS (SELECT * FROM json_to_recordset(%s)
       AS r (industry text, kind text, tier text, policy text, months int, days int, most_in_month int, first_days int)),
     c AS (SELECT * FROM json_to_recordset(%s)
       AS c (number int, kind text, tier text, last date, done int, installed date))
SELECT d.number, d.policy, d.due_on,
       (SELECT array_agg(v.day ORDER BY v.day) FROM (
          SELECT (greatest(d.due_on, %s::date) + make_interval(months => d.months * n, days => d.days * n))::date AS day
            FROM generate_series(0, coalesce(d.most_in_month, 31) - 1) AS n) AS v
         WHERE v.day < %s::date)
  FROM (SELECT c.number, r.*,
               coalesce(least(greatest((c.last + make_interval(months => r.months, days => r.days))::date,
                                       CASE WHEN c.done >= r.most_in_month THEN {NEXT_OF_LAST} END),
                              CASE WHEN c.installed >= c.last OR c.last IS NULL THEN c.installed + r.first_days END),
                        %s::date) AS due_on
          FROM c JOIN r ON r.kind = c.kind AND r.tier = coalesce(c.tier, '')) AS d
 ORDER BY d.number
"""
PLACE = """
WITH s AS (SELECT row_number() OVER (ORDER BY day, n) AS slot, day
             FROM unnest(%s::date[], %s::int[]) AS given (day, room), generate_series(1, room) AS n),
     v AS (SELECT *, row_number() OVER (ORDER BY due_on, rank, id) AS rn, count(*) OVER () AS n,
                  1 + (SELECT count(*) FROM s WHERE s.day < due_on) AS target
             FROM unnest(%s::int[], %s::date[], %s::int[]) AS given (id, due_on, rank)),
     p AS (SELECT *, least(rn + max(target - rn) OVER (ORDER BY rn), (SELECT count(*) FROM s) - n + rn) AS slot FROM v)
SELECT p.id, s.day FROM p JOIN s ON s.slot = p.slot ORDER BY p.id
"""


def asked(addresses: Addresses, database_name: str, statement: str, *values: Any) -> list[tuple[Any, ...]]:
    with psycopg.connect(addresses.superuser(database_name)) as connection:
        return connection.execute(statement, values).fetchall()


def policy(number: int, every: int, unit: str, **values: Any) -> CadencePolicy:
    return CadencePolicy.model_validate(
        {
            "key": f"p{number}",
            "title_zh": "规则",
            "title_en": "Rule",
            "interval": {"every": every, "unit": unit},
            **values,
        }
    )


POLICIES = [
    policy(1, 1, "week", tiers=["1"]),
    policy(2, 2, "week", tiers=["2"]),
    policy(3, 2, "month", tiers=["3"]),
    policy(4, 3, "times_a_month", tiers=["4"], first_visit_days=3),
    policy(5, 10, "day", tiers=["5"]),
    policy(6, 1, "times_a_month", kinds=["shop"]),
]


def test_due_days_and_visits_are_those_of_the_statement(addresses: Addresses, database_name: str) -> None:
    random = Random(6)

    def day() -> date | None:
        return None if random.random() < 0.2 else date(2026, 11, 1) + timedelta(days=random.randrange(130))

    clients = [
        VisitedClient(
            UUID(int=number),
            ClientClass("trade", random.choice(["shop", "office"]), random.choice([None, "1", "2", "3", "4", "5"])),
            day(),
            random.randrange(5),
            day(),
        )
        for number in range(3000)
    ]
    resolution = resolve(POLICIES, {one.client_class for one in clients}, VisitFigures())
    table = [row._asdict() for row in resolved_rows(resolution)]
    given = [
        {
            "number": number,
            "kind": one.client_class.kind,
            "tier": one.client_class.tier,
            "last": one.last_done and one.last_done.isoformat(),
            "done": one.done_in_its_month,
            "installed": one.installed_on and one.installed_on.isoformat(),
        }
        for number, one in enumerate(clients)
    ]
    json = psycopg.types.json.Json
    bounds = (MONTH.start, MONTH.end, MONTH.start)
    found = asked(addresses, database_name, DUE, json(table), json(given), *bounds)
    expected = []
    for number, one in enumerate(clients):
        held = resolution[one.client_class]
        on = due(one, held, MONTH).on
        expected.append((number, held.policy.key, on, list(visits_in(MONTH, on, held.interval)) or None))
    assert found == expected
    assert {len(row[3] or ()) for row in expected} == {0, 1, 2, 3, 4}


def test_visits_are_placed_as_by_the_statement(addresses: Addresses, database_name: str) -> None:
    random = Random(7)
    days = WorkingDays()
    worked = days.working_between(MONTH.start, MONTH.end - timedelta(days=1))
    figures = VisitFigures()
    for count in (0, 7, 40, 70, 100, 8 * len(worked)):
        visits = [
            PlannedVisit(
                UUID(int=number), MONTH.start + timedelta(days=random.randrange(28)), 0, 0, random.randrange(4)
            )
            for number in range(count)
        ]
        room = rooms(count, [0] * len(worked), figures.least_visits_a_day, figures.most_visits_a_day)
        columns = zip(*((one.client_id.int, one.due_on, one.tier_rank) for one in visits), strict=True)
        ids, dues, ranks = (list(column) for column in columns) if visits else ([], [], [])
        found = asked(addresses, database_name, PLACE, worked, list(room), ids, dues, ranks)
        placed = spread(visits, MONTH, days, figures).placed
        assert found == sorted((one.visit.client_id.int, one.day) for one in placed)
        assert len(found) == count
