"""Errors of reports and meetings."""

from steward_tenants.errors import Conflict, NotFound
from steward_tenants.texts import Bilingual


class ReportNotFound(NotFound):
    """No such report, or it is not the actor's to see or change."""

    code = "report_not_found"
    message = Bilingual("找不到该报告。", "No such report.")


class ReportNotOpen(Conflict):
    """The report is in a state in which this cannot be done."""

    code = "report_not_open"
    message = Bilingual("报告处于“{state}”状态，不能执行此操作。", "This cannot be done to a report that is: {state}.")
    remedy = Bilingual(
        "已提交的报告由本人撤回后可改；草稿提交后方可批阅。",
        "Its writer withdraws a submitted report to change it; a draft can be read once it is submitted.",
    )


class ReportChanged(Conflict):
    """Somebody changed it meanwhile."""

    code = "report_changed"
    message = Bilingual("报告已被修改。", "The report was changed meanwhile.")
    remedy = Bilingual("请刷新后重试。", "Load it again, then repeat your change.")


class ReportUnfinished(Conflict):
    """The person's own part is missing."""

    code = "report_unfinished"
    message = Bilingual(
        "尚未写完：判断意见须填写；成功案例 {successful}/{wanted}，失败案例 {unsuccessful}/{wanted}。",
        "Not finished: the judgement must be written; successful cases {successful} of {wanted}, "
        "unsuccessful cases {unsuccessful} of {wanted}.",
    )
    remedy = Bilingual("补全后再提交。", "Complete it, then submit.")


class MeetingNotFound(NotFound):
    """No such meeting, or the actor neither reaches its unit nor took part."""

    code = "meeting_not_found"
    message = Bilingual("找不到该会议纪要。", "No such minutes.")


class MeetingExists(Conflict):
    """The unit has minutes of this meeting already."""

    code = "meeting_exists"
    message = Bilingual("该机构 {day} 已有{kind}纪要。", "This unit has minutes of its {kind} on {day} already.")
    remedy = Bilingual("请在已有纪要中修改。", "Change the minutes that are there.")


class MeetingChanged(Conflict):
    """Somebody changed it meanwhile."""

    code = "meeting_changed"
    message = Bilingual("会议纪要已被修改。", "The minutes were changed meanwhile.")
    remedy = Bilingual("请刷新后重试。", "Load them again, then repeat your change.")


class MeetingItemNotFound(NotFound):
    """No such item, or it is not the actor's to see."""

    code = "meeting_item_not_found"
    message = Bilingual("找不到该问题。", "No such problem.")


class MeetingItemNotOpen(Conflict):
    """It was solved or handed upwards."""

    code = "meeting_item_not_open"
    message = Bilingual("该问题已解决或已上报。", "This problem was solved or handed upwards.")
    remedy = Bilingual("已上报的问题由上级机构解决。", "What was handed upwards is solved by the unit above.")


class NoUnitAbove(Conflict):
    """There is nobody to hand it to."""

    code = "meeting_no_unit_above"
    message = Bilingual("该机构没有上级机构。", "There is no unit above this one.")
    remedy = Bilingual("请在本机构解决。", "Solve it here.")
