"""A service request, its legs and its clocks as docs/promises.md tells of them, minute by minute; nothing of it is taken
from the rules under test."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, time, timedelta

from tests.core.promises.office import ZONE

MINUTE = timedelta(minutes=1)
BEGINS, ENDS = time(8, 45), time(17, 30)
GOING_ON = ("open", "waiting", "answered", "confirmed")
WAY: dict[str, dict[str, str]] = {
    "note": {one: one for one in (*GOING_ON, "closed", "cancelled")},
    "respond": {"open": "open", "waiting": "waiting"},
    "milestone": {"open": "open", "waiting": "waiting"},
    "add leg": {"open": "open", "waiting": "waiting"},
    "transfer": {one: one for one in GOING_ON},
    "wait": {"open": "waiting"},
    "resume": {"waiting": "open"},
    "answer": {"open": "answered", "waiting": "answered"},
    "confirm": {"answered": "confirmed"},
    "close": {"answered": "closed", "confirmed": "closed"},
    "reopen": {"answered": "open", "confirmed": "open", "closed": "open"},
    "cancel": {"open": "cancelled", "waiting": "cancelled"},
}
LEG_ACTS = ("finish", "cancel", "wait", "resume", "transfer")
WORD, ROUND, DAY, LEG = "own.first_word", "own.round", "own.day", "core.request_leg"
LIMITS: dict[str, tuple[int, bool]] = {WORD: (90, True), ROUND: (600, True), DAY: (700, False), LEG: (60, True)}
"""Minutes of each promise, and whether only those of business hours count."""
KEPT_BY = {WORD: {"respond", "answer"}, ROUND: {"confirm", "close"}, DAY: {"milestone", "close"}}


def worked(moment: datetime) -> bool:
    """Whether the minute that begins now is one of business hours; November 2026 has no holidays."""
    here = moment.astimezone(ZONE)
    return here.weekday() < 5 and BEGINS <= here.time() < ENDS


@dataclass
class ModelClock:
    """A promise under way: the minutes that counted; `due` and `near` when they reached its limit and its warning; `how` it
    ended."""

    promise: str
    subject: int | None
    occurrence: int
    counted: int = 0
    due: datetime | None = None
    near: datetime | None = None
    paused_at: datetime | None = None
    ended: datetime | None = None
    how: str | None = None

    @property
    def limit(self) -> int:
        return LIMITS[self.promise][0]

    def pause(self, now: datetime) -> None:
        """One that has reached its limit goes on."""
        if self.ended is None and self.paused_at is None and self.due is None:
            self.paused_at = now

    def end(self, now: datetime, how: str | None = None) -> None:
        if self.ended is None:
            self.ended, self.paused_at = now, None
            self.how = how or ("late" if self.due is not None and now > self.due else "kept")

    def minute(self, begins: datetime) -> None:
        business = LIMITS[self.promise][1]
        if self.ended is None and self.paused_at is None and self.due is None and (not business or worked(begins)):
            self.counted += 1
            if self.promise == WORD and self.counted * 2 == self.limit:
                self.near = begins + MINUTE
            if self.counted == self.limit:
                self.due = begins + MINUTE

    def states(self, now: datetime) -> set[str]:
        """What may be stored of it. The watcher looks once a moment has passed, so that at the very moment of the warning
        only a clock that something else touched is warned."""
        if self.how is not None:
            return {self.how}
        if self.due is not None and now > self.due:
            return {"breached"}
        if self.paused_at is not None:
            return {"paused"}
        if self.near is None:
            return {"running"}
        return {"warned"} if now > self.near else {"running", "warned"}


@dataclass
class ModelLeg:
    """A leg by its number, with who has it."""

    number: int
    owner: str
    status: str = "open"

    @property
    def over(self) -> bool:
        return self.status in {"done", "cancelled"}


@dataclass
class ModelRequest:
    """A request and all that runs about it."""

    now: datetime
    owner: str = "anna"
    status: str = "open"
    reopened: int = 0
    legs: list[ModelLeg] = field(default_factory=list)
    clocks: list[ModelClock] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._start()

    def _start(self) -> None:
        self.clocks += [ModelClock(promise, None, self.reopened + 1) for promise in KEPT_BY]

    def of(self, subject: int | None) -> list[ModelClock]:
        return [one for one in self.clocks if one.subject == subject and one.ended is None]

    def pass_minutes(self, minutes: int) -> None:
        for _ in range(minutes):
            for one in self.clocks:
                one.minute(self.now)
            self.now += MINUTE

    def refusal(self, act: str) -> str | None:
        """Why this cannot be done now."""
        if self.status not in WAY[act]:
            return "request_move_refused"
        return "request_legs_open" if act in {"answer", "close"} and not all(one.over for one in self.legs) else None

    def act(self, act: str, other: str = "") -> str | None:
        """Do it, or say why not."""
        refused = self.refusal(act)
        if refused is not None:
            return refused
        waited, self.status = self.status == "waiting", WAY[act][self.status]
        for one in self.of(None):
            if act in KEPT_BY[one.promise] or act in {"close", "cancel"}:
                one.end(self.now, "cancelled" if act == "cancel" else None)
        if waited and self.status != "waiting":
            self._go_on()
        if act == "wait":
            for one in [*self.of(None), *(clock for leg in self._at_work() for clock in self.of(leg.number))]:
                one.pause(self.now)
        elif act == "cancel":
            for leg in self.legs:
                self._leg_over(leg, "cancelled")
        elif act == "reopen":
            self.reopened += 1
            self._start()
        elif act == "transfer":
            self.owner = other
        elif act == "add leg":
            self.legs.append(ModelLeg(len(self.legs) + 1, other))
            self.clocks.append(ModelClock(LEG, len(self.legs), 1))
            if self.status == "waiting":
                self.clocks[-1].pause(self.now)
        return None

    def leg_act(self, leg: ModelLeg, act: str, other: str = "") -> str | None:
        """Do something about a leg, or say why not."""
        if leg.over:
            return "request_leg_over"
        if act == "transfer":
            leg.owner = other
        elif act in {"finish", "cancel"}:
            self._leg_over(leg, "done" if act == "finish" else "cancelled")
        elif act == "wait":
            leg.status = "waiting"
            for one in self.of(leg.number):
                one.pause(self.now)
        else:
            leg.status = "open"
            for one in self.of(leg.number) if self.status != "waiting" else []:
                one.paused_at = None
        return None

    def _at_work(self) -> list[ModelLeg]:
        return [one for one in self.legs if one.status == "open"]

    def _go_on(self) -> None:
        """A leg that waits by itself goes on waiting."""
        for one in [*self.of(None), *(clock for leg in self._at_work() for clock in self.of(leg.number))]:
            one.paused_at = None

    def _leg_over(self, leg: ModelLeg, status: str) -> None:
        if not leg.over:
            leg.status = status
            for one in self.of(leg.number):
                one.end(self.now, "cancelled" if status == "cancelled" else None)
