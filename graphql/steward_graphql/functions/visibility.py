"""Why can, or can't, somebody see this: which permission, rule of scope or mask decides about a row or a field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BindParameter, ColumnElement, bindparam, select, true
from sqlalchemy.sql.visitors import replacement_traverse

from steward_core.forms.description import field_by_name
from steward_core.forms.models import FormRecord
from steward_core.industry.registry import forms
from steward_graphql.catalogue.access import SCOPE
from steward_graphql.declared.entities import Batched, Entity, Many, One, Planning, Row, Value, camel
from steward_graphql.declared.scalars import BOOLEAN, ID, STRING, EnumKind
from steward_graphql.declared.shapes import Asked, Function
from steward_graphql.functions.parts import TEXT, argument, part, several, shape, texts
from steward_graphql.schema.describe import head
from steward_tenants.access.explain import RowNotFound, place_of, role_titles
from steward_tenants.access.permissions import ROLES_VIEW, Permission
from steward_tenants.access.queries import actor_of
from steward_tenants.access.row_kinds import PERSON, RowKind, row_kinds
from steward_tenants.access.rules import Decision, Reason, RowPlace, decide, reaches_everything, require, title_of
from steward_tenants.access.symbolic import TENANT, TODAY, Profile, SymbolicSession
from steward_tenants.database.actor import Actor
from steward_tenants.database.session import ReadSession
from steward_tenants.errors import InvalidInput, invalid
from steward_tenants.people.errors import PersonNotFound
from steward_tenants.people.models import User, UserStatus
from steward_tenants.plugins.queries import enabled_plugins
from steward_tenants.texts import Bilingual


class Shown(StrEnum):
    """How the row or field comes out in lists."""

    SHOWN = "shown"
    MASKED = "masked"
    HIDDEN = "hidden"


SHOWN = EnumKind(
    "Shown",
    Bilingual("在列表中的显示方式", "How it comes out in lists"),
    (
        ("shown", Bilingual("可见", "In full")),
        ("masked", Bilingual("脱敏", "Masked")),
        ("hidden", Bilingual("不可见", "Not at all")),
    ),
)


@dataclass(frozen=True)
class Line:
    """One reason. `about`: what it decides on (`type`, `row`, `field`)."""

    about: str
    reason: Reason


@dataclass(frozen=True)
class Visibility:
    """The answer: how it is shown, whether a masked value may be revealed, and why."""

    type: str
    field: str | None
    shown: Shown
    may_reveal: bool
    reasons: tuple[Line, ...]

    @property
    def allowed(self) -> bool:
        """Whether the row, and with a field that field, is seen at all."""
        return self.shown is not Shown.HIDDEN

    @property
    def text(self) -> Bilingual:
        """The answer in a sentence."""
        if self.shown is Shown.HIDDEN:
            return Bilingual("不可见，原因如下。", "It cannot be seen, for these reasons.")
        if self.shown is Shown.SHOWN:
            return Bilingual("可见，原因如下。", "It can be seen, for these reasons.")
        if self.may_reveal:
            return Bilingual(
                "列表中脱敏显示；可以逐条查看完整内容，查看会被记录。",
                "It is masked in lists; it may be revealed one by one, which is recorded.",
            )
        return Bilingual("脱敏显示，且不能查看完整内容。", "It is masked, and may not be revealed.")


@dataclass(frozen=True)
class _Question:
    """Who is asked about, of which row of which type. `other`: not the caller; `titles`: of the viewer's roles."""

    session: ReadSession
    asked: Asked
    viewer: Actor
    other: bool
    row_id: UUID
    titles: Mapping[UUID, Bilingual]


