"""Access advice for leased lines and the load of transmission rings, as explained rules [004#3]. Pure."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from steward_core.forms.fields import Percent, field
from steward_core.industry.declarations import Advice, Advisor
from steward_telecom.choices import AccessTrade, ExistingLine, Place, SecurityClass
from steward_telecom.settings import RingFigures, TelecomSettings
from steward_telecom.values import Rate
from steward_tenants.texts import Bilingual

LEGACY = (ExistingLine.ATM, ExistingLine.DDN, ExistingLine.FRAME_RELAY)
MBIT_OF_GE = 1000


class _Question(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True, allow_inf_nan=False)


class AccessQuestion(_Question):
    """A leased line that a client asks for."""

    rate_mbit: Annotated[Rate, field("速率（Mbit/s）", "Rate (Mbit/s)")]
    trade: Annotated[AccessTrade, field("行业", "Trade")] = AccessTrade.OTHER
    security: Annotated[SecurityClass, field("安全要求", "Security class")] = SecurityClass.LOW
    place: Annotated[Place, field("接入地点", "Place")]
    slot_use_percent: Annotated[
        Percent | None, field("环时隙占用（%）", "The ring's slots in use (%)", hint=("未知时留空", "empty: not known"))
    ] = None
    year_need_free: Annotated[bool, field("环上可满足一年需求", "A year's need is free on the ring")] = False
    spare_slots: Annotated[bool, field("有空闲时隙", "There are spare slots")] = False
    one_bas: Annotated[bool, field("县内各点在同一 BAS", "The county's ends are on one BAS")] = True
    existing_line: Annotated[ExistingLine, field("现有线路", "Existing line")] = ExistingLine.NONE


class RingQuestion(_Question):
    """A ring and what it carries."""

    ring_ge: Annotated[int, Field(ge=1, le=1000), field("环带宽（GE）", "Ring (GE)")] = 10
    nodes: Annotated[int, Field(ge=0, le=1000), field("环上节点数", "Nodes on the ring")]
    stations_per_node: Annotated[int, Field(ge=0, le=1000), field("每节点基站数", "Base stations of a node")]
    station_mbit: Annotated[
        Rate | None,
        field("单基站带宽（Mbit/s）", "Bandwidth of a base station (Mbit/s)", hint=("留空用设置值", "empty: as set")),
    ] = None
    asked_mbit: Annotated[
        Decimal, Field(ge=0, le=1_000_000), field("新增客户专线带宽（Mbit/s）", "Bandwidth asked for clients (Mbit/s)")
    ] = Decimal(0)


ACCESS_ANSWERS = {
    "keep": Bilingual("维持现有线路", "Keep the existing line"),
    "mstp": Bilingual("MSTP/SDH 接入", "MSTP/SDH"),
    "mstp_expansion": Bilingual("MSTP/SDH 接入，先申请扩容", "MSTP/SDH after an expansion request"),
    "vpls": Bilingual("城域网 VPLS 接入", "VPLS in the metro network"),
    "ipran": Bilingual("IPRAN 接入", "IPRAN"),
    "ipran_otn": Bilingual("IPRAN/OTN 接入", "IPRAN/OTN"),
    "review": Bilingual("转技术部门评估", "To be judged by the technical department"),
}
RING_ANSWERS = {
    "room": Bilingual("环容量可承载", "The ring has room"),
    "full": Bilingual("环容量不足", "The ring lacks room"),
}


def _plain(number: Decimal) -> str:
    return format(number.normalize(), "f")


def _answer(key: str, lines: list[Bilingual], **figures: Any) -> Advice:
    return Advice(key, ACCESS_ANSWERS[key], tuple(lines), figures)


def advise_access(settings: TelecomSettings, question: AccessQuestion) -> Advice:
    """How a leased line is connected, with every step of the reasoning."""
    lines: list[Bilingual] = []
    if question.existing_line in LEGACY:
        title = question.existing_line.title
        lines.append(Bilingual(f"现有{title.zh}维持不变。", f"The existing {title.en} line stays as it is."))
        return _answer("keep", lines)
    advice = _mstp(settings, question, lines) or _beyond_mstp(settings, question, lines)
    if question.slot_use_percent is None:
        return advice
    load, expansion = ring_load(settings.ring, question.slot_use_percent)
    return Advice(advice.answer, advice.title, (*advice.lines, load), {**advice.figures, "expansion_due": expansion})


def _low_rate(settings: TelecomSettings, question: AccessQuestion) -> bool:
    return question.rate_mbit <= settings.access.mstp_rate_mbit


def _mstp(settings: TelecomSettings, question: AccessQuestion, lines: list[Bilingual]) -> Advice | None:
    """The three cases of MSTP, all of which need spare slots; without them two ask for an expansion."""
    protected = question.trade in (AccessTrade.FINANCE, AccessTrade.GOVERNMENT)
    if protected:
        title = question.trade.title
        lines.append(Bilingual(f"{title.zh}客户优先 MSTP/SDH。", f"{title.en} clients have MSTP/SDH."))
    elif not _ring_is_free(settings, question, lines):
        return None
    if question.spare_slots:
        lines.append(Bilingual("环上有空闲时隙，可直接开通。", "The ring has spare slots."))
        return _answer("mstp", lines)
    if protected:
        lines.append(Bilingual("环上无空闲时隙，提交扩容申请。", "There are no spare slots: ask for an expansion."))
        return _answer("mstp_expansion", lines)
    lines.append(Bilingual("环上无空闲时隙，不能采用 MSTP。", "There are no spare slots, so MSTP is out."))
    return None


def _ring_is_free(settings: TelecomSettings, question: AccessQuestion, lines: list[Bilingual]) -> bool:
    """Whether a slow line may go on the ring."""
    limit, below = _plain(settings.access.mstp_rate_mbit), _plain(settings.access.slot_use_below)
    rate = _plain(question.rate_mbit)
    if not _low_rate(settings, question):
        lines.append(
            Bilingual(
                f"速率 {rate} Mbit/s 超过 {limit} Mbit/s。", f"The rate of {rate} Mbit/s is above {limit} Mbit/s."
            )
        )
        return False
    lines.append(
        Bilingual(
            f"速率 {rate} Mbit/s 不超过 {limit} Mbit/s。", f"The rate of {rate} Mbit/s is at most {limit} Mbit/s."
        )
    )
    use = question.slot_use_percent
    if use is not None and use < settings.access.slot_use_below:
        shown = _plain(use)
        lines.append(
            Bilingual(
                f"环时隙占用 {shown}%，低于 {below}%。", f"{shown} % of the ring's slots are in use, below {below} %."
            )
        )
        return True
    if question.year_need_free:
        lines.append(Bilingual("环上可满足一年的需求。", "A year's need is free on the ring."))
        return True
    shown_zh = "未知" if use is None else f"为 {_plain(use)}%"
    shown_en = "is not known" if use is None else f"is {_plain(use)} %"
    lines.append(
        Bilingual(
            f"环时隙占用{shown_zh}，应低于 {below}%，且不能满足一年的需求。",
            f"The use of the ring's slots {shown_en}, should be below {below} %, and a year's need is not free.",
        )
    )
    return False


def _beyond_mstp(settings: TelecomSettings, question: AccessQuestion, lines: list[Bilingual]) -> Advice:
    if not _low_rate(settings, question):
        return _ipran(question, lines)
    if question.security is SecurityClass.LOW:
        return _vpls(question, lines)
    lines.append(
        Bilingual(
            "安全要求较高，VPLS 不适用，环资源又不足：由技术部门评估扩容或其他方式。",
            "High security rules VPLS out and the ring lacks resources: the technical department judges.",
        )
    )
    return _answer("review", lines)


def _vpls(question: AccessQuestion, lines: list[Bilingual]) -> Advice:
    lines.append(Bilingual("安全要求一般，可采用城域网 VPLS。", "Security needs are low: VPLS in the metro network."))
    if question.place is Place.ACROSS_CITIES:
        form = "across_cities"
        lines.append(
            Bilingual("跨地市：各地 VPLS 之间用 MSTP 连接。", "Across cities: the cities' VPLS are joined by MSTP.")
        )
    elif question.place is not Place.CITY and question.one_bas:
        form = "county"
        lines.append(Bilingual("单县组网：各点接入同一 BAS。", "A single county: all ends on one BAS."))
    else:
        form = "city"
        lines.append(Bilingual("单地市组网：在本地市城域网内开通。", "A single city: within its metro network."))
    return _answer("vpls", lines, vpls=form)


def _ipran(question: AccessQuestion, lines: list[Bilingual]) -> Advice:
    if question.place is Place.CITY:
        lines.append(
            Bilingual(
                "市区采用 IPRAN，从自有局房接入，不从基站接入。",
                "In the city: IPRAN, connected at an own exchange building, not at a base station.",
            )
        )
        return _answer("ipran", lines, connect_at="own_exchange")
    if question.place is Place.ACROSS_CITIES:
        lines.append(
            Bilingual(
                "跨地市采用 IPRAN/OTN；市区一端从自有局房接入。",
                "Across cities: IPRAN/OTN; an end in the city is connected at an own exchange building.",
            )
        )
    else:
        lines.append(Bilingual("县城和乡镇采用 IPRAN/OTN。", "In counties and towns: IPRAN/OTN."))
    return _answer("ipran_otn", lines)


def ring_load(ring: RingFigures, percent: Decimal) -> tuple[Bilingual, bool]:
    """What a load of a ring means, and whether an expansion is due."""
    shown = _plain(percent)
    if percent > ring.link_down_percent:
        most = _plain(ring.link_down_percent)
        return Bilingual(
            f"环占用 {shown}%，已超过断链时的上限 {most}%，须立即扩容。",
            f"The ring's load of {shown} % is above the {most} % allowed when a link is down: expand at once.",
        ), True
    if percent >= ring.expansion_percent:
        due = _plain(ring.expansion_percent)
        return Bilingual(
            f"环占用 {shown}%，达到扩容阈值 {due}%。",
            f"The ring's load of {shown} % reaches {due} %: expansion is due.",
        ), True
    if percent > ring.quality_peak_percent:
        peak = _plain(ring.quality_peak_percent)
        return Bilingual(
            f"环占用 {shown}%，超过政企及高质量电路峰值 {peak}%，不再承载此类电路。",
            f"The ring's load of {shown} % is above the {peak} % for enterprise and high-quality links.",
        ), False
    if percent < ring.initial_percent:
        first = _plain(ring.initial_percent)
        return Bilingual(
            f"环占用 {shown}%，低于初期水平 {first}%。", f"The ring's load of {shown} % is below the first {first} %."
        ), False
    target = _plain(ring.target_percent)
    return Bilingual(
        f"环占用 {shown}%，在目标 {target}% 以内。", f"The ring's load of {shown} % is within the target of {target} %."
    ), False


def advise_ring(settings: TelecomSettings, question: RingQuestion) -> Advice:
    """What a ring can still carry for clients after its base stations."""
    usable = question.ring_ge * MBIT_OF_GE * settings.ring.usable_percent / 100
    station = question.station_mbit or settings.ring.station_mbit
    used = question.nodes * question.stations_per_node * station
    left = usable - used
    percent = _plain(settings.ring.usable_percent)
    lines = [
        Bilingual(
            f"{question.ring_ge}GE 环按 {percent}% 计，可用 {_ge(usable)}GE。",
            f"A ring of {question.ring_ge}GE counts {percent} %: {_ge(usable)}GE can be used.",
        ),
        Bilingual(
            f"{question.nodes} 个节点 × {question.stations_per_node} 个基站 × {_plain(station)} Mbit/s，"
            f"占用 {_ge(used)}GE。",
            f"{question.nodes} nodes × {question.stations_per_node} base stations × {_plain(station)} Mbit/s use"
            f" {_ge(used)}GE.",
        ),
    ]
    if left > 0:
        lines.append(Bilingual(f"可供客户专线 {_ge(left)}GE。", f"{_ge(left)}GE is left for clients."))
    else:
        lines.append(Bilingual("没有剩余容量供客户专线。", "Nothing is left for clients."))
    if question.asked_mbit > 0:
        asked = _plain(question.asked_mbit)
        lines.append(Bilingual(f"本次需要 {asked} Mbit/s。", f"{asked} Mbit/s are asked for."))
    answer = "room" if left > 0 and left >= question.asked_mbit else "full"
    figures = {"usable_ge": usable / MBIT_OF_GE, "used_ge": used / MBIT_OF_GE, "left_ge": left / MBIT_OF_GE}
    return Advice(answer, RING_ANSWERS[answer], tuple(lines), figures)


def _ge(mbit: Decimal) -> str:
    return _plain(mbit / MBIT_OF_GE)


ADVISORS = (
    Advisor("leased_line", Bilingual("专线接入建议", "Access of a leased line"), AccessQuestion, advise_access),
    Advisor("ring_capacity", Bilingual("传输环容量", "Capacity of a ring"), RingQuestion, advise_ring),
)
