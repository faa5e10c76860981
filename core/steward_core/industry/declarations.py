"""What an industry plugin declares. Values only: nothing here runs, and nothing here knows HTTP, GraphQL or a queue."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict
from sqlalchemy import ColumnElement, Select

from steward_core.database.context import QueryContext
from steward_core.forms.form import Form
from steward_tenants.texts import Bilingual


class PluginSettings(BaseModel):
    """The base of a plugin's settings. Every figure of its rules is a field with the default of its domain file.

    Fields of type `SecretStr` are encrypted at rest. Titles: `Annotated[…, steward_core.forms.fields.field(zh, en)]`.
    """

    model_config = ConfigDict(extra="forbid", validate_default=True, frozen=True)


@dataclass(frozen=True)
class Kind:
    """A kind of client."""

    key: str
    title: Bilingual


@dataclass(frozen=True)
class Tier:
    """A tier; rank 1 is the most valuable."""

    key: str
    title: Bilingual
    rank: int


@dataclass(frozen=True)
class Trade:
    """A subdivision of clients by trade or form of business."""

    key: str
    title: Bilingual


@dataclass(frozen=True)
class MetricDeclaration:
    """A client fact that the plugin reads. `measure`: its unit; `additive`: may be summed over clients and periods.

    `revenue`: what the client brings in, in fen: it counts for the owner's revenue of a month.
    """

    key: str
    title: Bilingual
    measure: str
    grain: Literal["day", "month", "quarter", "year"] = "month"
    additive: bool = True
    revenue: bool = False


@dataclass(frozen=True)
class Trigger:
    """Something that puts an action into the next plan. `rows` selects `client_id`, `subject_id` (the contact,
    contract or record it is about, or null), `due_on` (date) and `figures` (jsonb: what was found)."""

    key: str
    title: Bilingual
    rows: Callable[[QueryContext], Select[Any]]
    description: Bilingual | None = None


@dataclass(frozen=True)
class Period:
    """Days from `start` until `end` (exclusive) under a name such as `2026-11` or `2026Q4`."""

    name: str
    start: date
    end: date


@dataclass(frozen=True)
class Indicator:
    """A figure for each manager over a period. `rows` selects `owner_id`, `value`, and where it is a rate also
    `numerator` and `denominator`. `measure` is its unit (`%`, `fen`, `clients`).

    `none` is the value of a manager without a row (None: there is no figure). `evidence` selects what lies behind the
    figure of one manager: `kind` and `id` of each row, `client_id`, `day`, `counted` (it is in the numerator) and
    `figures` (jsonb).
    """

    key: str
    title: Bilingual
    measure: str
    rows: Callable[[QueryContext, Period], Select[Any]]
    better: Literal["higher", "lower"] = "higher"
    description: Bilingual | None = None
    none: int | None = None
    evidence: Callable[[QueryContext, Period, UUID], Select[Any]] | None = None


@dataclass(frozen=True)
class Cadence:
    """How often clients are visited, unless the tenant says otherwise. Empty `tiers`: all of them."""

    key: str
    title: Bilingual
    every: int
    unit: Literal["day", "week", "month"]
    tiers: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()


@dataclass(frozen=True)
class Freshness:
    """After how many months a profile must be confirmed again, by tier. Empty `tiers`: all others."""

    tiers: tuple[str, ...]
    basic_months: int
    personal_months: int


@dataclass(frozen=True)
class PromiseDeclaration:
    """A promise (SLA): what starts its clock, how the clock counts, the limit, and when to warn.

    `kept_by` names what keeps it: events of what it is about (`restored`, `form:order:done`), or, with `client:`
    before, of its client (`client:visit_ended`). `since` names the fact of the event whose moment starts the clock,
    such as `received` of a form with the date `received_on`. `setting` names the field of the plugin's settings that
    holds the tenant's own limit.
    """

    key: str
    title: Bilingual
    trigger: str
    clock: Literal["calendar_minutes", "business_minutes", "working_days", "calendar_days"]
    limit: int
    warn_at: int | None = None
    kept_by: tuple[str, ...] = ()
    since: str | None = None
    setting: str | None = None


@dataclass(frozen=True)
class Template:
    """A ready-made ladder, scheme, course or checklist, as data: `kind` says which, `content` is its document."""

    kind: str
    key: str
    title: Bilingual
    content: Mapping[str, Any]


@dataclass(frozen=True)
class Importer:
    """A ready-made mapping for files of a known system: {column heading: field path} for a target such as `client`,
    `contact`, `fact` or `form:<plugin>.<form>`; `options` as in a saved mapping."""

    key: str
    title: Bilingual
    target: str
    columns: Mapping[str, str | None]
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class NavigationItem:
    """An entry of the console's menu; `view` names what it shows (`form:<key>`, `trigger:<key>`, `grading:<key>`)."""

    key: str
    title: Bilingual
    view: str
    place: int = 100