async def _visibility(
    session: ReadSession,
    asked: Asked,
    *,
    type: str,  # noqa: A002 - the argument's name
    id: UUID,  # noqa: A002
    field: str | None = None,
    person_id: UUID | None = None,
) -> Visibility:
    """About others it takes `roles.view` with the person in scope.

    Raises InvalidInput (type, field), Forbidden, PersonNotFound, RowNotFound.
    """
    entities = await entities_here(session)
    entity, kind = _named(entities, type)
    what = None if entity is None or field is None else _field_of(entity, field)
    if entity is None and field is not None and field not in _masked_names(kind):
        raise invalid("field", "unknown", "没有此字段。", "There is no such field.")
    other = person_id is not None and person_id != session.actor.id
    viewer = await _viewer(session, asked, person_id) if other and person_id is not None else session.actor
    question = _Question(session, asked, viewer, other, id, await role_titles(session, viewer))
    lines: list[Line] = []
    allowed = True
    if entity is not None and (kind is None or entity.reach is not None):
        decision = _held(question, entity.view)
        allowed = decision.allowed
        lines += [Line("type", reason) for reason in decision.reasons]
    row = await _row(question, entity, kind, await _is_of_type(question, entities, entity))
    lines += [Line("row", reason) for reason in row.reasons]
    allowed = allowed and row.allowed
    shown, may_reveal = (Shown.SHOWN if allowed else Shown.HIDDEN), False
    if field is not None:
        decision, masked = await _of_field(question, entities, kind, field, what, seen=allowed)
        lines += [Line("field", reason) for reason in decision.reasons]
        if allowed and masked:
            shown, may_reveal = Shown.MASKED, decision.allowed
        elif allowed and not decision.allowed:
            shown = Shown.HIDDEN
    return Visibility(entity.name if entity else type, field, shown, may_reveal, tuple(lines))


async def entities_here(session: ReadSession) -> Mapping[str, Entity]:
    """The types of this tenant's API by name."""
    # The schema is made of functions too, so it is looked up when it stands.
    from steward_graphql.schema.registry import api_for  # noqa: PLC0415

    entities: Mapping[str, Entity] = api_for(await enabled_plugins(session)).entities
    return entities


def _named(entities: Mapping[str, Entity], name: str) -> tuple[Entity | None, RowKind | None]:
    """The type of this name, or the row kind (`client`) with the type over its table."""
    if name in entities:
        return entities[name], entities[name].kind
    kind = row_kinds.get(name)
    if kind is None:
        raise invalid("type", "unknown", "没有此类型。", "There is no such type.")
    return next((one for one in entities.values() if one.kind is kind), None), kind


def _field_of(entity: Entity, name: str) -> Any:
    """The declared field, by its GraphQL name or the column's."""
    found = entity.by_name.get(name) or entity.by_name.get(camel(name))
    if found is None:
        raise invalid("field", "unknown", "没有此字段。", "There is no such field.")
    return found


def _masked_names(kind: RowKind | None) -> Mapping[str, Any]:
    """The masked fields of a kind under both spellings."""
    fields = {} if kind is None else kind.fields
    return {**fields, **{camel(name): sort for name, sort in fields.items()}}


async def _viewer(session: ReadSession, asked: Asked, person_id: UUID) -> Actor:
    require(session.actor, ROLES_VIEW)
    reach = PERSON.within_reach(session, ROLES_VIEW, asked.today)
    person = await session.find(User, User.id == person_id, reach)
    if person is None:
        raise PersonNotFound
    actor = await actor_of(session, person, asked.today)
    if person.status in (UserStatus.ACTIVE, UserStatus.INVITED):
        return actor
    return replace(actor, grants=())


def _held(question: _Question, permission: Permission | None) -> Decision:
    """Whether the viewer holds a permission at all, whatever rows it reaches."""
    if permission is None:
        text = Bilingual("任何登录者都可以查询该类型。", "Anyone signed in may ask for this type.")
        return Decision(True, (Reason(None, True, text),))
    actor = question.viewer
    if actor.unrestricted or not actor.grants:
        return decide(actor, permission, RowPlace(None, None))
    reasons = []
    for grant in actor.grants:
        held, role = permission.key in grant.permissions, title_of(grant, question.titles)
        text = Bilingual(
            f"角色“{role.zh}”{'含' if held else '不含'}权限“{permission.title.zh}”。",
            f"Role “{role.en}” {'holds' if held else 'lacks'} “{permission.title.en}”.",
        )
        reasons.append(Reason(grant, held, text))
    return Decision(any(reason.allows for reason in reasons), tuple(reasons))


