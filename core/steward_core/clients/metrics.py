"""The metrics that a tenant takes facts of: its own beside those that its industry plugins declare."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from steward_core.clients.fact_errors import MetricChanged, MetricInUse, MetricOfPlugin
from steward_core.clients.fact_rules import GRAINS
from steward_core.clients.models import ClientFact, Metric
from steward_core.permissions import POLICIES_MANAGE
from steward_tenants.audit.service import Subject, record
from steward_tenants.commands.service import command
from steward_tenants.database.locks import take_turn
from steward_tenants.database.session import TenantSession, WriteSession
from steward_tenants.errors import FieldProblem, InvalidInput
from steward_tenants.people.rules import Unacceptable, line_of_text
from steward_tenants.texts import Bilingual

MEANING = ("measure", "grain", "additive")
FIELDS = ("title_zh", "title_en", *MEANING, "retired")
_KEY = re.compile(r"[a-z][a-z0-9_]{0,49}")


async def metrics(session: TenantSession, *, retired: bool = False) -> list[Metric]:
    """The tenant's metrics in order of key; with `retired`, those too."""
    statement = select(Metric).where(session.within(Metric)).order_by(Metric.key)
    return list(await session.scalars(statement if retired else statement.where(Metric.retired.is_(False))))


@command("metrics.save", "保存数据指标", "Save a metric", permission=POLICIES_MANAGE)
async def save_metric(
    session: WriteSession,
    key: str,
    values: Mapping[str, Any],
    *,
    expected_version: int | None = None,
) -> Metric:
    """Make a metric of the tenant's own, or change it: `title_zh`, `title_en`, `measure` (its unit, `fen` for money),
    `grain`, `additive`, `retired`. Once facts exist, `measure`, `grain` and `additive` stay.

    Raises InvalidInput, MetricOfPlugin, MetricInUse, MetricChanged.
    """
    await take_turn(session, "metrics")
    metric = await session.find(Metric, Metric.key == key, lock=True)
    clean = clean_metric(key, values, new=metric is None)
    if metric is None:
        metric, before = Metric(key=key, plugin="", **clean), None
        session.add(metric)
    else:
        await _may_change(session, metric, clean, expected_version)
        before = snapshot(metric)
        for name, value in clean.items():
            setattr(metric, name, value)
    await session.flush()
    await record(session, "metrics.save", Subject("metric"), before=before, after=snapshot(metric))
    return metric


async def _may_change(
    session: WriteSession, metric: Metric, clean: Mapping[str, Any], expected_version: int | None
) -> None:
    if metric.plugin:
        raise MetricOfPlugin(key=metric.key)
    if expected_version is not None and metric.version != expected_version:
        raise MetricChanged(key=metric.key)
    if any(name in clean and clean[name] != getattr(metric, name) for name in MEANING):
        known = await session.scalar(
            select(ClientFact.period).where(session.within(ClientFact), ClientFact.metric == metric.key).limit(1)
        )
        if known is not None:
            raise MetricInUse(key=metric.key)


def clean_metric(key: Any, values: Mapping[str, Any], *, new: bool) -> dict[str, Any]:
    """A metric's columns; a new one has them all. Raises InvalidInput naming every bad field at once."""
    problems: list[FieldProblem] = []
    if not isinstance(key, str) or not _KEY.fullmatch(key):
        text = Bilingual(
            "标识以小写字母开头，只含小写字母、数字和下划线，最多 50 个字符。",
            "A key begins with a lower-case letter and holds lower-case letters, digits and _, at most 50.",
        )
        problems.append(FieldProblem(("key",), "key", text))
    given = dict(values)
    if new:
        given = {**dict.fromkeys(("title_zh", "title_en", "measure")), "grain": "month", "additive": True, **given}
        given.setdefault("retired", False)
    clean: dict[str, Any] = {}
    for name, value in given.items():
        try:
            clean[name] = _clean(name, value)
        except Unacceptable as refused:
            problems.append(FieldProblem((str(name)[:50],), refused.code, refused.message))
    if problems:
        raise InvalidInput(problems=problems)
    return clean


def _clean(name: str, value: Any) -> Any:
    if name in ("title_zh", "title_en"):
        return line_of_text(value, 64)
    if name == "measure":
        return line_of_text(value, 32)
    if name == "grain":
        if value not in GRAINS:
            raise Unacceptable("grain", "周期应为日、月、季或年。", "The grain is day, month, quarter or year.")
        return value
    if name in ("additive", "retired"):
        if not isinstance(value, bool):
            raise Unacceptable("boolean", "应为是或否。", "Give true or false.")
        return value
    raise Unacceptable("unknown", "没有此字段。", "There is no such field.")


def snapshot(metric: Metric) -> dict[str, Any]:
    """A metric as the audit log keeps it."""
    return {name: getattr(metric, name) for name in ("key", *FIELDS)}
