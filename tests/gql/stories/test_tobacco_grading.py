"""A quarter's grading at the tobacco company by GraphQL alone: from the request over an objection to bound stars, and
its replay."""

from __future__ import annotations

from datetime import date
from typing import Any

from tests.gql.stories.house import ENABLE, House, Person, demo_rows

ADMIN, LEAD, MANAGER = "admin@yunling.example", "lin.tao@yunling.example", "ma.xiao@yunling.example"
SECURITY = "security@yunling.example"
RETAILERS = 30
FACTS_AT_ONCE = 500


def test_a_grading_at_the_tobacco_company(house: House) -> None:
    admin, lead, manager = (house.person(login) for login in (ADMIN, LEAD, MANAGER))
    assert admin.do(ENABLE, plugin="tobacco")["enabled"] is True
    today = date.fromisoformat(admin.ask("{ tenant { today } }")["tenant"]["today"])
    unit = fill(lead, today)

    grading = request(lead, unit)
    worst = preview(lead, grading)
    seen_by_their_manager(manager, grading, worst)
    objection = object_to(manager, lead, grading, worst)
    again = decide(lead, objection, grading)
    compare(lead, grading, again, worst)
    bind(lead, admin, grading, again)
    stars(lead, manager, again, worst)


def fill(lead: Person, today: date) -> str:
    """The demo company's first retailers with their figures; answers the unit above them."""
    rows = demo_rows("tobacco", today, ("MKT-1", "MKT-1"), (MANAGER, MANAGER))
    codes = {row["code"] for row in rows["client"][:RETAILERS]}
    lead.take("client", rows["client"][:RETAILERS])
    lead.take(
        "form:tobacco.retailer_profile",
        [one for one in rows["form:tobacco.retailer_profile"] if one["client"] in codes],
    )
    facts = [
        {"code": row["client"], "metric": row["metric"], "period": row["period"], "value": str(row["value"])}
        for row in rows["fact"]
        if row["client"] in codes
    ]
    recorded = 0
    for start in range(0, len(facts), FACTS_AT_ONCE):
        recorded += lead.do(
            """mutation ($rows: [FactRow!]!) {
              recordFacts(input: {rows: $rows, source: "sales"}) { recorded unchanged userErrors { code path message } }
            }""",
            rows=facts[start : start + FACTS_AT_ONCE],
        )["recorded"]
    found = lead.ask('{ facts { totalCount } units(filter: {code: {eq: "MKT"}}) { nodes { id } } }')
    assert found["facts"]["totalCount"] == recorded == len(facts)
    (unit,) = found["units"]["nodes"]
    identifier: str = unit["id"]
    return identifier


def request(lead: Person, unit: str) -> str:
    """The latest quarter; asked for again it is refused, and its run waits until somebody drives it."""
    ask = """mutation ($unit: ID!) {
      requestGrading(input: {schemeKey: "tobacco.retailer_grading", unitId: $unit}) {
        grading { id status revision period } run { id status } userErrors { code message messageEn }
      }
    }"""
    made = lead.do(ask, unit=unit)
    assert (made["grading"]["status"], made["grading"]["revision"], made["run"]["status"]) == (
        "COMPUTING",
        1,
        "WAITING",
    )
    assert lead.refused(ask, unit=unit)[0]["code"] == "grading_exists"
    run = lead.finish(made["run"]["id"])
    assert (run["status"], run["done"], run["total"]) == ("DONE", str(RETAILERS), str(RETAILERS))
    identifier: str = made["grading"]["id"]
    return identifier


def preview(lead: Person, grading: str) -> dict[str, Any]:
    """Ranks without gaps, counts that agree between the preview, the list and its groups; answers the last one."""
    found = lead.ask(
        """query ($id: ID!) {
          gradingPreview(id: $id, first: 100) {
            grading { status results { totalCount groups(by: [STAR]) { key { star } count } } }
            distribution { clients stars { star clients } changes { change clients } }
            results { clientId rank score star grade change reasons { zhCN en } document }
          }
        }""",
        id=grading,
    )["gradingPreview"]
    assert found["grading"]["status"] == "PREVIEW"
    assert [line["rank"] for line in found["results"]] == list(range(1, RETAILERS + 1))
    assert found["distribution"]["clients"] == RETAILERS == found["grading"]["results"]["totalCount"]
    assert found["distribution"]["changes"] == [{"change": "NEW", "clients": RETAILERS}]
    told = {one["star"]: one["clients"] for one in found["distribution"]["stars"] if one["clients"]}
    assert told == {one["key"]["star"]: one["count"] for one in found["grading"]["results"]["groups"]}
    assert "供货档位 30" in found["results"][0]["reasons"][-1]["zhCN"]
    worst: dict[str, Any] = found["results"][-1]
    return worst


def seen_by_their_manager(manager: Person, grading: str, worst: dict[str, Any]) -> None:
    """The results of one's own clients, and why theirs is what it is."""
    found = manager.ask(
        """query ($id: ID!, $client: ID!) {
          gradingResults(filter: {gradingId: {eq: $id}, clientId: {eq: $client}}) {
            nodes { rank star score reasonsZh client { name } record { __typename } }
          }
        }""",
        id=grading,
        client=worst["clientId"],
    )["gradingResults"]["nodes"]
    assert [(one["rank"], one["score"]) for one in found] == [(RETAILERS, str(worst["score"]))]
    assert found[0]["record"]["__typename"] == "TobaccoRetailerGrading"


