"""Visits: check-in, checklists, what came of them, the day sheet."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, case, literal

from steward_core.visits.check_in import Verdict
from steward_core.visits.models import Visit, VisitKind, VisitOrigin, VisitStatus
from steward_core.visits.row_kinds import VISIT as VISIT_ROWS
from steward_graphql.catalogue.client_names import client_name, unit_name
from steward_graphql.catalogue.custom_filters import custom_filter, custom_values
from steward_graphql.catalogue.people import name_of
from steward_graphql.declared.entities import Catalogue, Entity, ListRoot, OneRoot, Row, column, computed, one
from steward_graphql.declared.scalars import STRING, EnumKind, enum_of
from steward_tenants.texts import Bilingual

STATUS = enum_of(VisitStatus, "VisitStatus", "走访的状态", "State of a visit")
KIND = enum_of(VisitKind, "VisitKind", "走访的方式", "How client and manager met")
ORIGIN = enum_of(VisitOrigin, "VisitOrigin", "走访的由来", "How a visit came about")
VERDICT = EnumKind(
    "CheckInVerdict",
    Bilingual("签到的判定", "Whether a check-in is believed"),
    (
        ("accepted", Bilingual("通过", "Accepted")),
        ("flagged", Bilingual("存疑，供主管查看", "Flagged, for the supervisor to look at")),
        ("refused", Bilingual("未通过", "Refused")),
    ),
)


def _verdict(row: Row) -> ColumnElement[Any]:
    names = {one.value: literal(one.name.lower()) for one in Verdict}
    return case(names, value=row.table.verdict)


VISIT = Entity(
    "Visit",
    Visit,
    Bilingual(
        "一次走访。走访人、其机构的主管可见；客户的全部走访另见 visitPreparation",
        "A visit, seen by its visitor and those above; visitPreparation tells of all visits to a client",
    ),
    kind=VISIT_ROWS,
    order=(("day", True),),
    specials=(custom_filter("visit"),),
    fields=(
        column(Visit.id, "编号", "Identifier", filter=True),
        column(Visit.client_id, "客户编号", "Id of the client", filter=True, group=True),
        computed("clientName", STRING, client_name(), "客户名称", "Name of the client"),
        column(Visit.owner_id, "走访人编号", "Id of the visitor", filter=True, group=True),
        computed("ownerName", STRING, name_of("owner_id"), "走访人姓名", "Name of the visitor"),
        column(Visit.unit_id, "走访时所属机构编号", "Id of the visitor's unit then", filter=True, group=True),
        computed("unitName", STRING, unit_name("unit_id"), "走访时所属机构", "The visitor's unit then"),
        column(Visit.action_id, "对应的计划事项编号", "Id of the planned action that it serves", filter=True),
        column(Visit.kind, "方式", "How they met", kind=KIND, filter=True, group=True),
        column(Visit.origin, "由来", "How it came about", kind=ORIGIN, filter=True, group=True),
        column(Visit.status, "状态", "Its state", kind=STATUS, filter=True, order=True, group=True),
        column(
            Visit.day,
            "日期：计划日，开始后为实际日",
            "Its day: as planned, then as begun",
            filter=True,
            order=True,
            group=True,
        ),
        column(Visit.aim, "目的", "Its aim"),
        column(
            Visit.began_at, "开始时间（服务器时钟）", "When it began, by the server's clock", filter=True, order=True
        ),
        column(
            Visit.ended_at, "结束时间（服务器时钟）", "When it ended, by the server's clock", filter=True, order=True
        ),
        column(Visit.device_began_at, "设备记录的开始时间", "When it began, by the device's clock"),
        column(Visit.device_ended_at, "设备记录的结束时间", "When it ended, by the device's clock"),
        column(Visit.latitude, "签到纬度", "Latitude of the check-in"),
        column(Visit.longitude, "签到经度", "Longitude of the check-in"),
        column(Visit.accuracy_metres, "定位误差（米）", "Accuracy of the position in metres"),
        column(Visit.metres, "距客户（米）", "Metres from the client", filter=True, aggregate=True),
        computed(
            "verdict",
            VERDICT,
            _verdict,
            "签到判定；空为未签到",
            "What became of the check-in; none: there was none",
            filter=True,
            group=True,
        ),
        column(Visit.check_in, "签到判定的依据", "Lines and figures of that decision"),
        column(Visit.contact_ids, "会见的联系人", "Ids of the contacts who were met"),
        column(Visit.photo_ids, "照片的文件编号", "File ids of its photos"),
        column(Visit.topics, "话题", "What was talked of"),
        column(Visit.needs, "需求类别", "Areas in which needs were found", filter=True),
        column(Visit.needs_text, "需求说明", "What the needs are"),
        column(Visit.wishes, "诉求", "Wishes"),
        column(Visit.complaints, "投诉", "Complaints"),
        column(Visit.summary, "小结", "Summary"),
        column(Visit.competitor_signs, "竞争动向", "Signs of competitors"),
        column(Visit.next_step, "下一步", "Next step"),
        column(
            Visit.next_due_on, "下一步期限", "Day by which the next step is due", filter=True, order=True, group=True
        ),
        column(
            Visit.intention,
            "客户意向（1 至 5）",
            "The client's grade of intention, 1 to 5",
            filter=True,
            order=True,
            group=True,
            aggregate=True,
        ),
        column(Visit.improvement, "改进记录", "What to do better"),
        column(Visit.before, "走访前清单", "Checklist before the visit"),
        column(Visit.during, "走访中清单", "Checklist during the visit"),
        column(Visit.after, "走访后清单", "Checklist after the visit"),
        custom_values(),
        column(Visit.reason, "取消原因", "Why it was cancelled"),
        column(Visit.created_by, "登记人编号", "Id of who entered it", name="createdById", filter=True),
        column(Visit.created_at, "登记时间", "When it was entered", filter=True, order=True),
        column(Visit.updated_at, "修改时间", "When it was last changed", filter=True, order=True),
        column(Visit.version, "版本，修改时用于检查冲突", "Counts its changes; a change names the one it saw"),
        one("client", "Client", Visit.client_id, "客户", "The client"),
        one("owner", "Person", Visit.owner_id, "走访人", "The visitor"),
        one("unit", "OrgUnit", Visit.unit_id, "机构", "The visitor's unit then"),
        one("createdBy", "Person", Visit.created_by, "登记人", "Who entered it"),
    ),
)

CATALOGUE = Catalogue(
    entities=(VISIT,),
    roots=(
        ListRoot("visits", "Visit", Bilingual("数据范围内的走访", "The visits within reach")),
        OneRoot("visit", "Visit", Bilingual("一次走访", "One visit")),
    ),
)
