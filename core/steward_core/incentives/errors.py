"""Errors of incentives."""

from __future__ import annotations

from steward_tenants.errors import InvalidInput, StewardError
from steward_tenants.texts import Bilingual


class SchemeRefused(InvalidInput):
    """The scheme does not hold together; `problems` name each row and field."""

    code = "incentive_scheme_refused"
    message = Bilingual("绩效办法有误，未保存任何更改。", "The scheme was refused; nothing was changed.")
    remedy = Bilingual("请按提示修改各行后重试。", "Correct the rows named and save it again.")


class SchemeIncomplete(StewardError):
    """A figure that only the company can set is not set; `problems` name each."""

    code = "incentive_scheme_incomplete"
    status = 409
    message = Bilingual(
        "绩效办法第 {version} 版缺少必须由企业设定的金额，不能核算。",
        "Version {version} of the scheme lacks figures that the company must set: nothing was worked out.",
    )
    remedy = Bilingual(
        "请在绩效办法的新版本中设定所列金额后重新核算。",
        "Set the figures named in a new version of the scheme and run it again.",
    )


class InputsRefused(InvalidInput):
    """What is known about a person does not suffice or contradicts itself; `problems` name person and field."""

    code = "incentive_inputs_refused"
    message = Bilingual("核算数据有误，未生成工资单。", "The inputs were refused; no statement was made.")
    remedy = Bilingual("请更正所列人员的数据后重新核算。", "Correct the people named and run it again.")


class NoSchemeInForce(StewardError):
    """No version of the scheme is in force in this month."""

    code = "incentive_no_scheme_in_force"
    status = 409
    message = Bilingual("{month} 没有生效的绩效办法。", "No version of the scheme is in force in {month}.")
    remedy = Bilingual(
        "请设定生效日期不晚于该月的版本。", "Add a version that takes effect in this month or before it."
    )


class SchemeRuleMissing(StewardError):
    """The rules of this version are not installed."""

    code = "incentive_rule_version_missing"
    status = 409
    message = Bilingual("没有绩效规则第 {rule_version} 版。", "There is no version {rule_version} of the pay rules.")
    remedy = Bilingual("请安装包含该版规则的软件。", "Install a release that still has these rules.")