async def _is_of_type(question: _Question, entities: Mapping[str, Entity], entity: Entity | None) -> bool:
    """Whether the row, where there is one, is of this type and not of another over the same table."""
    name = "" if entity is None else entity.name
    siblings = next(
        (one.concrete for one in entities.values() if any(each.entity == name for each in one.concrete)), ()
    )
    if entity is None or not siblings:
        return True
    table: Any = entity.table
    row = Row(table, Planning(SymbolicSession(question.viewer), Profile(question.viewer)))
    place = [each.entity for each in siblings].index(name)
    told = [_filled(question, each.is_it(row)) for each in siblings]
    last = place == len(siblings) - 1
    conditions = [one.is_not(true()) for one in told[:-1]] if last else [told[place]]
    found = await question.session.scalar(
        select(table.id).where(question.session.within(table), table.id == question.row_id, *conditions)
    )
    return found is not None


async def _row(question: _Question, entity: Entity | None, kind: RowKind | None, there: bool) -> Decision:
    if entity is not None and (kind is None or entity.reach is not None):
        return await _reached(question, entity)
    if kind is None:  # pragma: no cover - a type is always one of the two
        raise invalid("type", "unknown", "没有此类型。", "There is no such type.")
    permission = kind.view if entity is None or entity.view is None else entity.view
    place = await _place(question, kind) if there else None
    if place is None and (
        question.other
        or reaches_everything(question.viewer, permission)
        or ROLES_VIEW.key in question.viewer.permissions
    ):
        raise RowNotFound
    return decide(question.viewer, permission, place or RowPlace(None, None), question.titles)


async def _place(question: _Question, kind: RowKind) -> RowPlace | None:
    if not hasattr(kind.table, "id"):
        raise _without_id()
    return await place_of(question.session, kind, question.row_id, question.asked.today)


def _without_id() -> InvalidInput:
    return invalid("type", "no_id", "该类型的记录没有编号。", "Rows of this type have no id.")


async def _reached(question: _Question, entity: Entity) -> Decision:
    """Types with a rule of their own: it is asked for this row, as lists ask it."""
    planning = Planning(SymbolicSession(question.viewer), Profile(question.viewer))
    row = Row(entity.table, planning)
    table: Any = entity.table
    identifier = getattr(table, "id", None)
    if identifier is None:
        raise _without_id()
    conditions = [_filled(question, rule(row)) for rule in (entity.belongs, entity.reach) if rule is not None]
    found = await question.session.scalar(
        select(identifier).where(question.session.within(table), identifier == question.row_id, *conditions).limit(1)
    )
    text = (
        Bilingual("该记录在可见范围内。", "The row is within reach.")
        if found is not None
        else Bilingual(
            f"没有该{head(entity.text)}，或它不在可见范围内。",
            f"There is no such {entity.name}, or it is out of reach.",
        )
    )
    return Decision(found is not None, (Reason(None, found is not None, text),))


