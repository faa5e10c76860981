"""What may be done about a service request and its legs from where they stand, and what an act tells promises. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from steward_core.promises.errors import LegOver, LegsOpen, RequestMoveRefused
from steward_core.promises.models import LegStatus, RequestAct, RequestStatus
from steward_tenants.texts import Bilingual

FAULT = "fault"
_STATUS, _ACT = RequestStatus, RequestAct
_AT_WORK = (_STATUS.OPEN, _STATUS.WAITING)
_GOING_ON = (*_AT_WORK, _STATUS.ANSWERED, _STATUS.CONFIRMED)

MOVES: Mapping[RequestAct, Mapping[RequestStatus, RequestStatus]] = {
    _ACT.NOTED: {status: status for status in _STATUS},
    _ACT.RESPONDED: {status: status for status in _AT_WORK},
    _ACT.MILESTONE: {status: status for status in _AT_WORK},
    _ACT.LEG_ADDED: {status: status for status in _AT_WORK},
    _ACT.TRANSFERRED: {status: status for status in _GOING_ON},
    _ACT.WAITING: {_STATUS.OPEN: _STATUS.WAITING},
    _ACT.RESUMED: {_STATUS.WAITING: _STATUS.OPEN},
    _ACT.ANSWERED: dict.fromkeys(_AT_WORK, _STATUS.ANSWERED),
    _ACT.CONFIRMED: {_STATUS.ANSWERED: _STATUS.CONFIRMED},
    _ACT.CLOSED: dict.fromkeys((_STATUS.ANSWERED, _STATUS.CONFIRMED), _STATUS.CLOSED),
    _ACT.REOPENED: dict.fromkeys((_STATUS.ANSWERED, _STATUS.CONFIRMED, _STATUS.CLOSED), _STATUS.OPEN),
    _ACT.CANCELLED: dict.fromkeys(_AT_WORK, _STATUS.CANCELLED),
}
"""Where each act leads from each status in which it may be done."""
ENDED = frozenset({_STATUS.CLOSED, _STATUS.CANCELLED})
LEGS_DONE_FIRST = frozenset({_ACT.ANSWERED, _ACT.CLOSED})
LEG_OVER = frozenset({LegStatus.DONE, LegStatus.CANCELLED})
MILESTONES: Mapping[str, Bilingual] = {
    "engineering_contacted": Bilingual("已联系工程部门", "Engineering contacted"),
    "arrived": Bilingual("已到场", "Arrived"),
    "restored": Bilingual("已修复", "Restored"),
}
"""What is reached on the way, in its order; each may keep promises."""


def after(status: RequestStatus, act: RequestAct, *, open_legs: int = 0) -> RequestStatus:
    """Where an act leads. Raises RequestMoveRefused, LegsOpen."""
    ways = MOVES[act]
    if status not in ways:
        raise RequestMoveRefused(status=status.title, act=act.title, possible=_named(possible(status)))
    if act in LEGS_DONE_FIRST and open_legs:
        raise LegsOpen(count=open_legs)
    return ways[status]


def possible(status: RequestStatus) -> tuple[RequestAct, ...]:
    """What may be done where a request stands so, in the order of `MOVES`."""
    return tuple(act for act, ways in MOVES.items() if status in ways)


def require_open(status: LegStatus) -> None:
    """A leg is worked on only until it is over. Raises LegOver."""
    if status in LEG_OVER:
        raise LegOver(status=status.title)


def triggers_of(kind: str) -> tuple[str, ...]:
    """What a request of this kind tells promises when it is opened. A complaint or wish is told by requests and by
    plugins' forms of that name alike."""
    if kind == FAULT:
        return ("request_opened", "fault_reported")
    told = (f"{kind}_received",)
    return ("request_opened", *told, "form:service_request") if kind in _BY_FORM else ("request_opened", *told)


_BY_FORM: Collection[str] = frozenset({"complaint", "wish"})


def kept_by(act: RequestAct, milestone: str | None = None) -> tuple[str, ...]:
    """The events by which an act keeps promises."""
    if act is _ACT.MILESTONE:
        return () if milestone is None else (milestone,)
    return _KEPT.get(act, ())


_KEPT: Mapping[RequestAct, tuple[str, ...]] = {
    _ACT.RESPONDED: ("responded",),
    _ACT.ANSWERED: ("answered",),
    _ACT.CONFIRMED: ("confirmed",),
    _ACT.CLOSED: ("closed",),
    _ACT.LEG_DONE: ("leg_done",),
}


VERBS: Mapping[RequestAct, str] = {
    _ACT.NOTED: "note",
    _ACT.RESPONDED: "respond",
    _ACT.MILESTONE: "milestone",
    _ACT.WAITING: "wait",
    _ACT.RESUMED: "resume",
    _ACT.ANSWERED: "answer",
    _ACT.CONFIRMED: "confirm",
    _ACT.REOPENED: "reopen",
    _ACT.CLOSED: "close",
    _ACT.CANCELLED: "cancel",
    _ACT.TRANSFERRED: "transfer",
    _ACT.LEG_DONE: "finish",
    _ACT.LEG_CANCELLED: "cancel",
    _ACT.LEG_TRANSFERRED: "transfer",
}
"""What the command is called that does it: the end of its key, under which it is on record."""


def _named(acts: Collection[RequestAct]) -> Bilingual:
    return Bilingual("、".join(one.title.zh for one in acts), ", ".join(one.title.en for one in acts))
