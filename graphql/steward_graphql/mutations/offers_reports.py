"""Commands on reports and minutes of meetings."""

from __future__ import annotations

from steward_core.reports.models import Meeting, MeetingItem, WorkReport
from steward_graphql.catalogue.reports import MEETING_KIND, REPORT_KIND
from steward_graphql.mutations.derive import Offer
from steward_graphql.mutations.payloads import Result, row
from steward_tenants.texts import Bilingual

_REPORT = Bilingual("工作报告", "The report")
_MEETING = Bilingual("会议纪要", "The minutes")
_ITEM = Bilingual("会议问题", "The problem")
_PEOPLE = Bilingual("参加人", "Who took part")
_NOTES = Bilingual("会议内容", "What was said")


def _report() -> tuple[Result, ...]:
    return (row("work_report", WorkReport, *_REPORT),)


def _meeting() -> tuple[Result, ...]:
    return (row("meeting", Meeting, *_MEETING),)


def _item() -> tuple[Result, ...]:
    return (row("meeting_item", MeetingItem, *_ITEM),)


def reports() -> dict[str, Offer]:
    """What is offered, by command."""
    return {
        "reports.fill": Offer(
            "fillWorkReport",
            _report(),
            Bilingual("本人的报告；已填写的判断保留", "the caller's own; what was written into it stays"),
            kinds={"kind": REPORT_KIND},
            texts={
                "kind": Bilingual("种类", "Its kind"),
                "day": Bilingual("期间内任意一天，默认今天", "A day of the period; today when left out"),
            },
        ),
        "reports.write": Offer(
            "writeWorkReport",
            _report(),
            texts={
                "report_id": _REPORT,
                "judgement": Bilingual("判断与分析", "The judgement"),
                "successful": Bilingual("成功案例", "Successful cases"),
                "unsuccessful": Bilingual("失败案例", "Unsuccessful cases"),
            },
        ),
        "reports.submit": Offer("submitWorkReport", _report(), texts={"report_id": _REPORT}),
        "reports.withdraw": Offer("withdrawWorkReport", _report(), texts={"report_id": _REPORT}),
        "reports.read": Offer(
            "readWorkReport",
            _report(),
            texts={"report_id": _REPORT, "opinion": Bilingual("批阅意见", "The opinion")},
        ),
        "meetings.open": Offer(
            "openMeeting",
            _meeting(),
            kinds={"kind": MEETING_KIND},
            texts={
                "unit_id": Bilingual("机构", "The unit"),
                "kind": Bilingual("种类", "Its kind"),
                "day": Bilingual("日期，默认今天", "Its day; today when left out"),
                "attendees": _PEOPLE,
                "notes": _NOTES,
            },
        ),
        "meetings.write": Offer(
            "writeMeeting", _meeting(), texts={"meeting_id": _MEETING, "attendees": _PEOPLE, "notes": _NOTES}
        ),
        "meetings.item.add": Offer(
            "addMeetingItem",
            _item(),
            texts={
                "meeting_id": _MEETING,
                "title": Bilingual("问题", "The problem"),
                "detail": Bilingual("说明", "More about it"),
            },
        ),
        "meetings.item.hand_up": Offer(
            "handUpMeetingItem",
            _item(),
            Bilingual("返回上级机构的新问题", "answers the item that the unit above has now"),
            texts={"item_id": _ITEM, "reason": Bilingual("上报原因", "Why")},
        ),
        "meetings.item.solve": Offer(
            "solveMeetingItem",
            _item(),
            Bilingual("下级上报的一并解决", "those below that were handed up to it are solved with it"),
            texts={"item_id": _ITEM, "solution": Bilingual("解决办法", "How it was solved")},
        ),
    }
