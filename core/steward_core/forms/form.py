"""A form is one Pydantic model: validation, JSON Schema, typed GraphQL, import columns, Excel template and audit
differences all come from it.

    class CompetitorReport(Form):
        about = FormInfo("competitor_report", Bilingual("竞争信息", "Competitor report"), SubjectKind.CLIENT)
        competitor: Annotated[Text, field("竞争对手", "Competitor", filterable=True)]
        urgent: Annotated[bool, field("是否紧急", "Urgent")] = False
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from steward_tenants.texts import Bilingual


class SubjectKind(StrEnum):
    """What a record is about. A `unit` record is about an area, a `visit` record about one visit to its client."""

    CLIENT = "client"
    CONTACT = "contact"
    USER = "user"
    UNIT = "unit"
    VISIT = "visit"


class Several(StrEnum):
    """How many records a subject may have: one, one for each period, one for each value of a field, or many."""

    ONE = "one"
    PERIOD = "period"
    FIELD = "field"
    MANY = "many"


@dataclass(frozen=True)
class State:
    """A state of a record. `counts`: triggers and indicators read it; `editable`: its fields may be changed."""

    key: str
    title: Bilingual
    counts: bool = True
    editable: bool = True


@dataclass(frozen=True)
class Move:
    """A way from one state to another, by name (`submit`). `reason`: it must be given. `approval`: decided by somebody
    else than who filled the form in."""

    key: str
    title: Bilingual
    before: str
    after: str
    reason: bool = False
    approval: bool = False


@dataclass(frozen=True)
class StateFlow:
    """The states of a form, the first of which new records take, and the moves between them."""

    states: tuple[State, ...]
    moves: tuple[Move, ...]

    @property
    def initial(self) -> State:
        """The state of a record that is begun."""
        return self.states[0]

    def state(self, key: str) -> State:
        """The state of this key. Raises KeyError."""
        return next(state for state in self.states if state.key == key)


DRAFT = State("draft", Bilingual("草稿", "Draft"), counts=False)
FILED = State("filed", Bilingual("已归档", "Filed"))
SUBMITTED = State("submitted", Bilingual("待审批", "Submitted"), counts=False, editable=False)
APPROVED = State("approved", Bilingual("已批准", "Approved"), editable=False)
REJECTED = State("rejected", Bilingual("已驳回", "Rejected"), counts=False)
WITHDRAWN = State("withdrawn", Bilingual("已撤销", "Withdrawn"), counts=False, editable=False)

SIMPLE = StateFlow(
    (DRAFT, FILED, WITHDRAWN),
    (
        Move("file", Bilingual("归档", "File"), "draft", "filed"),
        Move("withdraw", Bilingual("撤销", "Withdraw"), "filed", "withdrawn", reason=True),
        Move("restore", Bilingual("恢复", "Restore"), "withdrawn", "filed", reason=True),
    ),
)
"""For what its writer alone answers for. A draft may be incomplete; filing validates it whole."""
APPROVAL = StateFlow(
    (DRAFT, SUBMITTED, APPROVED, REJECTED, WITHDRAWN),
    (
        Move("submit", Bilingual("提交", "Submit"), "draft", "submitted"),
        Move("resubmit", Bilingual("重新提交", "Submit again"), "rejected", "submitted"),
        Move("approve", Bilingual("批准", "Approve"), "submitted", "approved", approval=True),
        Move("reject", Bilingual("驳回", "Reject"), "submitted", "rejected", reason=True, approval=True),
        Move("withdraw", Bilingual("撤销", "Withdraw"), "submitted", "withdrawn", reason=True),
    ),
)
"""For what somebody else decides."""

Upgrade = Callable[[dict[str, Any]], dict[str, Any]]


@dataclass(frozen=True)
class FormInfo:
    """What a form is. `key` without the plugin's; `version` rises with every change of the fields' meaning.

    `upgrades` maps an older version to the function that turns its documents into the next version's.
    `slot_field` names the field that `Several.FIELD` goes by; `title_field` the one that names a record in lists.
    `by_people` False: records are made by the platform (a grading), people do not fill them in.
    """

    key: str
    title: Bilingual
    subject: SubjectKind
    several: Several = Several.MANY
    version: int = 1
    flow: StateFlow = SIMPLE
    title_field: str | None = None
    slot_field: str | None = None
    by_people: bool = True
    upgrades: Mapping[int, Upgrade] = field(default_factory=dict)
    description: Bilingual | None = None


class FormPart(BaseModel):
    """The base of what stands inside a form, as one group or in rows (`list[Part]`); its fields are titled too."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True, allow_inf_nan=False, validate_default=True)


class Form(BaseModel):
    """The base of every industry form. Subclasses set `about` and declare titled fields.

    Unknown fields are refused, texts are stripped. What a form says of itself (fields, schema, import columns) is read
    by `steward_core.forms.description`.
    """

    model_config = ConfigDict(
        extra="forbid", str_strip_whitespace=True, allow_inf_nan=False, validate_default=True, use_enum_values=False
    )
    about: ClassVar[FormInfo]
