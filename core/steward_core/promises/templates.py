"""Promises as a tenant's data, made from what plugins declare; the follow-ups and escalation that all start with.

A plugin declares the figures of its promises once; here they become clocks. What is a figure can be changed by the
tenant: the documents are read back with `read`, which names each field that is refused.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Annotated, Any, TypeVar

from pydantic import Field, ValidationError

from steward_core.forms.fields import field
from steward_core.forms.problems import problems_of
from steward_core.industry.declarations import PromiseDeclaration
from steward_core.promises.clocks import Clock, Part, Span, Unit, WarningPoint
from steward_core.promises.escalation import Act, Escalation, Step, Told
from steward_core.promises.follow_ups import KEY_PATTERN, EventName, FollowUp, FollowUps, NoonRule, Titles
from steward_tenants.errors import InvalidInput

P = TypeVar("P", bound=Part)
FORM = "form"

ESCALATION = Escalation(
    steps=(
        Step(key="breached", act=Act.TELL, tell=(Told.OWNER, Told.SUPERVISOR)),
        Step(
            key="warned",
            after=Span(count=3, unit=Unit.CALENDAR_DAYS),
            act=Act.WARNING,
            tell=(Told.OWNER, Told.SUPERVISOR),
        ),
    )
)
"""Overdue by more than 3 days: a warning to the owner. The penalty beyond is unset until a tenant sets it [000#4]."""
REMINDER = Escalation(steps=(Step(key="due", act=Act.TELL, tell=(Told.OWNER,)),))
"""What becomes of a follow-up that is due and not done: its owner is told."""

FOLLOW_UPS = FollowUps(
    rules=(
        FollowUp(
            key="proposal",
            title=Titles(zh="送达方案", en="Send the proposal"),
            trigger="visit_ended",
            noon_rule=NoonRule(),
            kept_by=("proposal_sent", "client:proposal_sent"),
        ),
        FollowUp(
            key="client_view",
            title=Titles(zh="回访客户对方案的意见", en="Call for the client's view of the proposal"),
            trigger="proposal_sent",
            within=Span(count=2, unit=Unit.CALENDAR_DAYS),
            again=Span(count=7, unit=Unit.CALENDAR_DAYS),
            until="client_answered",
            kept_by=("client_asked", "client:visit_ended"),
        ),
        FollowUp(
            key="engineering",
            title=Titles(zh="联系工程部门", en="Contact engineering"),
            trigger="fault_reported",
            within=Span(count=10, unit=Unit.CALENDAR_MINUTES),
            unless_promised=("fault_engineering",),
            kept_by=("engineering_contacted", "arrived", "restored", "answered"),
        ),
        FollowUp(
            key="completion_visit",
            title=Titles(zh="完工后回访", en="Visit after completion"),
            trigger="order_completed",
            within=Span(count=7, unit=Unit.CALENDAR_DAYS),
            again=Span(count=1, unit=Unit.CALENDAR_MONTHS),
            unless_promised=("first_visit",),
            kept_by=("client:visit_ended",),
        ),
    )
)
"""The follow-up clocks of [000#5]: the noon rule, a call 2 days after the proposal and weekly until the client
answers, engineering within 10 minutes, a visit one week after completion and then monthly."""


class Promise(Part):
    """A promise of a tenant (SLA): what starts it, its clock, who is told, and what follows when it is broken.

    `narrowed` must be among the facts of the event for the promise to start (None: always); it then stands
    `instead_of` the more general promise of that key. Keys carry their plugin's: `telecom.fault_solved`. `kept_by`
    names the events that keep it: of what it is about, or with `client:` before of its client. `since` names the fact
    of the event whose moment starts the clock (None, or without a moment: the event's own).
    """

    key: Annotated[str, Field(min_length=1, max_length=127), field("标识", "Key")]
    title: Annotated[Titles, field("名称", "Title")]
    trigger: Annotated[str, Field(min_length=1, max_length=127), field("触发", "Trigger")]
    narrowed: Annotated[str | None, field("仅限", "Only for")] = None
    instead_of: Annotated[str | None, field("代替", "Instead of")] = None
    since: Annotated[str | None, Field(pattern=KEY_PATTERN), field("起算", "Counted from")] = None
    clock: Annotated[Clock, field("计时", "Clock")]
    kept_by: Annotated[tuple[EventName, ...], Field(max_length=20), field("履行标志", "Kept by")] = ()
    warned: Annotated[tuple[Told, ...], Field(min_length=1), field("预警通知", "Told when it warns")] = (Told.OWNER,)
    escalation: Annotated[Escalation, field("升级", "Escalation")] = ESCALATION


def read(model: type[P], document: Any) -> P:
    """What a tenant set, from its JSON document. Raises InvalidInput, which names each field and what it takes."""
    try:
        return model.model_validate(document)
    except ValidationError as error:
        raise InvalidInput(problems=problems_of(error, model)) from None


def clock_of(declared: PromiseDeclaration, limit: int | None = None) -> Clock:
    """The clock of a declared promise; with a `limit` of the tenant's own its warning keeps its share.
    Raises InvalidInput when such a limit cannot be."""
    count, warn_at = declared.limit, declared.warn_at
    if limit is not None and warn_at is not None:
        warn_at = max(1, warn_at * limit // count)
    warning = None if warn_at is None else {"after": warn_at}
    given = {"count": count if limit is None else limit, "unit": declared.clock}
    return read(Clock, {"limit": given, "warning": warning})


def promises_of(
    plugin: str, declared: Sequence[PromiseDeclaration], limits: Mapping[str, int] | None = None
) -> tuple[Promise, ...]:
    """What a plugin declares as a tenant's promises; `limits` are the tenant's own, by the declaration's key."""
    given = limits or {}
    triggers = {one.key: _parted(one.trigger) for one in declared}
    made = []
    for one in declared:
        trigger, narrowed = triggers[one.key]
        general = one.key.removesuffix(f"_{narrowed}")
        # `fault_solved_internet_cafe` on `fault_reported:internet_cafe` narrows `fault_solved` on `fault_reported`.
        narrows = narrowed is not None and general != one.key and triggers.get(general) == (trigger, None)
        made.append(
            Promise(
                key=f"{plugin}.{one.key}",
                title=Titles(zh=one.title.zh, en=one.title.en),
                trigger=trigger,
                narrowed=narrowed,
                instead_of=f"{plugin}.{general}" if narrows else None,
                clock=clock_of(one, given.get(one.key)),
                since=one.since,
                kept_by=one.kept_by,
            )
        )
    return tuple(made)


def started_by(promises: Iterable[Promise], trigger: str, facts: Collection[str] = ()) -> tuple[Promise, ...]:
    """The promises that an event starts. `facts` are what is known of it, such as `internet_cafe` or `urgent`."""
    meant = [one for one in promises if one.trigger == trigger and (one.narrowed is None or one.narrowed in facts)]
    replaced = {one.instead_of for one in meant}
    return tuple(one for one in meant if one.key not in replaced)


def _parted(trigger: str) -> tuple[str, str | None]:
    """What happens, and what narrows it: `fault_reported:internet_cafe`, `form:competitor_report:urgent`."""
    parts = trigger.split(":")
    whole = 2 if parts[0] == FORM else 1
    return ":".join(parts[:whole]), ":".join(parts[whole:]) or None


LEG_PROMISE = Promise(
    key="core.request_leg",
    title=Titles(zh="服务环节办理", en="Leg of a service request"),
    trigger="leg_opened",
    clock=Clock(limit=Span(count=2, unit=Unit.WORKING_DAYS), warning=WarningPoint(after=2)),
    kept_by=("leg_done",),
)
"""Each leg of a one-stop request has a clock of its own 一站通 [004]; its figure is the tenant's to set."""
CORE_PROMISES = (LEG_PROMISE,)
"""What every tenant starts with, whatever plugins are on."""