def object_to(manager: Person, lead: Person, grading: str, worst: dict[str, Any]) -> str:
    """Raised once, and waiting in the inbox of who decides."""
    raised = """mutation ($grading: ID!, $client: ID!) {
      objectToGrading(input: {gradingId: $grading, clientId: $client, reason: "销售系统漏传", claimed: {cartons: 900000}}) {
        objection { id status claimed raisedByName result { star } } userErrors { code path message }
      }
    }"""
    given = {"grading": grading, "client": worst["clientId"]}
    made = manager.do(raised, **given)["objection"]
    assert (made["status"], made["raisedByName"], made["claimed"]) == ("OPEN", "马晓", {"cartons": 900000})
    assert manager.refused(raised, **given)[0]["code"] == "grading_objection_exists"
    waiting = lead.ask("{ inbox(kinds: [OBJECTION_OPEN]) { counts { kind count } items { id client { id } } } }")[
        "inbox"
    ]
    assert waiting["counts"] == [{"kind": "OBJECTION_OPEN", "count": 1}]
    assert [item["client"]["id"] for item in waiting["items"]] == [worst["clientId"]]
    identifier: str = made["id"]
    return identifier


def decide(lead: Person, objection: str, grading: str) -> str:
    """Upheld with what is right instead; the grading is then computed again as its next revision."""
    ruling = """mutation ($id: ID!, $corrections: JSON) {
      decideObjection(input: {objectionId: $id, upheld: true, reason: "属实", corrections: $corrections}) {
        objection { status decidedByName corrections } userErrors { code path message }
      }
    }"""
    again = """mutation ($id: ID!) {
      regrade(input: {gradingId: $id}) { grading { id revision } run { id } userErrors { code message } }
    }"""
    assert lead.refused(again, id=grading)[0]["code"] == "grading_objections_open"
    (wrong,) = lead.refused(ruling, id=objection)
    assert wrong["path"] == ["corrections"]
    done = lead.do(ruling, id=objection, corrections={"cartons": 900_000, "amount": 9_000 * 30_000})["objection"]
    assert (done["status"], done["decidedByName"]) == ("UPHELD", "林涛")
    made = lead.do(again, id=grading)
    assert made["grading"]["revision"] == 2
    assert lead.finish(made["run"]["id"])["status"] == "DONE"
    identifier: str = made["grading"]["id"]
    return identifier


def compare(lead: Person, before: str, after: str, worst: dict[str, Any]) -> None:
    """The corrected client rises; nobody else's score is another."""
    asked = "query ($id: ID!) { gradingResults(first: 100, filter: {gradingId: {eq: $id}}) { nodes { clientId score reasonsZh } } }"
    old, new = (
        {one["clientId"]: one for one in lead.ask(asked, id=one)["gradingResults"]["nodes"]} for one in (before, after)
    )
    assert old.keys() == new.keys()
    mine = worst["clientId"]
    assert int(new[mine]["score"]) > int(old[mine]["score"])
    assert "按异议裁定更正：购进金额、购进量" in new[mine]["reasonsZh"]
    assert all(new[one]["score"] == old[one]["score"] for one in old if one != mine)


def bind(lead: Person, admin: Person, old: str, new: str) -> None:
    """Only the latest revision is bound; the former one is superseded. Who may not is told so."""
    binding = """mutation ($id: ID!) {
      bindGrading(input: {gradingId: $id, reason: "评审会通过"}) {
        grading { status previous { id status } boundBy { name } } userErrors { code message }
      }
    }"""
    assert admin.refused(binding, id=new)[0] == {"code": "forbidden", "message": "您没有“确认评级生效”权限。"}
    assert lead.refused(binding, id=old)[0]["code"] == "grading_outdated"
    bound = lead.do(binding, id=new)["grading"]
    assert (bound["status"], bound["boundBy"]) == ("BOUND", {"name": "林涛"})
    assert bound["previous"] == {"id": old, "status": "SUPERSEDED"}


def stars(lead: Person, manager: Person, grading: str, worst: dict[str, Any]) -> None:
    """Stars stand at the clients; the replay computes the same from what was stored."""
    found = manager.ask(
        """{
          clients(first: 100, orderBy: [{field: TIER_RANK}]) { totalCount nodes { tier tobaccoStar changes { nodes { source } } } }
          tobaccoRetailerGradings(filter: {state: {eq: "bound"}}) { totalCount }
        }"""
    )
    assert found["clients"]["totalCount"] == RETAILERS == found["tobaccoRetailerGradings"]["totalCount"]
    for client in found["clients"]["nodes"]:
        assert client["tier"] is not None
        assert int(client["tobaccoStar"]) in range(1, 6)
        assert [one["source"] for one in client["changes"]["nodes"]] == ["grading"]
    history = manager.ask(
        "query ($id: ID!) { gradingResultsOfClient(clientId: $id) { state star } }", id=worst["clientId"]
    )["gradingResultsOfClient"]
    assert [one["state"] for one in history] == ["bound"]
    replay = lead.ask(
        """query ($id: ID!) { gradingReplay(id: $id) { checked same differencesTotal differences { clientId name } } }""",
        id=grading,
    )["gradingReplay"]
    assert replay == {"checked": RETAILERS, "same": True, "differencesTotal": 0, "differences": []}
