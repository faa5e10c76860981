"""Errors of schemes and scores."""

from __future__ import annotations

from steward_tenants.errors import Conflict, Forbidden, InvalidInput, NotFound, StewardError
from steward_tenants.texts import Bilingual


class SchemeRefused(InvalidInput):
    """The scheme does not hold together; `problems` name each item and field."""

    code = "score_scheme_refused"
    message = Bilingual("考核办法有误，未保存任何更改。", "The score scheme was refused; nothing was changed.")
    remedy = Bilingual("请按提示修改各项后重试。", "Correct the items named and save it again.")


class ScoreRuleMissing(StewardError):
    """The rules of this version are not installed."""

    code = "score_rule_version_missing"
    status = 409
    message = Bilingual("没有计分规则第 {rule_version} 版。", "There is no version {rule_version} of the score rules.")
    remedy = Bilingual("请安装包含该版规则的软件。", "Install a release that still has these rules.")


class MonthNotBegun(StewardError):
    """The month lies in the future."""

    code = "score_month_not_begun"
    status = 422
    message = Bilingual("{month} 尚未开始，没有可计算的数据。", "{month} has not begun: there is nothing to score.")
    remedy = Bilingual("请选择已开始的月份。", "Choose a month that has begun.")


class MonthNotOver(Conflict):
    """Figures of a month that goes on are not whole: they can be previewed only."""

    code = "score_month_not_over"
    message = Bilingual("{month} 尚未结束，得分只能预览。", "{month} is not over: its scores are a preview only.")
    remedy = Bilingual("请于该月结束后重新计算并确认。", "Work them out again once it is over, then make them final.")


class NothingToFinalise(Conflict):
    """There is no preview in reach that could be made final."""

    code = "score_nothing_to_finalise"
    message = Bilingual("{month} 没有待确认的得分预览。", "There is no preview of {month} to make final.")
    remedy = Bilingual("请先计算该月得分。", "Work the month's scores out first.")


class WholeCompanyNeeded(Forbidden):
    """Without a unit, the scores of the whole company are meant."""

    code = "score_whole_company_needed"
    message = Bilingual("您的数据范围不是全公司。", "Your scope is not the whole company.")
    remedy = Bilingual("请指定您数据范围内的机构。", "Name a unit within your scope.")


class UnitPartlyReached(Forbidden):
    """Scores are of the unit and all below it; the actor's scope ends before."""

    code = "score_unit_partly_reached"
    message = Bilingual("您的数据范围不含该单位的全部下级。", "Your scope does not cover all units below this one.")
    remedy = Bilingual("请由数据范围包含下级单位的人员操作。", "Have somebody do it whose scope includes them.")


class ScoreNotFound(NotFound):
    """No such score, or it is not the actor's to see."""

    code = "score_not_found"
    message = Bilingual("找不到该月得分。", "No such score.")
