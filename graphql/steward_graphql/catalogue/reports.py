"""Daily logs, week and month summaries, meeting minutes, and the problems that meetings leave open."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import ColumnElement, Integer, cast, func

from steward_core.permissions import REPORTS_VIEW
from steward_core.reports.models import (
    ItemState,
    Meeting,
    MeetingItem,
    MeetingKind,
    ReportKind,
    ReportState,
    WorkReport,
)
from steward_core.reports.row_kinds import WORK_REPORT as WORK_REPORT_ROWS
from steward_core.reports.row_kinds import item_seen, meeting_seen
from steward_graphql.catalogue.client_names import unit_name
from steward_graphql.catalogue.people import name_of
from steward_graphql.declared.entities import (
    Catalogue,
    Entity,
    Expression,
    ListRoot,
    OneRoot,
    Row,
    Value,
    column,
    computed,
    many,
    one,
)
from steward_graphql.declared.scalars import INT, JSON, STRING, enum_of
from steward_tenants.access.symbolic import TODAY
from steward_tenants.texts import Bilingual

REPORT_KIND = enum_of(ReportKind, "WorkReportKind", "工作报告的种类", "What a work report looks back on")
REPORT_STATE = enum_of(ReportState, "WorkReportState", "工作报告的状态", "State of a work report")
MEETING_KIND = enum_of(MeetingKind, "MeetingKind", "会议种类", "Which meeting of the day it was")
ITEM_STATE = enum_of(ItemState, "MeetingItemState", "会议问题的状态", "State of a problem from a meeting")


def _of_facts(name: str) -> Expression:
    def expression(row: Row) -> ColumnElement[Any]:
        return func.coalesce(cast(row.table.facts["counts"][name].astext, Integer), 0)

    return expression


def _counted(name: str, key: str, zh: str, en: str) -> Value:
    return computed(
        name, INT, _of_facts(key), zh, en, nullable=False, filter=True, order=True, group=True, aggregate=True
    )


def _cases(which: str) -> Callable[[Row], ColumnElement[Any]]:
    def expression(row: Row) -> ColumnElement[Any]:
        found: ColumnElement[Any] = row.table.cases[which]
        return found

    return expression


WORK_REPORT = Entity(
    "WorkReport",
    WorkReport,
    Bilingual("日志、周小结、月总结", "A daily log, a week or a month summary"),
    kind=WORK_REPORT_ROWS,
    order=(("periodStart", True),),
    fields=(
        column(WorkReport.id, "编号", "Identifier", filter=True),
        column(WorkReport.kind, "种类", "Its kind", kind=REPORT_KIND, filter=True, order=True, group=True),
        column(WorkReport.owner_id, "填写人编号", "Id of its writer", filter=True, group=True),
        computed("ownerName", STRING, name_of("owner_id"), "填写人姓名", "Name of its writer"),
        column(WorkReport.unit_id, "机构编号", "Id of the writer's unit then", filter=True, group=True),
        computed("unitName", STRING, unit_name("unit_id"), "机构名称", "Name of the unit"),
        column(WorkReport.period_start, "期间首日", "First day of its period", filter=True, order=True, group=True),
        column(WorkReport.period_end, "期间结束日期（不含）", "The day after its period", filter=True, order=True),
        column(WorkReport.state, "状态", "Its state", kind=REPORT_STATE, filter=True, order=True, group=True),
        column(
            WorkReport.facts,
            "自动填入的数据：走访、动作、诉求、承诺、商机、竞争信息、下期计划；联系人只存编号",
            "What the platform filled in: visits, actions, requests, promises, opportunities, competitors, what is "
            "planned next; contacts by their ids only",
        ),
        column(WorkReport.facts_at, "数据时间", "As of when the facts stand", filter=True, order=True),
        _counted("visits", "visits", "走访次数", "Visits"),
        _counted("clients", "clients", "走访客户数", "Distinct clients visited"),
        _counted("promisesBroken", "promises_broken", "超时承诺数", "Promises broken"),
        column(WorkReport.judgement, "判断与分析", "The writer's judgement"),
        computed("successfulCases", JSON, _cases("successful"), "成功案例", "Successful cases"),
        computed("unsuccessfulCases", JSON, _cases("unsuccessful"), "失败案例", "Unsuccessful cases"),
        column(WorkReport.submitted_at, "提交时间", "When it was submitted", filter=True, order=True),
        column(WorkReport.read_at, "批阅时间", "When it was read", filter=True, order=True),
        column(WorkReport.read_by, "批阅人编号", "Id of who read it", name="readById", filter=True),
        computed("readByName", STRING, name_of("read_by"), "批阅人姓名", "Name of who read it"),
        column(WorkReport.opinion, "批阅意见", "The lead's opinion"),
        column(WorkReport.created_at, "生成时间", "When it was made", filter=True, order=True),
        column(WorkReport.version, "版本，修改时用于检查冲突", "Counts its changes; a change names the one it saw"),
        one("owner", "Person", WorkReport.owner_id, "填写人", "Its writer"),
        one("unit", "OrgUnit", WorkReport.unit_id, "机构", "The writer's unit then"),
        one("readBy", "Person", WorkReport.read_by, "批阅人", "Who read it"),
    ),
)


def _meeting_seen(row: Row) -> ColumnElement[bool]:
    return meeting_seen(row.planning.session, REPORTS_VIEW, TODAY, row.table)


def _item_seen(row: Row) -> ColumnElement[bool]:
    return item_seen(row.planning.session, REPORTS_VIEW, TODAY, row.table)


MEETING = Entity(
    "Meeting",
    Meeting,
    Bilingual("晨会、夕会纪要", "Minutes of a morning or evening meeting"),
    view=REPORTS_VIEW,
    reach=_meeting_seen,
    order=(("day", True),),
    fields=(
        column(Meeting.id, "编号", "Identifier", filter=True),
        column(Meeting.unit_id, "机构编号", "Id of its unit", filter=True, group=True),
        computed("unitName", STRING, unit_name("unit_id"), "机构名称", "Name of its unit"),
        column(Meeting.day, "日期", "Its day", filter=True, order=True, group=True),
        column(Meeting.kind, "种类", "Its kind", kind=MEETING_KIND, filter=True, group=True),
        column(Meeting.chaired_by, "主持人编号", "Id of who chaired it", name="chairedById", filter=True, group=True),
        computed("chairedByName", STRING, name_of("chaired_by"), "主持人姓名", "Name of who chaired it"),
        column(Meeting.attendees, "参加人编号", "Ids of who took part", name="attendeeIds"),
        column(
            Meeting.facts,
            "自动填入的数据：未解决问题、当日走访、到期与超时承诺",
            "What the platform filled in: open problems, the day's visits, promises due and overdue",
        ),
        column(Meeting.notes, "会议内容", "What was said"),
        column(Meeting.created_at, "记录时间", "When it was written", filter=True, order=True),
        column(Meeting.version, "版本，修改时用于检查冲突", "Counts its changes; a change names the one it saw"),
        one("unit", "OrgUnit", Meeting.unit_id, "机构", "Its unit"),
        one("chairedBy", "Person", Meeting.chaired_by, "主持人", "Who chaired it"),
        many("items", "MeetingItem", "meeting_id", "未解决的问题", "Problems that it left open", filter=True),
    ),
)
MEETING_ITEM = Entity(
    "MeetingItem",
    MeetingItem,
    Bilingual("会议提出的问题，未解决的逐级上报", "A problem from a meeting; unsolved ones are handed upwards"),
    view=REPORTS_VIEW,
    reach=_item_seen,
    order=(("createdAt", True),),
    fields=(
        column(MeetingItem.id, "编号", "Identifier", filter=True),
        column(MeetingItem.unit_id, "所在机构编号", "Id of the unit with which it lies", filter=True, group=True),
        computed("unitName", STRING, unit_name("unit_id"), "所在机构名称", "Name of that unit"),
        column(MeetingItem.meeting_id, "会议编号；上报来的为空", "Id of its meeting, if it has one", filter=True),
        column(MeetingItem.from_id, "下级问题编号", "Id of the item below that it came from", filter=True),
        column(MeetingItem.title, "问题", "The problem", filter=True),
        column(MeetingItem.detail, "说明", "More about it"),
        column(MeetingItem.state, "状态", "Its state", kind=ITEM_STATE, filter=True, group=True),
        column(MeetingItem.reason, "上报原因", "Why it was handed upwards"),
        column(MeetingItem.solution, "解决办法", "How it was solved"),
        column(MeetingItem.solved_at, "解决时间", "When it was solved", filter=True, order=True),
        column(MeetingItem.solved_by, "解决人编号", "Id of who solved it", name="solvedById", filter=True),
        computed("solvedByName", STRING, name_of("solved_by"), "解决人姓名", "Name of who solved it"),
        column(MeetingItem.raised_by, "提出人编号", "Id of who raised it", name="raisedById", filter=True),
        computed("raisedByName", STRING, name_of("raised_by"), "提出人姓名", "Name of who raised it"),
        column(MeetingItem.created_at, "提出时间", "When it was raised", filter=True, order=True),
        column(MeetingItem.version, "版本，修改时用于检查冲突", "Counts its changes; a change names the one it saw"),
        one("meeting", "Meeting", MeetingItem.meeting_id, "会议", "Its meeting"),
        one("from", "MeetingItem", MeetingItem.from_id, "下级的问题", "The item below that it came from"),
        one("unit", "OrgUnit", MeetingItem.unit_id, "所在机构", "The unit with which it lies"),
    ),
)

CATALOGUE = Catalogue(
    entities=(WORK_REPORT, MEETING, MEETING_ITEM),
    roots=(
        ListRoot("workReports", "WorkReport", Bilingual("工作报告，最近在前", "Work reports, the latest first")),
        OneRoot("workReport", "WorkReport", Bilingual("一份工作报告", "One work report")),
        ListRoot("meetings", "Meeting", Bilingual("会议纪要，最近在前", "Minutes of meetings, the latest first")),
        OneRoot("meeting", "Meeting", Bilingual("一份会议纪要", "Minutes of one meeting")),
        ListRoot("meetingItems", "MeetingItem", Bilingual("会议问题", "Problems from meetings")),
        OneRoot("meetingItem", "MeetingItem", Bilingual("一个会议问题", "One problem from a meeting")),
    ),
)