def _filled(question: _Question, condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """The condition of a plan with its marks filled in."""
    values = {TENANT: question.session.tenant_id, TODAY: question.asked.today}

    def fill(element: Any, **_: Any) -> Any:
        if isinstance(element, BindParameter) and element.value in (TENANT, TODAY):
            return bindparam(None, values[element.value], type_=element.type)
        return None

    filled: ColumnElement[bool] = replacement_traverse(condition, {}, fill)
    return filled


async def _of_field(
    question: _Question, entities: Mapping[str, Entity], kind: RowKind | None, name: str, what: Any, *, seen: bool
) -> tuple[Decision, bool]:
    """Whether the field is open to the viewer, and whether lists mask it."""
    sort = _masked_names(kind).get(name)
    if sort is not None and kind is not None:
        return await _revealed(question, kind, sort.reveal), True
    if isinstance(what, Value) and what.masked:
        reveal = await _reveal_in_form(question, kind, name) if seen else None
        if reveal is None or kind is None:
            text = Bilingual("该字段始终脱敏显示。", "This field is always masked.")
            return Decision(False, (Reason(None, False, text),)), True
        return await _revealed(question, kind, reveal), True
    if isinstance(what, Value | Batched):
        permission = what.permission if isinstance(what, Value) else None
        if permission is not None:
            return _held(question, permission), False
        text = Bilingual("该字段不脱敏，随记录可见。", "This field is not masked: it is seen with its row.")
        return Decision(True, (Reason(None, True, text),)), False
    return _leads_to(question, entities, what), False


async def _revealed(question: _Question, kind: RowKind, reveal: Permission) -> Decision:
    return decide(question.viewer, reveal, await _place(question, kind) or RowPlace(None, None), question.titles)


async def _reveal_in_form(question: _Question, kind: RowKind | None, name: str) -> Permission | None:
    """What reveals a masked field of a form's record."""
    if kind is None or kind.table is not FormRecord:
        return None
    session = question.session
    key = await session.scalar(
        select(FormRecord.form).where(session.within(FormRecord), FormRecord.id == question.row_id)
    )
    form = forms().get(key or "")
    for field_name, one in {} if form is None else field_by_name(form).items():
        if name in (field_name, camel(field_name)) and one.text is not None and one.text.masked is not None:
            return one.text.masked.reveal
    return None


def _leads_to(question: _Question, entities: Mapping[str, Entity], what: One | Many) -> Decision:
    target = entities[what.target]
    text = Bilingual(
        f"该字段指向“{head(target.text)}”，" + ("随本记录可见。" if what.granted else "其可见范围另行判断。"),
        f"The field leads to {target.name}: "
        + ("seen with this row." if what.granted else "its rows are decided on by themselves."),
    )
    held = _held(question, target.view)
    return Decision(held.allowed, (Reason(None, held.allowed, text), *held.reasons))


REASON = shape(
    "VisibilityReason",
    "可见性的一条原因",
    "One reason of an answer",
    part("about", STRING, "所判断的对象：type、row 或 field", "What it decides on: type, row or field"),
    part("allows", BOOLEAN, "是否允许", "Whether it allows", read=lambda line: line.reason.allows),
    part("roleKey", STRING, "角色标识", "The role's key", nullable=True, read=lambda line: _grant(line, "role_key")),
    part("roleId", ID, "角色编号", "Identifier of the role", nullable=True, read=lambda line: _grant(line, "role_id")),
    part("scope", SCOPE, "数据范围", "Which rows it reaches", nullable=True, read=lambda line: _grant(line, "scope")),
    part(
        "unitId",
        ID,
        "数据范围所指机构",
        "The unit that it means",
        nullable=True,
        read=lambda line: _grant(line, "unit_id"),
    ),
    texts("text", "说明", "What it says", read=lambda line: line.reason.text),
)


def _grant(line: Line, name: str) -> Any:
    grant = line.reason.grant
    value = None if grant is None else getattr(grant, name)
    return value.value if isinstance(value, StrEnum) else value


VISIBILITY = shape(
    "Visibility",
    "为何能（不能）看到",
    "Why something can, or cannot, be seen",
    part("type", STRING, "类型", "The type"),
    part("field", STRING, "字段", "The field", nullable=True),
    part("allowed", BOOLEAN, "是否可见（脱敏也算）", "Whether it is seen at all, masked or not"),
    part("shown", SHOWN, "显示方式", "How it comes out in lists", read=lambda one: one.shown.value),
    part("mayReveal", BOOLEAN, "能否查看脱敏字段的完整内容", "Whether a masked value may be revealed"),
    part("text", TEXT, "结论", "The answer in a sentence"),
    several("reasons", REASON, "原因", "The reasons"),
)

FUNCTIONS = (
    Function(
        "visibility",
        Bilingual(
            "某人为何能（不能）看到某条记录或某个字段", "Why somebody can, or cannot, see a row or a field of it"
        ),
        VISIBILITY,
        _visibility,
        (
            argument("type", STRING, "GraphQL 类型名，例如 Client", "Name of a GraphQL type, as Client", required=True),
            argument("id", ID, "记录编号", "Identifier of the row", required=True),
            argument("field", STRING, "字段名，例如 phone", "Name of a field, as phone"),
            argument("personId", ID, "人员编号，默认本人", "Identifier of the person; none: oneself"),
        ),
        cost=10,
    ),
)
