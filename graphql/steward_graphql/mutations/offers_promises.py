"""Commands on promises and service requests."""

from __future__ import annotations

from steward_core.promises.clocks import Unit
from steward_core.promises.models import PromiseClock, PromiseVersion, RequestLeg, ServiceRequest
from steward_graphql.catalogue.promises import CHANNEL, DEFINITION_KIND, LANE
from steward_graphql.declared.scalars import DATETIME, ID, INT, STRING, enum_of
from steward_graphql.declared.shapes import InputObject
from steward_graphql.mutations.derive import Offer
from steward_graphql.mutations.inputs import part
from steward_graphql.mutations.payloads import Result, row
from steward_tenants.texts import Bilingual

_REQUEST = Bilingual("服务请求", "The service request")
_LEG = Bilingual("服务环节", "The leg")
_CLOCK = Bilingual("承诺计时", "The promise under way")
_REASON = Bilingual("原因", "Why")
_NOTE = Bilingual("说明", "What is to be noted")
_AT = Bilingual("时间，默认现在", "When; now when left out")
_KIND = Bilingual("类别标识", "Key of its kind")
_TITLE = Bilingual("标题", "Its title")
_OWNER = Bilingual("责任人", "Who is responsible")
_UNIT = Bilingual("办理机构", "The unit that does it")
_MOMENT = {"at": DATETIME}
SPAN_UNIT = enum_of(Unit, "PromiseUnit", "计时单位", "How time counts")
SPAN = InputObject(
    "SpanInput",
    Bilingual("时限", "An amount of time"),
    (
        part("count", INT, "数量", "How many", required=True),
        part("unit", SPAN_UNIT, "单位", "How the time counts", required=True),
    ),
)
LEG = InputObject(
    "RequestLegInput",
    Bilingual("服务请求的一个环节", "A leg of a service request"),
    (
        part("kind", STRING, *_KIND, required=True),
        part("title", STRING, *_TITLE, required=True),
        part("unit_id", ID, *_UNIT),
        part("owner_id", ID, "责任人；默认为机构负责人", "Who does it; the unit's lead when left out"),
        part("limit", SPAN, "该环节自己的时限", "A limit of its own"),
    ),
)


def _request() -> tuple[Result, ...]:
    return (row("service_request", ServiceRequest, *_REQUEST),)


def _leg() -> tuple[Result, ...]:
    return (row("request_leg", RequestLeg, *_LEG),)


def _clock() -> tuple[Result, ...]:
    return (row("promise_clock", PromiseClock, *_CLOCK),)


def _version() -> tuple[Result, ...]:
    return (row("promise_version", PromiseVersion, "规定的新版本", "The new version"),)


def promises() -> dict[str, Offer]:
    """What is offered, by command."""
    return {**_requests(), **_legs(), **_definitions()}


