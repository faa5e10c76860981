"""Errors of opening and closing a month."""

from __future__ import annotations

from steward_tenants.errors import Conflict, Forbidden, NotFound, StewardError
from steward_tenants.texts import Bilingual


class MonthTooFarAhead(StewardError):
    """Plans of a month that is far away would not know what happens until then."""

    code = "month_too_far_ahead"
    status = 422
    message = Bilingual("{month} 最早于 {first} 开启。", "{month} can be opened from {first} on.")
    remedy = Bilingual("请届时再开启，或由管理员调整提前天数。", "Open it then, or have the days ahead changed.")


class MonthUnknown(NotFound):
    """Nobody has opened this month."""

    code = "month_not_found"
    message = Bilingual("{month} 尚未开启。", "{month} has not been opened.")
    remedy = Bilingual("请先开启该月。", "Open the month first.")


class MonthClosed(Conflict):
    """A closed month stays closed."""

    code = "month_closed"
    message = Bilingual("{month} 已关闭。", "{month} is closed.")
    remedy = Bilingual(
        "得分以新版本更正，薪酬在下一期更正。",
        "Correct scores by a new revision, and pay in the next period.",
    )


class MonthNotOver(Conflict):
    """A month is closed when all its days are over."""

    code = "month_not_over"
    message = Bilingual("{month} 到 {end} 才结束。", "{month} goes on until {end}.")
    remedy = Bilingual("请在该月结束后关闭。", "Close it once it is over.")


class MonthBusy(Conflict):
    """It is being opened."""

    code = "month_busy"
    message = Bilingual("{month} 正在开启。", "{month} is being opened.")
    remedy = Bilingual(
        "请等开启任务结束，或继续失败的任务。", "Wait for its run to end, or resume the run that failed."
    )


class WholeCompanyNeeded(Forbidden):
    """A month is opened and closed for the whole company at once."""

    code = "whole_company_needed"
    message = Bilingual(
        "月份对全公司一起开启和关闭，您的权限只到部分机构。",
        "A month is opened and closed for the whole company, and your permission reaches a part of it.",
    )
