"""A month summary and a meeting through the API, and what the queries over them answer."""

from __future__ import annotations

import json

import pytest

from steward_core import permissions as c
from steward_core.reports.errors import ReportNotOpen, ReportUnfinished
from steward_core.reports.models import Meeting, MeetingItem, WorkReport
from steward_graphql.execution.engine import Engine, Request
from steward_tenants.errors import InvalidInput
from steward_tenants.signin.caller import Caller
from tests.gql.mutations.asking import TODAY
from tests.gql.mutations.place import Place

WRITES = (c.REPORTS_VIEW, c.REPORTS_EDIT, c.CLIENTS_VIEW)
CASES = ["一", "二", "三"]
QUERY = """query ($id: ID!) {
  workReports(filter: {kind: {eq: MONTH}, state: {eq: READ}}) {
    nodes { id kind ownerName visits judgement successfulCases opinion readByName }
  }
  workReportPage(id: $id) { html }
  quarterVisitResults(day: "2026-11-01") { unitName visits }
  meetings { nodes { notes items { nodes { title state solution } } } }
}"""


async def test_a_summary_from_its_draft_to_the_opinion(place: Place) -> None:
    manager = place.as_manager_with(*WRITES)
    report_id = str((await place.ask("fillWorkReport", manager, kind="MONTH"))["workReport"])
    with pytest.raises(ReportUnfinished):
        await place.ask("submitWorkReport", manager, reportId=report_id)
    (report,) = await place.rows(WorkReport)
    assert (report.period_start, report.facts["counts"]["visits"]) == (TODAY.replace(day=1), 0)
    await place.ask(
        "writeWorkReport",
        manager,
        reportId=report_id,
        judgement="稳中有升",
        successful=CASES,
        unsuccessful=CASES,
        version=report.version,
    )
    await place.ask("submitWorkReport", manager, reportId=report_id)
    with pytest.raises(ReportNotOpen):
        await place.ask("fillWorkReport", manager, kind="MONTH")
    with pytest.raises(InvalidInput) as refused:
        await place.ask("readWorkReport", reportId=report_id, opinion=" ")
    assert [one.path for one in refused.value.problems] == [("opinion",)]
    await place.ask("readWorkReport", reportId=report_id, opinion="继续")
    meeting = str((await place.ask("openMeeting", unitId=str(place.unit.id), kind="MORNING", notes="晨会"))["meeting"])
    item = str((await place.ask("addMeetingItem", meetingId=meeting, title="缺车"))["meetingItem"])
    await place.ask("solveMeetingItem", itemId=item, solution="已调车")
    assert (len(await place.rows(Meeting)), len(await place.rows(MeetingItem))) == (1, 1)
    asked = place.asked()
    engine = Engine(place.database, tools=asked.tools, connections=1)
    caller: Caller = asked.caller
    answer = await engine.execute(Request(QUERY, None, {"id": report_id}, {}, None), caller, allow_mutation=False)
    body = json.loads(answer.body)
    await engine.close()
    assert "errors" not in body
    (node,) = body["data"]["workReports"]["nodes"]
    assert (node["judgement"], node["successfulCases"], node["opinion"]) == ("稳中有升", CASES, "继续")
    assert "稳中有升" in body["data"]["workReportPage"]["html"]
    assert body["data"]["quarterVisitResults"] == []
    (minutes,) = body["data"]["meetings"]["nodes"]
    assert minutes["items"]["nodes"] == [{"title": "缺车", "state": "SOLVED", "solution": "已调车"}]


async def test_reports_are_exported_on_record(place: Place) -> None:
    await place.ask("fillWorkReport", kind="DAY")
    answer = await place.ask("exportWorkReports", since="2026-11-01", until="2026-12-01", kinds=["DAY"])
    assert answer["rows"] == 1
    assert "read.work_reports" in await place.actions()
