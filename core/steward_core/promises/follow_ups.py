"""Follow-up clocks: what must happen next after a visit, a proposal, a fault, a completion, and by when [000#5].

The noon rule: a visit that ended before noon has its proposal sent the same day, by end of work; one that ended at
14:00 or later on the next working day by 11:00; what holds in between is the tenant's. Pure; figures are data.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, time
from typing import Annotated

from pydantic import Field, model_validator

from steward_core.calendars.rules import DAY
from steward_core.calendars.working_time import WorkingTime, utc
from steward_core.forms.fields import Choice, Refused, Text, field
from steward_core.promises.clocks import Part, Span, after
from steward_core.promises.words import moment_words
from steward_core.schedules.zones import wall_at
from steward_tenants.texts import Bilingual

KEY_PATTERN = r"^[a-z][a-z0-9_]{0,62}$"
EventName = Annotated[str, Field(pattern=r"^(client:)?[a-z][a-z0-9_]*(:[a-z][a-z0-9_]*){0,2}$", max_length=127)]
"""What happens, as promises name it: `restored`, `form:order_acceptance:done`; of the client: `client:visit_ended`."""


class Titles(Part):
    """A title in both languages, as data."""

    zh: Annotated[Text, field("中文", "Chinese")]
    en: Annotated[Text, field("英文", "English")]

    @property
    def text(self) -> Bilingual:
        """The title as the product's texts are."""
        return Bilingual(self.zh, self.en)


class ProposalDay(Choice):
    """By when a proposal goes out."""

    SAME_DAY = "same_day", "当天下班前", "the same day, by end of work"
    NEXT_WORKING_DAY = "next_working_day", "下一工作日规定时刻前", "the next working day, by the hour set"


class NoonRule(Part):
    """The noon rule ("12 hours" is only its name). Wall times of the tenant's zone; both borders belong to what
    follows them: noon is no longer before noon, 14:00 is 14:00 or later."""

    noon: Annotated[time, field("中午", "Noon")] = time(12)
    afternoon: Annotated[time, field("下午起", "The afternoon begins")] = time(14)
    between: Annotated[ProposalDay, field("中午至下午之间", "From noon to the afternoon")] = (
        ProposalDay.NEXT_WORKING_DAY
    )
    by: Annotated[time, field("下一工作日时刻", "By, on the next working day")] = time(11)

    @model_validator(mode="after")
    def _in_order(self) -> NoonRule:
        if any(one.tzinfo for one in (self.noon, self.afternoon, self.by)):
            raise Refused("时刻不带时区。", "Times are without a zone.")
        if self.noon > self.afternoon:
            raise Refused("下午不得早于中午。", "The afternoon cannot begin before noon.")
        return self


class FollowUp(Part):
    """A follow-up: what happens (`trigger`), and what must be done by when.

    Either the noon rule or a span says when the first is due; `again` is the span from one that was done to the next,
    until `until` happens (None: for as long as the client is one). `unless_promised` names promises which, where a
    plugin declares them, keep the same clock, so that it does not run twice. `narrowed` must be among the facts of the
    event (None: always); `kept_by` names the events by which it is done.
    """

    key: Annotated[str, Field(pattern=KEY_PATTERN), field("标识", "Key")]
    title: Annotated[Titles, field("名称", "Title")]
    trigger: Annotated[str, Field(pattern=KEY_PATTERN), field("触发", "Trigger")]
    narrowed: Annotated[str | None, Field(pattern=KEY_PATTERN), field("仅限", "Only for")] = None
    noon_rule: Annotated[NoonRule | None, field("中午规则", "Noon rule")] = None
    within: Annotated[Span | None, field("时限", "Within")] = None
    again: Annotated[Span | None, field("再次", "Again after")] = None
    until: Annotated[str | None, Field(pattern=KEY_PATTERN), field("直到", "Until")] = None
    unless_promised: Annotated[tuple[str, ...], field("已有承诺时不用", "Not where this is promised")] = ()
    kept_by: Annotated[tuple[EventName, ...], Field(max_length=20), field("完成标志", "Done by")] = ()

    @model_validator(mode="after")
    def _one_clock(self) -> FollowUp:
        if (self.noon_rule is None) == (self.within is None):
            raise Refused("请填写中午规则或时限之一。", "Give the noon rule or a span, one of the two.")
        if self.until is not None and self.again is None:
            raise Refused("不重复的跟进没有“直到”。", "What is done once has no “until”.")
        return self


