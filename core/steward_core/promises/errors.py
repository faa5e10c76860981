"""Errors of promises and service requests."""

from __future__ import annotations

from steward_tenants.errors import Conflict, NotFound
from steward_tenants.texts import Bilingual


class RequestNotFound(NotFound):
    """No such request, or outside the actor's scope."""

    code = "request_not_found"
    message = Bilingual("找不到该服务请求。", "No such service request.")


class LegNotFound(NotFound):
    """No such leg, or outside the actor's scope."""

    code = "leg_not_found"
    message = Bilingual("找不到该服务环节。", "No such leg of a service request.")


class ClockNotFound(NotFound):
    """No such clock, or outside the actor's scope."""

    code = "clock_not_found"
    message = Bilingual("找不到该承诺。", "No such promise under way.")


class DefinitionNotFound(NotFound):
    """Neither a plugin nor the tenant knows a promise or follow-up of this key."""

    code = "promise_not_found"
    message = Bilingual("没有承诺或跟进规则“{key}”。", "There is no promise or follow-up “{key}”.")
    remedy = Bilingual("请从规则列表中选择。", "Choose one from the list of definitions.")


class RequestMoveRefused(Conflict):
    """What a person wants to do about a request does not fit where it stands."""

    code = "request_move_refused"
    message = Bilingual("请求状态为“{status}”，不能“{act}”。", "The request is “{status}”: it cannot be “{act}”.")
    remedy = Bilingual("此时可以：{possible}。", "Possible now: {possible}.")


class LegsOpen(Conflict):
    """A request with open legs is not answered or closed."""

    code = "request_legs_open"
    message = Bilingual("还有 {count} 个环节未完成。", "{count} leg(s) are not done yet.")
    remedy = Bilingual("请先完成或取消这些环节。", "Finish or cancel them first.")


class LegOver(Conflict):
    """A leg that is done or cancelled stays so."""

    code = "request_leg_over"
    message = Bilingual("该环节已“{status}”。", "The leg is “{status}” already.")
    remedy = Bilingual("需要继续办理时，请增加一个环节。", "Add another leg if there is more to do.")


class RequestChanged(Conflict):
    """Somebody else changed the request first."""

    code = "request_changed"
    message = Bilingual("该服务请求已被他人修改。", "The service request was changed by someone else.")


class ClockOver(Conflict):
    """A clock that has ended stays as it is: it is evidence."""

    code = "clock_over"
    message = Bilingual("该承诺已经结束。", "The promise has ended already.")
    remedy = Bilingual("无需再处理。", "There is nothing left to do about it.")


class DefinitionChanged(Conflict):
    """Somebody else changed the definition first."""

    code = "promise_changed"
    message = Bilingual(
        "规则“{key}”已被他人修改（第 {number} 版）。", "“{key}” was changed meanwhile (version {number})."
    )
