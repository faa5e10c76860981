"""Commands on visits."""

from __future__ import annotations

from functools import cache

from steward_core.visits.checklists import Stage
from steward_core.visits.models import NeedArea, Visit
from steward_graphql.catalogue.visits import KIND, ORIGIN
from steward_graphql.declared.scalars import DATE, DATETIME, DECIMAL, ID, INT, STRING, enum_of
from steward_graphql.declared.shapes import Argument, InputObject
from steward_graphql.mutations.derive import Offer
from steward_graphql.mutations.inputs import custom_part, part
from steward_graphql.mutations.payloads import Result, row
from steward_tenants.texts import Bilingual

NEED_AREA = enum_of(NeedArea, "NeedArea", "需求的四个类别", "The four areas of needs")
STAGE = enum_of(Stage, "ChecklistStage", "走访清单的阶段", "Which of a visit's checklists")
_TEXTS = {
    "visit_id": Bilingual("走访", "The visit"),
    "day": Bilingual("走访日期", "The day of the visit"),
    "owner_id": Bilingual("走访人，默认本人", "The visitor; oneself when left out"),
    "action_id": Bilingual("对应的计划事项", "The planned action that it serves"),
    "device_time": Bilingual("设备时钟的时间（带时区）", "The moment by the device's clock, with its zone"),
    "device_sent_at": Bilingual("发送时设备时钟的时间", "What the device's clock showed at the sending"),
    "device_began_at": Bilingual("设备时钟的开始时间", "When it began, by the device's clock"),
    "device_ended_at": Bilingual("设备时钟的结束时间", "When it ended, by the device's clock"),
    "latitude": Bilingual("纬度（度）", "Latitude in degrees"),
    "longitude": Bilingual("经度（度）", "Longitude in degrees"),
    "accuracy_metres": Bilingual("定位误差（米）", "Accuracy of the position in metres"),
    "stage": Bilingual("哪份清单", "Which checklist"),
    "item": Bilingual("清单项的键", "Key of the item"),
    "done": Bilingual("是否完成", "Whether it is done"),
    "note": Bilingual("说明", "A note"),
    "file_id": Bilingual("已上传的图片", "The picture that was uploaded"),
}
_NEW_ID = Bilingual("设备为新走访生成的编号；可选", "The id that the device made for the new visit; it may be left out")
_MOMENTS = dict.fromkeys(("device_time", "device_sent_at", "device_began_at", "device_ended_at"), DATETIME)
_CONFLICT = Bilingual(
    "给出 version 时，他人改过则拒绝并说明谁改了什么",
    "with a version it is refused when somebody changed the visit since, saying who changed what",
)


def planned_parts() -> tuple[Argument, ...]:
    """What is known of a visit before it begins."""
    return (
        part("aim", STRING, "目的", "Aim"),
        part("kind", KIND, "方式，默认上门", "How they meet; on site when left out"),
        part("origin", ORIGIN, "由来，默认电话预约", "How it came about; by appointment when left out"),
    )


def report_parts() -> tuple[Argument, ...]:
    """What came of it."""
    return (
        part("contact_ids", ID, "会见的联系人", "The contacts who were met", listed=True),
        part("topics", STRING, "话题", "What was talked of"),
        part("needs", NEED_AREA, "需求类别", "Areas of needs", listed=True),
        part("needs_text", STRING, "需求说明", "What the needs are"),
        part("wishes", STRING, "诉求，各生成服务请求", "Wishes; each becomes a service request", listed=True),
        part("complaints", STRING, "投诉，各生成服务请求", "Complaints; each becomes a service request", listed=True),
        part("summary", STRING, "小结", "Summary"),
        part("competitor_signs", STRING, "竞争动向", "Signs of competitors"),
        part("next_step", STRING, "下一步（须有期限）", "Next step, with its due day"),
        part("next_due_on", DATE, "下一步期限", "Day by which it is due"),
        part("intention", INT, "客户意向，1 至 5", "Grade of intention, 1 to 5"),
        part("improvement", STRING, "改进记录", "What to do better"),
    )


@cache
def plan_fields() -> InputObject:
    """Of a visit to come."""
    return InputObject(
        "VisitPlanFields", Bilingual("待走访的字段", "Fields of a visit to come"), (*planned_parts(), custom_part())
    )


@cache
def visit_fields() -> InputObject:
    """Of any visit."""
    day = part("day", DATE, "日期（仅限未开始的走访）", "Its day; of one that has not begun only")
    return InputObject(
        "VisitFields",
        Bilingual("走访的字段；空值清空，未给的不变", "Fields of a visit; null empties one, those left out stay"),
        (*planned_parts(), day, *report_parts(), custom_part()),
    )


def _visit() -> Result:
    return row("visit", Visit, "走访", "The visit")


def visits() -> dict[str, Offer]:
    """What is offered, by command."""
    place = {**_MOMENTS, "latitude": DECIMAL, "longitude": DECIMAL}
    clock = ("received_at",)
    return {
        "visits.plan": Offer(
            "planVisit", (_visit(),), kinds={"fields": plan_fields()}, texts={**_TEXTS, "visit_id": _NEW_ID}
        ),
        "visits.check_in": Offer("checkIn", (_visit(),), _CONFLICT, withheld=clock, kinds=place, texts=_TEXTS),
        "visits.end": Offer(
            "endVisit",
            (_visit(),),
            _CONFLICT,
            withheld=clock,
            kinds={**_MOMENTS, "fields": visit_fields()},
            texts=_TEXTS,
        ),
        "visits.record": Offer(
            "recordVisit",
            (_visit(),),
            withheld=clock,
            kinds={**place, "fields": visit_fields()},
            texts={
                **_TEXTS,
                "visit_id": Bilingual(
                    "已安排的走访，或设备为新走访生成的编号",
                    "A prepared visit that it was, or the id that the device made for a new one",
                ),
            },
        ),
        "visits.change": Offer(
            "changeVisit",
            (_visit(),),
            Bilingual(
                "已完成的走访当日可改，之后须填原因；修改前的内容留痕",
                "a done visit changes on its day, later with a reason; what it was stays on record",
            ),
            kinds={"fields": visit_fields()},
            texts=_TEXTS,
        ),
        "visits.cancel": Offer("cancelVisit", (_visit(),), texts=_TEXTS),
        "visits.tick": Offer("tickVisitItem", (_visit(),), kinds={"stage": STAGE}, texts=_TEXTS),
        "visits.photo.attach": Offer(
            "attachVisitPhoto",
            (_visit(),),
            Bilingual("图片先经 REST 上传", "the picture is uploaded over REST first"),
            texts=_TEXTS,
        ),
        "visits.photo.remove": Offer("removeVisitPhoto", (_visit(),), texts=_TEXTS),
    }
