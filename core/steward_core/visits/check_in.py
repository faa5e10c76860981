"""Whether a check-in is believed: where it was made, and when. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum

from steward_core.visits.routes import Place, distance
from steward_core.visits.templates import CheckInFigures
from steward_tenants.texts import Bilingual


class Verdict(IntEnum):
    """`FLAGGED`: taken, and shown to the supervisor. The graver of several holds."""

    ACCEPTED = 0
    FLAGGED = 1
    REFUSED = 2


@dataclass(frozen=True)
class CheckIn:
    """What a device says of a visit: when it began by the device's clock, what that clock showed when it was sent
    (they differ when there was no network), and where it was, to how many metres."""

    device_time: datetime
    device_sent_at: datetime
    place: Place | None = None
    accuracy_metres: int = 0


@dataclass(frozen=True)
class CheckInDecision:
    """Whether a check-in counts, why, and what was measured: the moment by the server's clock, metres to the client
    (None: not known), seconds that the device's clock is ahead (negative: behind)."""

    verdict: Verdict
    lines: tuple[Bilingual, ...]
    began_at: datetime
    metres: int | None
    clock_seconds: int


_Finding = tuple[Verdict, Bilingual]


def check_in(
    given: CheckIn, client_place: Place | None, received_at: datetime, figures: CheckInFigures, *, on_site: bool = True
) -> CheckInDecision:
    """Decide on a check-in that the server received at a moment. `on_site` False (a phone call): no place is asked for.

    The device's clock is compared with the server's at the sending, and the visit's own moment is put right by the
    difference: what a day without network delays is no drift.
    """
    drift = given.device_sent_at - received_at
    late = given.device_sent_at - given.device_time
    metres = None
    if given.place is not None and client_place is not None:
        metres = round(distance(given.place, client_place))
    findings = [_clock(drift, figures), _late(late, figures)]
    if on_site:
        findings.insert(0, _where(given, client_place, metres, figures))
    return CheckInDecision(
        max(verdict for verdict, _ in findings),
        tuple(line for _, line in findings),
        given.device_time - drift,
        metres,
        _seconds(drift),
    )


def _seconds(span: timedelta) -> int:
    return round(span.total_seconds())


def _where(given: CheckIn, client_place: Place | None, metres: int | None, figures: CheckInFigures) -> _Finding:
    if given.place is None:
        return Verdict.FLAGGED, Bilingual("没有定位，无法核对距离", "No position: the distance cannot be told")
    if client_place is None or metres is None:
        return Verdict.ACCEPTED, Bilingual(
            "客户没有坐标，不核对距离", "The client has no coordinates: the distance is not checked"
        )
    off = min(max(given.accuracy_metres, 0), figures.most_accuracy_metres)
    at_least = max(0, metres - off)
    zh, en = f"距客户 {metres} 米（扣除误差 {off} 米）", f"{metres} m from the client ({off} m of accuracy taken off)"
    if figures.far_metres is not None and at_least > figures.far_metres:
        return Verdict.REFUSED, Bilingual(
            f"{zh}，超过 {figures.far_metres} 米，请到客户处签到",
            f"{en}, beyond {figures.far_metres} m: check in at the client's",
        )
    if at_least > figures.near_metres:
        return Verdict.FLAGGED, Bilingual(
            f"{zh}，超过 {figures.near_metres} 米", f"{en}, beyond {figures.near_metres} m"
        )
    return Verdict.ACCEPTED, Bilingual(
        f"{zh}，在 {figures.near_metres} 米以内", f"{en}, within {figures.near_metres} m"
    )


def _clock(drift: timedelta, figures: CheckInFigures) -> _Finding:
    seconds = abs(_seconds(drift))
    zh = f"设备时钟{'快' if drift > timedelta(0) else '慢'} {seconds} 秒"
    en = f"The device's clock is {seconds} s {'ahead' if drift > timedelta(0) else 'behind'}"
    if seconds > figures.clock_refused_seconds:
        limit = figures.clock_refused_seconds
        return Verdict.REFUSED, Bilingual(
            f"{zh}，超过 {limit} 秒，请校准后重试", f"{en}, more than {limit} s: set it and try again"
        )
    if seconds > figures.clock_seconds:
        return Verdict.FLAGGED, Bilingual(
            f"{zh}，超过 {figures.clock_seconds} 秒，已按服务器时间修正",
            f"{en}, more than {figures.clock_seconds} s: put right by the server's",
        )
    return Verdict.ACCEPTED, Bilingual(f"{zh}，在允许范围内", f"{en}, which is accepted")


def _late(late: timedelta, figures: CheckInFigures) -> _Finding:
    seconds = _seconds(late)
    if seconds < -figures.clock_seconds:
        return Verdict.REFUSED, Bilingual(
            f"签到时间比发送时间晚 {-seconds} 秒，请校准时钟后重新签到",
            f"It was made {-seconds} s after it was sent: set the clock and check in again",
        )
    minutes = max(0, seconds) // 60
    zh, en = f"签到后 {minutes} 分钟上传", f"It was sent {minutes} min after it was made"
    if seconds > figures.late_refused_hours * 3600:
        limit = figures.late_refused_hours
        return Verdict.REFUSED, Bilingual(
            f"{zh}，超过 {limit} 小时，请由主管补登", f"{en}, more than {limit} h: let a supervisor enter it"
        )
    if seconds > figures.late_hours * 3600:
        return Verdict.FLAGGED, Bilingual(
            f"{zh}，超过 {figures.late_hours} 小时", f"{en}, more than {figures.late_hours} h"
        )
    return Verdict.ACCEPTED, Bilingual(f"{zh}，在允许范围内", f"{en}, which is accepted")