class FollowUps(Part):
    """A tenant's follow-ups."""

    rules: Annotated[tuple[FollowUp, ...], Field(max_length=50), field("跟进规则", "Follow-ups")]

    @model_validator(mode="after")
    def _each_once(self) -> FollowUps:
        keys = [rule.key for rule in self.rules]
        if len(keys) != len(set(keys)):
            raise Refused("跟进标识不得重复。", "Each follow-up has a key of its own.")
        return self

    def started_by(
        self, trigger: str, promised: Collection[str] = (), facts: Collection[str] = ()
    ) -> tuple[FollowUp, ...]:
        """The follow-ups that an event starts, without those that a promise (by its key) keeps already."""
        return tuple(
            rule
            for rule in self.rules
            if rule.trigger == trigger
            and not set(rule.unless_promised) & set(promised)
            and (rule.narrowed is None or rule.narrowed in facts)
        )


@dataclass(frozen=True)
class Due:
    """By when a follow-up must be done, and why."""

    at: datetime
    lines: tuple[Bilingual, ...]


def first_due(rule: FollowUp, happened: datetime, working_time: WorkingTime) -> Due:
    """By when a follow-up is due for the first time after its trigger happened. Raises CalendarEnds."""
    if rule.noon_rule is not None:
        return noon_rule_due(rule.noon_rule, happened, working_time)
    assert rule.within is not None
    return _within(rule.within, happened, working_time)


def next_due(rule: FollowUp, done: datetime, working_time: WorkingTime, happened: Collection[str] = ()) -> Due | None:
    """By when it is due again after it was done; None when it is done once, or when what ends it is among `happened`.
    Raises CalendarEnds."""
    if rule.again is None or (rule.until is not None and rule.until in happened):
        return None
    return _within(rule.again, done, working_time)


def noon_rule_due(rule: NoonRule, ended: datetime, working_time: WorkingTime) -> Due:
    """By when the proposal goes out after a visit that ended at `ended` [000#5].

    On a day that is not worked, and after the end of work, nothing is left of the same day: the next working day's
    hour holds. Raises CalendarEnds.
    """
    wall = wall_at(utc(ended), working_time.zone)
    at, said = wall.time(), moment_words(ended, working_time)
    if at < rule.noon:
        part, asked = Bilingual("中午 {noon} 前", "before {noon}"), ProposalDay.SAME_DAY
    elif at < rule.afternoon:
        part, asked = Bilingual("{noon} 至 {afternoon} 之间", "between {noon} and {afternoon}"), rule.between
    else:
        part, asked = Bilingual("{afternoon} 及以后", "at {afternoon} or later"), ProposalDay.NEXT_WORKING_DAY
    part = part.fill(noon=f"{rule.noon:%H:%M}", afternoon=f"{rule.afternoon:%H:%M}")
    lines = [Bilingual("走访于 {at} 结束（{part}）", "The visit ended {at} ({part})").fill(at=said, part=part)]
    shift = working_time.shift(wall.date())
    if asked is ProposalDay.SAME_DAY and (shift is None or shift[1] <= utc(ended)):
        asked = ProposalDay.NEXT_WORKING_DAY
        lines.append(Bilingual("当天休息或已下班，顺延", "That day is off or its work was over: the next working day"))
    if asked is ProposalDay.SAME_DAY:
        due = working_time.end_of_work(wall.date())
        text = Bilingual("方案须当天下班前（{due}）送达", "The proposal goes out the same day, by end of work ({due})")
    else:
        due = working_time.at(working_time.working_day_from(wall.date() + DAY), rule.by)
        text = Bilingual("方案须于下一工作日 {due} 前送达", "The proposal goes out on the next working day, by {due}")
    lines.append(text.fill(due=moment_words(due, working_time)))
    return Due(due, tuple(lines))


def _within(span: Span, moment: datetime, working_time: WorkingTime) -> Due:
    due = after(span, moment, working_time)
    line = Bilingual("自 {at} 起 {span} 内：{due} 前", "Within {span} of {at}: by {due}").fill(
        at=moment_words(moment, working_time), span=span.words, due=moment_words(due, working_time)
    )
    return Due(due, (line,))
