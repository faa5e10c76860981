"""What is wrong with a client or record beyond what core and the forms' models say. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Any

from steward_core.clients.models import ClientStatus
from steward_telecom.classes import KINDS, TRADES
from steward_telecom.keys import CLUSTER_CLIENT
from steward_telecom.settings import TelecomSettings
from steward_tenants.errors import FieldProblem
from steward_tenants.texts import Bilingual

OURS = frozenset(kind.key for kind in KINDS)
TRADE_KEYS = frozenset(trade.key for trade in TRADES)
ASKED_FOR = frozenset({"discount_request", "ip_request", "order_acceptance", "vpn_group"})
"""Forms of business with a client, which a closed one cannot have."""


def client_problems(settings: TelecomSettings, client: Mapping[str, Any]) -> Iterator[FieldProblem]:
    """Trades stand in the list; cluster clients decide for themselves [000#5]."""
    if client.get("kind") not in OURS:
        return
    trade = client.get("trade")
    if settings.listed_trades_only and trade and trade not in TRADE_KEYS:
        known = Bilingual(
            "、".join(f"{one.title.zh}（{one.key}）" for one in TRADES), ", ".join(one.key for one in TRADES)
        )
        text = Bilingual(f"行业应为：{known.zh}。", f"The trade is one of {known.en}.")
        yield FieldProblem(("trade",), "unknown_trade", text)
    if client.get("kind") == CLUSTER_CLIENT and client.get("parent_id") is not None:
        text = Bilingual("聚类客户独立决策，没有上级客户。", "A cluster client decides for itself and has no parent.")
        yield FieldProblem(("parent_id",), "cluster_client_has_parent", text)


def record_problems(
    settings: TelecomSettings, form: str, values: Mapping[str, Any], client: Mapping[str, Any] | None
) -> Iterator[FieldProblem]:
    """No business with closed clients; an installation that is planned or done late says why."""
    if client is not None and form in ASKED_FOR and client.get("status") == ClientStatus.CLOSED:
        text = Bilingual("客户已关闭，不能再办理业务。", "The client is closed: no more business with it.")
        yield FieldProblem((), "client_is_closed", text)
    if form == "order_acceptance":
        yield from _late(settings, values)


def _late(settings: TelecomSettings, values: Mapping[str, Any]) -> Iterator[FieldProblem]:
    days = (
        settings.installation_days_without_resource
        if values.get("resource_available") is False
        else settings.installation_days
    )
    signed: date | None = values.get("signed_on")
    if signed is None or values.get("delay_reason"):
        return
    latest = signed + timedelta(days=days)
    if any(day is not None and day > latest for day in (values.get("planned_on"), values.get("done_on"))):
        text = Bilingual(
            f"完工日晚于签约后 {days} 天（{latest}），请填写超期原因。",
            f"It is later than {days} days after the signing ({latest}): say why.",
        )
        yield FieldProblem(("delay_reason",), "late_without_reason", text)
