"""Scores through the API: a scheme set, a month worked out and made final; a manager reads the own score and why."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest_asyncio

from steward_core.permissions import CLIENTS_VIEW, POLICIES_MANAGE, SCORES_RUN, SCORES_VIEW
from steward_core.runs.service import drive
from steward_core.visits.actions import month_of
from steward_graphql.execution.engine import Engine, Request
from steward_tenants.access.permissions import PEOPLE_VIEW
from steward_tenants.access.queries import today
from steward_tenants.database.actor import Actor, Scope
from steward_tenants.database.database import Database
from steward_tenants.signin.caller import Caller
from tests.core.performance.company import TOOLS, ZONE, Company, make_company, visits
from tests.factories import TESTS, actor_with

MONTH = month_of(today(ZONE).replace(day=1) - timedelta(days=1))
"""The month before this one: over, whatever the day."""
DAYS = [MONTH.start + timedelta(days=place) for place in range(20)]
BOSS = actor_with(SCORES_RUN, SCORES_VIEW, POLICIES_MANAGE, PEOPLE_VIEW)
SCHEME = """mutation($input: SetScoreSchemeInput!) { setScoreScheme(input: $input) {
  userErrors { code path message } scheme { number effectiveFrom items } } }"""
RUN = """mutation($input: RunScoresInput!) { runScores(input: $input) { userErrors { code } run { id status } } }"""
FINAL = "mutation($input: FinaliseScoresInput!) { finaliseScores(input: $input) { userErrors { code } scores } }"
ITEM = {"indicator": "core.clients_visited", "weight": "60", "method": "SHARE", "target": "20", "without": "ZERO"}
BANDED = {
    "indicator": "core.visits_per_day",
    "weight": "40",
    "method": "BANDS",
    "bands": [{"bound": "0.5", "percent": "50"}, {"bound": "4", "percent": "100"}],
}


class Desk:
    """The company, and what people ask."""

    def __init__(self, database: Database, company: Company) -> None:
        self.database, self.company, self.engine = database, company, Engine(database, connections=2)

    def manager(self, place: int) -> Actor:
        """One of the managers, who sees the own."""
        return actor_with(SCORES_VIEW, CLIENTS_VIEW, scope=Scope.OWN, user=self.company.managers[place])

    async def ask(self, actor: Actor, text: str, /, **variables: Any) -> dict[str, Any]:
        caller = Caller(self.company.tenant_id, actor, actor.id, datetime.now(UTC) + timedelta(hours=1))
        answer = await self.engine.execute(Request(text, None, variables), caller, locale="en", request_id="r")
        body: dict[str, Any] = json.loads(answer.body)
        assert "errors" not in body, body["errors"]
        data: dict[str, Any] = body["data"]
        return data

    async def do(self, actor: Actor, text: str, /, **given: Any) -> dict[str, Any]:
        """The payload of a mutation with one field that nothing was wrong with."""
        (payload,) = (await self.ask(actor, text, input=given)).values()
        assert payload["userErrors"] == []
        found: dict[str, Any] = payload
        return found


@pytest_asyncio.fixture(loop_scope="session")
async def desk(database: Database) -> AsyncIterator[Desk]:
    """Two managers: 15 distinct clients with a visit a day on 20 days, and one client without a visit."""
    desk = Desk(database, await make_company(database, 15, 1))
    owner, clients = desk.company.of(0)
    async with database.write(desk.company.tenant_id, TESTS) as session:
        visits(session, owner, clients, 1, DAYS)
    yield desk
    await desk.engine.close()


async def test_a_manager_reads_the_own_score_and_why(desk: Desk) -> None:
    month = MONTH.start.isoformat()
    made = await desk.do(BOSS, SCHEME, effectiveFrom=month, items=[ITEM, BANDED], reason="试行")
    assert made["scheme"]["effectiveFrom"] == month
    assert made["scheme"]["items"][0]["title_zh"] == "走访客户数"
    run = (await desk.do(BOSS, RUN, month=month))["run"]
    await drive(desk.database, desk.company.tenant_id, BOSS, UUID(run["id"]), TOOLS)
    assert (await desk.do(BOSS, FINAL, month=month))["scores"] == 2
    me, other = desk.manager(0), desk.manager(1)
    listed = """query($month: Date!) { monthScores(filter: {month: {eq: $month}}) { totalCount nodes {
      score status current rankInUnit previousScore lines scheme { number }
      indicators(filter: {indicator: {eq: "core.clients_visited"}}) { nodes { value measure current } } } } }"""
    found = (await desk.ask(me, listed, month=month))["monthScores"]
    assert found["totalCount"] == 1
    (score,) = found["nodes"]
    assert (score["score"], score["status"], score["current"], score["rankInUnit"]) == ("65.00", "FINAL", True, 1)
    assert score["previousScore"] is None
    assert score["indicators"]["nodes"] == [{"value": "15", "measure": "clients", "current": True}]
    assert [line["points"] for line in score["lines"]] == ["45.00", "20.00", "65.00"]
    assert score["lines"][0]["formula"]["zh-CN"] == "15 ÷ 20 = 75.00%，× 60 = 45.00 分"
    (theirs,) = (await desk.ask(other, listed, month=month))["monthScores"]["nodes"]
    assert (theirs["score"], theirs["rankInUnit"]) == ("0.00", 2)
    best = '{ monthScores(filter: {score: {gte: "50", lte: "70"}}) { totalCount } }'
    assert (await desk.ask(BOSS, best))["monthScores"]["totalCount"] == 1
    behind = """query($owner: ID!, $month: Date!, $after: String) { scoreEvidence(ownerId: $owner, month: $month,
      indicator: "core.clients_visited", first: 15, after: $after) {
      total counted hidden exact nextCursor rows { kind day clientId client { name } } } }"""
    given = {"owner": str(desk.company.managers[0].id), "month": month}
    page = (await desk.ask(me, behind, **given))["scoreEvidence"]
    assert (page["total"], page["hidden"], page["exact"], len(page["rows"])) == (20, 0, True, 15)
    assert all(row["client"]["name"] for row in page["rows"])
    rest = (await desk.ask(me, behind, **given, after=page["nextCursor"]))["scoreEvidence"]
    assert [date.fromisoformat(row["day"]) for row in (*page["rows"], *rest["rows"])] == DAYS
    assert rest["nextCursor"] is None
    replay = "query($month: Date!) { replayScores(month: $month) { month checked same differences { name } } }"
    assert (await desk.ask(BOSS, replay, month=month))["replayScores"] == {
        "month": MONTH.name,
        "checked": 2,
        "same": True,
        "differences": [],
    }


async def test_a_scheme_with_mistakes_is_refused_item_by_item(desk: Desk) -> None:
    async def refused(*items: dict[str, Any]) -> set[tuple[str, str]]:
        given = {"effectiveFrom": "2026-11-02", "items": list(items)}
        (payload,) = (await desk.ask(BOSS, SCHEME, input=given)).values()
        assert payload["scheme"] is None
        return {(".".join(one["path"]), one["code"]) for one in payload["userErrors"]}

    assert await refused({**BANDED, "bands": []}, ITEM, {**ITEM, "weight": "1"}) == {
        ("items.0.bands", "bands"),
        ("items.2.indicator", "repeated"),
        ("items", "weights"),
    }
    assert await refused({**ITEM, "indicator": "core.none", "weight": "100"}) == {
        ("items.0.indicator", "unknown"),
        ("effectiveFrom", "month"),
    }
