"""Errors of client facts and metrics."""

from __future__ import annotations

from steward_tenants.errors import Conflict, NotFound, StewardError
from steward_tenants.texts import Bilingual


class MetricNotFound(NotFound):
    """The tenant takes no metric of this key."""

    code = "metric_not_found"
    message = Bilingual("没有数据指标“{key}”。", "There is no metric “{key}”.")
    remedy = Bilingual("请从数据指标列表中选择。", "Choose one from the list of metrics.")


class MetricChanged(Conflict):
    """The metric was changed since the caller read it."""

    code = "metric_changed"
    message = Bilingual("数据指标“{key}”已被他人修改。", "Metric “{key}” was changed by someone else.")


class _Refused(StewardError):
    status = 409


class MetricOfPlugin(_Refused):
    """An industry plugin declares the metric: it changes with the plugin only."""

    code = "metric_of_plugin"
    message = Bilingual("数据指标“{key}”由行业插件提供，不能修改。", "Metric “{key}” belongs to an industry plugin.")
    remedy = Bilingual("请以其他标识新建指标。", "Make a metric with another key.")


class MetricInUse(_Refused):
    """Facts exist: what they mean (unit, period, additive or not) stays."""

    code = "metric_in_use"
    message = Bilingual(
        "数据指标“{key}”已有数据，不能更改单位和周期。", "Metric “{key}” has facts: its unit and grain stay."
    )
    remedy = Bilingual("请停用该指标，另建新指标。", "Retire it and make a new metric.")


class FactExists(Conflict):
    """Facts are on record with other values; `problems` names the rows."""

    code = "fact_exists"
    message = Bilingual("{count} 条数据已有不同的值。", "{count} facts are on record with other values.")
    remedy = Bilingual(
        "如需更正，请说明原因并以更正方式提交。", "To correct them, send them as corrections with a reason."
    )


class FactNotFound(NotFound):
    """No such fact is on record, or its client is outside the actor's scope."""

    code = "fact_not_found"
    message = Bilingual("找不到该数据。", "No such fact.")
    remedy = Bilingual("请检查客户、指标、期间和来源。", "Check the client, metric, period and source.")
