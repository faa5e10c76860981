"""A clock's row as the course that the rules decide about. The noon rule has no span: its clock is one of calendar
minutes that ends when the rule says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from steward_core.calendars.offices import Offices
from steward_core.calendars.working_time import WorkingTime, utc
from steward_core.promises.clocks import Clock, Course, Pause, Span, Unit
from steward_core.promises.escalation import Escalation
from steward_core.promises.follow_ups import FollowUp, first_due
from steward_core.promises.models import DefinitionKind, PromiseClock
from steward_core.promises.rules import Breach, Standing, breach_of, state_at
from steward_core.promises.templates import REMINDER, Promise, read
from steward_tenants.texts import Bilingual

MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Running:
    """A definition under way, with what it runs by. `lines` stand before those of its clock."""

    what: Promise | FollowUp
    course: Course
    lines: tuple[Bilingual, ...] = ()

    @property
    def escalation(self) -> Escalation:
        """What follows once it is over its limit."""
        return self.what.escalation if isinstance(self.what, Promise) else REMINDER

    @property
    def working_time(self) -> WorkingTime:
        """What it runs by."""
        return self.course.working_time

    def standing(self, now: datetime) -> Standing:
        """Where it stands. Raises CalendarEnds."""
        found = state_at(self.course, now)
        return replace(found, lines=(*self.lines, found.lines[-1])) if self.lines else found

    def breach(self, now: datetime) -> Breach | None:
        """The evidence that it was broken by now. Raises CalendarEnds."""
        found = breach_of(self.course, now)
        return replace(found, lines=(*self.lines, found.lines[-1])) if found and self.lines else found

    def with_pauses(self, pauses: Sequence[Pause]) -> Running:
        """The same with these pauses."""
        return replace(self, course=replace(self.course, pauses=tuple(pauses)))

    def ended_at(self, moment: datetime) -> Running:
        """The same, done at that moment; a pause that lasts ends with it."""
        pauses = tuple(Pause(one.since, one.until or max(moment, one.since)) for one in self.course.pauses)
        return replace(self, course=replace(self.course, ended=moment, pauses=pauses))


def begun(what: Promise | FollowUp, started: datetime, offices: Offices, unit_id: Any) -> Running:
    """A definition that starts now. Raises CalendarEnds."""
    own = offices.of(unit_id)
    if isinstance(what, Promise):
        # A named calendar that was taken away must not keep anything from happening: the unit's own holds.
        working_time = offices.named.get(what.clock.calendar or "", own)
        return Running(what, Course(what.clock, started, working_time))
    if what.within is not None:
        return Running(what, Course(Clock(limit=what.within), started, own))
    due = first_due(what, started, own)
    count = max(1, -(-(due.at - utc(started)) // MINUTE))
    limit = Span(count=count, unit=Unit.CALENDAR_MINUTES)
    return Running(what, Course(Clock(limit=limit), due.at - count * MINUTE, own), due.lines)


def again(what: FollowUp) -> FollowUp | None:
    """What follows once a follow-up was done; None when it is done once."""
    if what.again is None:
        return None
    return what.model_copy(update={"within": what.again, "noon_rule": None})


def running(row: PromiseClock, offices: Offices) -> Running:
    """A clock as it stands in its row. Raises CalendarEnds."""
    found = begun(definition_of(row), row.started_at, offices, row.unit_id)
    pauses = tuple(pauses_of(row))
    return replace(found, course=replace(found.course, pauses=pauses, ended=row.ended_at))


def definition_of(row: PromiseClock) -> Promise | FollowUp:
    """The definition with which a clock started."""
    if row.kind == DefinitionKind.PROMISE:
        return read(Promise, row.definition)
    return read(FollowUp, row.definition)


def pauses_of(row: PromiseClock) -> list[Pause]:
    """A clock's pauses."""
    return [
        Pause(
            datetime.fromisoformat(one["since"]),
            None if one.get("until") is None else datetime.fromisoformat(one["until"]),
        )
        for one in row.pauses
    ]


def lines_of(lines: Sequence[Bilingual]) -> list[dict[str, str]]:
    """Lines as they are stored."""
    return [line._asdict() for line in lines]