@dataclass(frozen=True)
class Schedule:
    """Recurring work, in the tenant's zone. `task`: `grading:<key>` of a scheme, or a declared task; `rule`: a cron
    line or calendar words (`first working day 02:00`)."""

    key: str
    title: Bilingual
    task: str
    rule: str


@dataclass(frozen=True)
class FieldDescriptor:
    """A computed field that the plugin adds to clients, contacts or users, neutral of any API.

    `expression` gets the context and the owning row's `id` column and answers a scalar SQL expression that keeps to
    the tenant in every table it reads.
    """

    on: Literal["client", "contact", "user"]
    key: str
    title: Bilingual
    type: Literal["text", "integer", "decimal", "money", "date", "datetime", "boolean"]
    expression: Callable[[QueryContext, ColumnElement[UUID]], ColumnElement[Any]]


@dataclass(frozen=True)
class Advice:
    """An explained answer: the recommendation, each line of reasoning, and figures that were computed."""

    answer: str
    title: Bilingual
    lines: tuple[Bilingual, ...]
    figures: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Advisor:
    """A rule that people ask: `question` is a Pydantic model, `answer` a pure function of settings and question.

    `rule_version` rises with every change of what is answered; functions of versions before stay in `past_answers`, so
    that answers that were kept can be replayed.
    """

    key: str
    title: Bilingual
    question: type[BaseModel]
    answer: Callable[[Any, Any], Advice]
    rule_version: int = 1
    past_answers: Mapping[int, Callable[[Any, Any], Advice]] = field(default_factory=dict)


@dataclass(frozen=True)
class Graded:
    """One client's result. `document` are the form's fields (the inputs among them), `score`, `star`, `grade` and
    `rank` the decision (rank 1 is the best), `tier` the client tier that it binds, `lines` the explanation."""

    document: Mapping[str, Any]
    score: int
    star: int
    grade: int
    rank: int
    tier: str | None
    lines: tuple[Bilingual, ...]


@dataclass(frozen=True)
class GradingScheme:
    """A way of grading all clients of some kinds in a unit for a period.

    `policy` takes the settings and answers the figures in force (JSON values, stored with the grading). `inputs`
    selects one row for each client: `client_id` and the named inputs, for the period. `decide` is pure and sees all
    clients at once: (policy, inputs in any order) → one `Graded` for each input, in the order given. `period_of`
    answers the period that a day lies in, by the settings. Old `decide` functions stay in `past_rules`.
    """

    key: str
    title: Bilingual
    form: type[Form]
    kinds: tuple[str, ...]
    rule_version: int
    policy: Callable[[Any], Mapping[str, Any]]
    inputs: Callable[[QueryContext, Period], Select[Any]]
    decide: Callable[[Mapping[str, Any], Sequence[Mapping[str, Any]]], Sequence[Graded]]
    period_of: Callable[[Any, date], Period]
    past_rules: Mapping[int, Callable[[Mapping[str, Any], Sequence[Mapping[str, Any]]], Sequence[Graded]]] = field(
        default_factory=dict
    )


@dataclass(frozen=True)
class DemoWorld:
    """What demo data may build on: the day, the codes of the demo company's units, and its managers' logins."""

    today: date
    units: tuple[str, ...]
    managers: tuple[str, ...]


DemoData = Mapping[str, Sequence[Mapping[str, Any]]]
"""Rows by import target, in the order in which they are to be taken in; values as an import would read them."""


@dataclass(frozen=True)
class Industry:
    """Everything that a plugin declares. `key` is also the prefix of its forms, triggers, indicators and schemes.

    `requires` and `conflicts` name other plugins by key.
    """

    key: str
    title: Bilingual
    version: str
    description: Bilingual
    settings: type[PluginSettings] = PluginSettings
    kinds: tuple[Kind, ...] = ()
    tiers: tuple[Tier, ...] = ()
    trades: tuple[Trade, ...] = ()
    metrics: tuple[MetricDeclaration, ...] = ()
    forms: tuple[type[Form], ...] = ()
    triggers: tuple[Trigger, ...] = ()
    indicators: tuple[Indicator, ...] = ()
    cadences: tuple[Cadence, ...] = ()
    freshness: tuple[Freshness, ...] = ()
    promises: tuple[PromiseDeclaration, ...] = ()
    templates: tuple[Template, ...] = ()
    importers: tuple[Importer, ...] = ()
    navigation: tuple[NavigationItem, ...] = ()
    schedules: tuple[Schedule, ...] = ()
    fields: tuple[FieldDescriptor, ...] = ()
    advisors: tuple[Advisor, ...] = ()
    gradings: tuple[GradingScheme, ...] = ()
    requires: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    demo: Callable[[DemoWorld], DemoData] | None = None
