"""What a device sent of a moment, decided on with the tenant's figures and the client's place."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from steward_core.clients.checks import problem, refuse
from steward_core.clients.models import Client
from steward_core.plans.settings import template_in_force
from steward_core.visits.check_in import CheckIn, CheckInDecision, Verdict, check_in
from steward_core.visits.fields import place_problems
from steward_core.visits.models import VisitKind
from steward_core.visits.routes import Place
from steward_core.visits.visit_errors import CheckInRefused
from steward_tenants.database.session import TenantSession
from steward_tenants.errors import FieldProblem, invalid

Began = tuple[datetime | None, datetime | None]
"""When a visit began, by the server's clock and by the device's."""


@dataclass(frozen=True)
class Sent:
    """What a device said of the beginning of a visit, and when the server received it."""

    device_time: datetime
    device_sent_at: datetime
    latitude: Decimal | None
    longitude: Decimal | None
    accuracy_metres: int
    received_at: datetime


async def decided(session: TenantSession, client: Client, sent: Sent, kind: VisitKind | None) -> CheckInDecision:
    """Whether it counts. A phone call has no place to be at. Raises CheckInRefused with the lines, InvalidInput."""
    problems = place_problems(sent.latitude, sent.longitude, sent.accuracy_metres)
    for name in ("device_time", "device_sent_at"):
        if getattr(sent, name).tzinfo is None:
            problems.append(problem(name, "zone", "时间须带时区。", "Give the time with its zone."))
    refuse(problems)
    figures = (await template_in_force(session)).figures.check_in
    given = CheckIn(sent.device_time, sent.device_sent_at, _place(sent.latitude, sent.longitude), sent.accuracy_metres)
    decision = check_in(
        given,
        _place(client.latitude, client.longitude),
        sent.received_at,
        figures,
        on_site=kind is not VisitKind.PHONE,
    )
    if decision.verdict is Verdict.REFUSED:
        raise CheckInRefused(problems=[FieldProblem(("device_time",), "check_in", line) for line in decision.lines])
    return decision


def ended_at(began: Began, device_time: datetime, device_sent_at: datetime, received_at: datetime) -> datetime:
    """The end by the server's clock. Raises InvalidInput when it lies before the beginning, or was not over when it
    was sent."""
    if device_time.tzinfo is None or device_sent_at.tzinfo is None:
        raise invalid("device_time", "zone", "时间须带时区。", "Give the time with its zone.")
    if device_time > device_sent_at:
        raise invalid("device_time", "range", "结束时间晚于发送时间。", "It ended after it was sent.")
    began_at, device_began_at = began
    if device_began_at is not None and device_time < device_began_at:
        raise invalid("device_time", "range", "结束时间早于开始时间。", "It ended before it began.")
    ended = device_time - (device_sent_at - received_at)
    # The two were sent at different moments, and their ways took differently long.
    return ended if began_at is None else max(ended, began_at)


def _place(latitude: Decimal | None, longitude: Decimal | None) -> Place | None:
    return None if latitude is None or longitude is None else Place(latitude, longitude)
