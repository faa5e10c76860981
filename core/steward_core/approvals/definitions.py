"""Definitions of approvals as versioned data of a tenant: steps, who decides in them, and what happens meanwhile."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from steward_core.approvals.conditions import Condition, FieldKind, Value, holds, problems_of_condition
from steward_core.approvals.errors import DefinitionNotFound, DefinitionRefused
from steward_core.forms.fields import Choice
from steward_core.forms.problems import problems_of
from steward_tenants.errors import FieldProblem
from steward_tenants.texts import Bilingual

Key = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
Minutes = Annotated[int, Field(ge=1, le=525_600)]


class StepKind(Choice):
    """How the people of a step decide."""

    SEQUENCE = "sequence", "依次审批", "One after another"
    ALL = "all", "会签", "All of them"
    ANY = "any", "或签", "Whoever is first"
    N_OF_M = "n_of_m", "多人中若干人同意", "Some of them"


class EmptyRule(Choice):
    """What happens where nobody may decide: the place is left out, an administrator decides, or nothing starts."""

    SKIP = "skip", "跳过", "Leave out"
    TO_ADMIN = "to_admin", "转管理员", "An administrator decides"
    REFUSE = "refuse", "不予发起", "Refuse"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class NamedUser(_Part):
    """One person by name."""

    by: Literal["user"]
    user: UUID


class RoleInUnit(_Part):
    """Everyone with a role in a unit; None: the unit of the subject."""

    by: Literal["role"]
    role: Key
    unit: UUID | None = None


class OwnersSupervisor(_Part):
    """The supervisor of the subject's owner."""

    by: Literal["supervisor"]


class UnitLead(_Part):
    """The lead of the unit that lies so many levels above the subject's own (0: the lead of its own unit)."""

    by: Literal["unit_lead"]
    levels_up: Annotated[int, Field(ge=0, le=20)]


Selector = Annotated[NamedUser | RoleInUnit | OwnersSupervisor | UnitLead, Field(discriminator="by")]


class Step(_Part):
    """One step. `need`: how many yes, only where some of several decide. `when`: the step takes place only for subjects
    that meet it. Reminders and the end count minutes from when the step opened."""

    key: Key
    title: Bilingual
    kind: StepKind
    approvers: Annotated[tuple[Selector, ...], Field(max_length=50)]
    need: int | None = None
    empty: EmptyRule = EmptyRule.REFUSE
    when: Condition | None = None
    remind_after: Annotated[tuple[Minutes, ...], Field(max_length=20)] = ()
    expires_after: Minutes | None = None


class Definition(_Part):
    """How subjects of a kind are approved; `when`: only those that meet it. Raises DefinitionRefused where it does not
    hold together."""

    key: Key
    version: Annotated[int, Field(ge=1)]
    subject: Key
    title: Bilingual
    steps: Annotated[tuple[Step, ...], Field(max_length=30)]
    when: Condition | None = None

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        if problems := list(_problems_of_steps(self.steps)):
            raise DefinitionRefused(problems=problems)
        return self

    def step(self, key: str) -> Step:
        """The step with this key."""
        return next(step for step in self.steps if step.key == key)


def read_definition(document: Mapping[str, Any], fields: Mapping[str, FieldKind]) -> Definition:
    """The definition of a document, for a subject that declares `fields`.

    Raises DefinitionRefused naming every step and field that is wrong.
    """
    try:
        definition = Definition.model_validate(document)
    except ValidationError as error:
        raise DefinitionRefused(problems=problems_of(error)) from None
    conditions: list[tuple[tuple[str, ...], Condition | None]] = [(("when",), definition.when)]
    conditions += [(("steps", str(number), "when"), step.when) for number, step in enumerate(definition.steps)]
    problems = [
        problem
        for path, condition in conditions
        if condition is not None
        for problem in problems_of_condition(condition, fields, *path)
    ]
    if problems:
        raise DefinitionRefused(problems=problems)
    return definition


def definition_for(definitions: Sequence[Definition], subject: str, values: Mapping[str, Value]) -> Definition:
    """The first definition, in the tenant's order, that is for a subject with these values.

    Raises DefinitionNotFound, ValueMissing.
    """
    for definition in definitions:
        if definition.subject == subject and holds(definition.when, values):
            return definition
    raise DefinitionNotFound(subject=subject)


def _problems_of_steps(steps: Sequence[Step]) -> Iterator[FieldProblem]:
    if not steps:
        yield FieldProblem(("steps",), "required", Bilingual("至少需要一个步骤。", "At least one step is needed."))
    for key, count in Counter(step.key for step in steps).items():
        if count > 1:
            text = Bilingual(f"步骤标识“{key}”重复。", f"The key {key} is used for several steps.")
            yield FieldProblem(("steps",), "repeated", text)
    for number, step in enumerate(steps):
        yield from _problems_of_step(number, step)


def _problems_of_step(number: int, step: Step) -> Iterator[FieldProblem]:
    def problem(field: str, code: str, zh: str, en: str) -> FieldProblem:
        text = Bilingual(f"第 {number + 1} 步“{step.title.zh}”：{zh}。", f"Step {number + 1} “{step.title.en}”: {en}.")
        return FieldProblem(("steps", str(number), field), code, text)

    if not step.approvers:
        yield problem("approvers", "required", "未设定审批人", "it names nobody")
    if len(set(step.approvers)) < len(step.approvers):
        yield problem("approvers", "repeated", "审批人重复", "it names somebody twice")
    if step.kind is not StepKind.N_OF_M:
        if step.need is not None:
            yield problem("need", "unknown", "只有“若干人同意”可以设定人数", "only “some of them” takes a number")
    elif step.need is None or step.need < 1:
        yield problem("need", "range", "须设定至少 1 人同意", "at least one yes must be needed")
    elif all(isinstance(one, NamedUser) for one in step.approvers) and step.need > len(step.approvers):
        yield problem(
            "need",
            "range",
            f"需要 {step.need} 人同意，但只指定了 {len(step.approvers)} 人",
            f"it needs {step.need} people and names {len(step.approvers)}",
        )
    if any(later <= earlier for earlier, later in pairwise(step.remind_after)):
        yield problem("remind_after", "order", "提醒时间须递增", "its reminders must follow each other")
    if step.expires_after is not None and step.remind_after and step.remind_after[-1] >= step.expires_after:
        yield problem("expires_after", "order", "到期须晚于最后一次提醒", "it must end after its last reminder")