def _requests() -> dict[str, Offer]:
    of_request = {"request_id": _REQUEST, "reason": _REASON, "note": _NOTE, "at": _AT}
    return {
        "requests.open": Offer(
            "openServiceRequest",
            _request(),
            Bilingual(
                "未指定责任人时由操作人负责；承诺随即开始计时",
                "whoever acts is responsible unless somebody is named; its promises start at once",
            ),
            kinds={"channel": CHANNEL, "lane": LANE, "legs": LEG, "at": DATETIME},
            texts={
                "kind": _KIND,
                "title": _TITLE,
                "text": Bilingual("内容", "What it says"),
                "owner_id": _OWNER,
                "contact_id": Bilingual("反映人", "The contact who told of it"),
                "visit_id": Bilingual("来自的走访", "The visit on which it was told"),
                "form_record_id": Bilingual("已填写的表单，其承诺已开始", "Its form, whose promises have started"),
                "channel": Bilingual("渠道", "How it came in"),
                "lane": Bilingual("绿色通道", "Its lane of the green channel"),
                "priority": Bilingual("优先", "Whether it goes first"),
                "facts": Bilingual("影响承诺的情况", "What narrows its promises down"),
                "legs": Bilingual("服务环节 一站通", "Its legs"),
                "at": Bilingual("受理时间，默认现在", "When it came in; now when left out"),
            },
        ),
        "requests.note": Offer("noteOnServiceRequest", _request(), texts=of_request),
        "requests.respond": Offer("respondToServiceRequest", _request(), kinds=_MOMENT, texts=of_request),
        "requests.milestone": Offer(
            "reachRequestMilestone",
            _request(),
            kinds=_MOMENT,
            texts={
                **of_request,
                "milestone": Bilingual(
                    "节点：engineering_contacted、arrived、restored，或租户承诺所用的标识",
                    "The milestone: engineering_contacted, arrived, restored, or a key that the tenant's promises name",
                ),
            },
        ),
        "requests.wait": Offer("waitForClient", _request(), texts=of_request),
        "requests.resume": Offer("resumeServiceRequest", _request(), texts=of_request),
        "requests.answer": Offer(
            "answerServiceRequest",
            _request(),
            kinds=_MOMENT,
            texts={**of_request, "answer": Bilingual("答复", "The answer")},
        ),
        "requests.confirm": Offer(
            "confirmServiceRequest",
            _request(),
            kinds=_MOMENT,
            texts={**of_request, "satisfaction": Bilingual("满意度 1–5", "The client's satisfaction, 1 to 5")},
        ),
        "requests.reopen": Offer("reopenServiceRequest", _request(), texts=of_request),
        "requests.close": Offer("closeServiceRequest", _request(), texts=of_request),
        "requests.cancel": Offer("cancelServiceRequest", _request(), texts=of_request),
        "requests.transfer": Offer("transferServiceRequest", _request(), texts={**of_request, "owner_id": _OWNER}),
    }


def _legs() -> dict[str, Offer]:
    of_leg = {"leg_id": _LEG, "reason": _REASON, "note": _NOTE}
    return {
        "requests.leg.add": Offer(
            "addRequestLeg",
            _leg(),
            kinds={"limit": SPAN},
            texts={
                "request_id": _REQUEST,
                "kind": _KIND,
                "title": _TITLE,
                "unit_id": _UNIT,
                "owner_id": _OWNER,
                "limit": Bilingual("该环节自己的时限", "A limit of its own"),
            },
        ),
        "requests.leg.finish": Offer(
            "finishRequestLeg", _leg(), texts={**of_leg, "result": Bilingual("结果", "What came of it")}
        ),
        "requests.leg.cancel": Offer("cancelRequestLeg", _leg(), texts=of_leg),
        "requests.leg.transfer": Offer("transferRequestLeg", _leg(), texts={**of_leg, "owner_id": _OWNER}),
        "requests.leg.wait": Offer("waitWithRequestLeg", _leg(), texts=of_leg),
        "requests.leg.resume": Offer("resumeRequestLeg", _leg(), texts=of_leg),
    }


def _definitions() -> dict[str, Offer]:
    shown = {"expected_number": "number"}
    number = Bilingual("读到的版本号，0 为从未设置", "The version's number as it was read; 0 when none was set")
    of_definition = {
        "kind": Bilingual("承诺或跟进", "A promise or follow-up"),
        "key": Bilingual("标识", "Its key"),
        "expected_number": number,
    }
    of_clock = {"clock_id": _CLOCK, "reason": _REASON, "at": _AT}
    return {
        "promises.set": Offer(
            "setPromise",
            _version(),
            Bilingual("正在计时的不受影响", "what runs already keeps what it started with"),
            shown=shown,
            kinds={"kind": DEFINITION_KIND},
            texts={
                **of_definition,
                "document": Bilingual("完整规定；空为保持不变", "The whole of it; as it was when left out"),
                "active": Bilingual("是否启用", "Whether it starts clocks"),
            },
        ),
        "promises.restore": Offer(
            "restorePromise", _version(), shown=shown, kinds={"kind": DEFINITION_KIND}, texts=of_definition
        ),
        "promises.clock.finish": Offer("finishPromise", _clock(), kinds=_MOMENT, texts=of_clock),
        "promises.clock.cancel": Offer("cancelPromise", _clock(), texts=of_clock),
    }
