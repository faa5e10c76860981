"""A fault with legs through the API, from its opening to the confirmation; promises set, calculated and watched."""

from __future__ import annotations

import json
from typing import Any

import pytest

from steward_core.promises.errors import DefinitionChanged, LegsOpen
from steward_core.promises.models import PromiseClock, RequestLeg, ServiceRequest
from steward_graphql.execution.engine import Engine, Request
from steward_tenants.errors import InvalidInput
from tests.gql.mutations.place import Place

LISTED = """query ($id: ID!, $owner: ID!) {
  serviceRequests(filter: {clientId: {eq: $id}, status: {eq: CONFIRMED}, ownerId: {eq: $owner}}) {
    nodes { kind title answer satisfaction milestones
      legs { nodes { number kind status result promises { nodes { promise state } } } }
      events { nodes { act text byName } }
      promises(filter: {promise: {startsWith: "core."}}) { totalCount } }
  }
  promiseClocks(filter: {open: {eq: false}, broken: {eq: false}}) {
    nodes { promise state titleZh client { name } events { nodes { event lines } } } }
  promiseVersions { nodes { key number active setByName document } }
  promiseDefinitions(kind: PROMISE) { key source number changed title { zhCN } document }
  promiseDue(key: "core.request_leg", startedAt: "2026-11-05T02:00:00Z") {
    dueAt warnAt provisional lines { en } definition { key } }
  serviceRequestKinds { key title { en } }
}"""


async def answered(place: Place, text: str, **variables: Any) -> dict[str, Any]:
    asked = place.asked()
    engine = Engine(place.database, tools=asked.tools, connections=1)
    answer = await engine.execute(Request(text, None, variables, {}, None), asked.caller, allow_mutation=False)
    await engine.close()
    body: dict[str, Any] = json.loads(answer.body)
    assert "errors" not in body, body["errors"]
    data: dict[str, Any] = body["data"]
    return data


async def test_a_fault_from_its_opening_to_the_confirmation(place: Place) -> None:
    client = str(place.client_id)
    limit = {"count": 30, "unit": "CALENDAR_MINUTES"}
    given: dict[str, Any] = {
        "clientId": client,
        "kind": "fault",
        "title": "专线中断",
        "channel": "PHONE",
        "lane": "FAULT",
        "legs": [{"kind": "support", "title": "查线", "unitId": str(place.unit.id), "limit": limit}],
    }
    with pytest.raises(InvalidInput) as refused:
        await place.ask("openServiceRequest", **given | {"kind": "tennis"})
    assert [one.path for one in refused.value.problems] == [("kind",)]
    request = str((await place.ask("openServiceRequest", **given))["serviceRequest"])
    await place.ask("respondToServiceRequest", requestId=request, note="已致电")
    await place.ask("reachRequestMilestone", requestId=request, milestone="engineering_contacted")
    await place.ask("waitForClient", requestId=request, reason="等钥匙")
    await place.ask("resumeServiceRequest", requestId=request)
    with pytest.raises(LegsOpen):
        await place.ask("answerServiceRequest", requestId=request, answer="好了")
    (leg,) = await place.rows(RequestLeg)
    standing = (
        "query ($id: ID!) { promiseStanding(id: $id) { state remainingSeconds lines { en } promise { promise } } }"
    )
    (clock,) = await place.rows(PromiseClock, PromiseClock.subject_id == leg.id)
    now = (await answered(place, standing, id=str(clock.id)))["promiseStanding"]
    assert (now["state"], now["promise"]) == ("RUNNING", {"promise": "core.request_leg"})
    assert 0 < now["remainingSeconds"] <= 30 * 60
    await place.ask("finishRequestLeg", legId=str(leg.id), result="已换线")
    await place.ask("answerServiceRequest", requestId=request, answer="已恢复")
    await place.ask("confirmServiceRequest", requestId=request, satisfaction=5)
    document = clock.definition | {"clock": {"limit": {"count": 4, "unit": "working_days"}}}
    version = await place.ask("setPromise", kind="PROMISE", key="core.request_leg", document=document, number=0)
    assert version["promiseVersion"]
    with pytest.raises(DefinitionChanged):
        await place.ask("restorePromise", kind="PROMISE", key="core.request_leg", number=0)
    done = {"open", "respond", "milestone", "wait", "resume", "answer", "confirm", "leg.finish"}
    assert {f"requests.{one}" for one in done} <= set(await place.actions())
    found = await answered(place, LISTED, id=client, owner=str(place.boss.id))
    (node,) = found["serviceRequests"]["nodes"]
    assert (node["kind"], node["answer"], node["satisfaction"]) == ("fault", "已恢复", 5)
    assert list(node["milestones"]) == ["engineering_contacted"]
    (shown,) = node["legs"]["nodes"]
    assert (shown["status"], shown["result"]) == ("DONE", "已换线")
    assert shown["promises"]["nodes"] == [{"promise": "core.request_leg", "state": "KEPT"}]
    acts = ["OPENED", "LEG_ADDED", "RESPONDED", "MILESTONE", "WAITING", "RESUMED", "LEG_DONE", "ANSWERED", "CONFIRMED"]
    assert sorted(one["act"] for one in node["events"]["nodes"]) == sorted(acts)
    assert node["promises"]["totalCount"] == 0
    kept = {one["promise"]: one for one in found["promiseClocks"]["nodes"]}
    # Without a plugin the core's own follow-up has engineering contacted.
    assert set(kept) == {"engineering", "core.request_leg"}
    assert [one["event"] for one in kept["core.request_leg"]["events"]["nodes"]] == [
        "STARTED",
        "PAUSED",
        "RESUMED",
        "KEPT",
    ]
    (set_one,) = found["promiseVersions"]["nodes"]
    assert (set_one["key"], set_one["number"], set_one["active"]) == ("core.request_leg", 1, True)
    (definition,) = found["promiseDefinitions"]
    assert (definition["source"], definition["number"], definition["changed"]) == ("core", 1, True)
    assert found["promiseDue"]["dueAt"].startswith("2026-11-11T09:30:00")
    assert {"key": "fault", "title": {"en": "Fault"}} in found["serviceRequestKinds"]
    assert (await place.rows(ServiceRequest))[0].lane == "fault"
