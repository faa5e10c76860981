"""What can be exported: for each kind of rows the columns, under the titles by which imports know them, and the
statement that selects them within the actor's reach, sensitive fields masked as on the screen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, or_, select
from sqlalchemy.orm import aliased

from steward_core.clients.fact_rules import MONEY, period_name
from steward_core.clients.models import Client, ClientFact, ClientProduct, Contact, Metric, Product
from steward_core.clients.queries import ClientFilter, conditions_of
from steward_core.clients.row_kinds import CLIENT
from steward_core.clients.rules import CONTACT_ROLES, STATUS_TITLES
from steward_core.forms.declared import ValueType, field_by_name
from steward_core.forms.models import FormRecord
from steward_core.forms.row_kind import records_in_reach
from steward_core.imports.client_fields import CONTACT_PREFIX
from steward_core.imports.facts import PREFIX
from steward_core.imports.fields import ImportField
from steward_core.imports.form_rows import PERIOD, SUBJECTS
from steward_core.imports.hanging import (
    ARREARS_OF_CLIENTS,
    CONTACTS,
    CONTRACTS,
    PRODUCTS,
    USES,
    Hanging,
)
from steward_core.imports.references import kinds_in_use, tiers_in_use
from steward_core.imports.targets import FORM, target_of
from steward_core.imports.work import table_of
from steward_core.industry.dispatcher import enabled_form
from steward_core.permissions import CLIENTS_EXPORT, FACTS_VIEW, FORMS_VIEW
from steward_core.spreadsheets.writers import Column
from steward_tenants.access.permissions import Permission
from steward_tenants.database.session import TenantSession
from steward_tenants.organisation.models import OrgUnit
from steward_tenants.people.models import User

Show = Callable[[Any], Any]
"""A row's value as a spreadsheet writes it."""


@dataclass(frozen=True)
class ExportColumn:
    """One column: the field by which imports know it, and how a selected row shows it. `masked` names the class of
    fields that hides it."""

    field: ImportField
    show: Show

    def as_column(self, locale: str) -> Column:
        """The column of the file."""
        return Column(self.field.title.in_locale(locale), self.field.kind, required=self.field.required)


@dataclass(frozen=True)
class ExportSource:
    """One kind of rows: its statement without order, the columns that a page goes by, and its columns."""

    what: str
    statement: Select[Any]
    order: tuple[ColumnElement[Any], ...]
    columns: tuple[ExportColumn, ...]


@dataclass(frozen=True)
class _Context:
    session: TenantSession
    wanted: ClientFilter
    today: date
    fields: Mapping[str, ImportField]


async def source_of(session: TenantSession, what: str, wanted: ClientFilter, today: date) -> ExportSource:
    """The source of this name: a target of imports. Raises TargetUnknown, FormNotFound, InvalidInput (filters)."""
    target = await target_of(session, what)
    fields = {one.key: one for one in await target.fields(session, ())}
    context = _Context(session, wanted, today, fields)
    if what == "client":
        return await _clients(context)
    if what == "fact":
        return await _facts(context)
    if what.startswith(FORM):
        return await _records(context, what)
    return await _hanging(context, _SPECS[what])


def permissions_for(what: str) -> tuple[Permission, ...]:
    """What exporting needs beside the right to export."""
    return (FACTS_VIEW,) if what == "fact" else (FORMS_VIEW,) if what.startswith(FORM) else ()


_SPECS = {spec.key: spec for spec in (CONTACTS, CONTRACTS, PRODUCTS, USES, ARREARS_OF_CLIENTS)}


def _label(name: str) -> Show:
    return lambda row: getattr(row, name)


def _titled(name: str, titles: Mapping[str, Any]) -> Show:
    """A choice by its Chinese title, where that leads back to it; otherwise by its key."""
    words = [title.zh for title in titles.values()]
    shown = {key: title.zh for key, title in titles.items() if words.count(title.zh) == 1 and title.zh not in titles}
    return lambda row: shown.get(value, value) if (value := getattr(row, name)) is not None else None


def _listed(name: str) -> Show:
    titles = {role: title.zh for role, title in CONTACT_ROLES.items()}
    return lambda row: "、".join(titles.get(role, role) for role in getattr(row, name))


def _custom(key: str) -> Show:
    def show(row: Any) -> Any:
        value = row.custom.get(key)
        return "、".join(map(str, value)) if isinstance(value, list) else value

    return show


async def _inside(context: _Context) -> list[ColumnElement[bool]]:
    """The clients that are exported: filtered, seen, and within the reach of the right to export."""
    return [
        *await conditions_of(context.session, context.wanted, context.today),
        CLIENT.within_reach(context.session, CLIENTS_EXPORT, context.today),
    ]


async def _clients(context: _Context) -> ExportSource:
    session = context.session
    parent, owner, deputy = aliased(Client), aliased(User), aliased(User)
    table = table_of(Client)
    phone = CLIENT.masked_field(session, "phone", context.today).label("phone")
    plain = [column for column in table.c if column.name not in ("tenant_id", "phone")]
    statement = (
        select(
            *plain,
            phone,
            parent.code.label("parent"),
            OrgUnit.code.label("unit"),
            owner.login.label("owner"),
            deputy.login.label("deputy"),
        )
        .select_from(Client)
        .outerjoin(parent, and_(session.within(parent), parent.id == Client.parent_id))
        .outerjoin(OrgUnit, and_(session.within(OrgUnit), OrgUnit.id == Client.unit_id))
        .outerjoin(owner, and_(session.within(owner), owner.id == Client.owner_id))
        .outerjoin(deputy, and_(session.within(deputy), deputy.id == Client.deputy_id))
        .where(*await _inside(context))
    )
    special = {
        "kind": _titled("kind", await kinds_in_use(session)),
        "tier": _titled("tier", await tiers_in_use(session)),
        "status": _titled("status", {one.value: title for one, title in STATUS_TITLES.items()}),
    }
    columns = [
        ExportColumn(one, special.get(key) or (_custom(key[7:]) if key.startswith("custom.") else _label(key)))
        for key, one in context.fields.items()
        if not key.startswith((CONTACT_PREFIX, PREFIX))
    ]
    return ExportSource("client", statement, (Client.id.expression,), tuple(columns))


async def _hanging(context: _Context, spec: Hanging) -> ExportSource:
    session, table = context.session, table_of(spec.table)
    masked = dict(spec.row_kind.fields) if spec.row_kind is not None else {}
    selected: list[Any] = [column for column in table.c if column.name not in ("tenant_id", *masked)]
    if spec.row_kind is not None:
        selected += [spec.row_kind.masked_field(session, name, context.today).label(name) for name in masked]
    statement: Select[Any] = select(*selected).where(session.within(table))
    if spec.client:
        statement = statement.add_columns(Client.code.label("client")).join(
            Client, and_(session.within(Client), Client.id == table.c.client_id)
        )
        statement = statement.where(*await _inside(context))
    if spec.table is ClientProduct:
        statement = statement.add_columns(Product.code.label("product")).join(
            Product, and_(session.within(Product), Product.id == table.c.product_id)
        )
    special = {"roles": _listed("roles")}
    columns = [
        ExportColumn(one, special.get(key) or (_custom(key[7:]) if key.startswith("custom.") else _label(key)))
        for key, one in context.fields.items()
    ]
    return ExportSource(spec.key, statement, (table.c.id,), tuple(columns))


async def _facts(context: _Context) -> ExportSource:
    """The figures in force, one a row."""
    session, fact, later = context.session, ClientFact, aliased(ClientFact)
    followed = (
        select(later.revision)
        .where(
            session.within(later),
            *(getattr(later, name) == getattr(fact, name) for name in ("metric", "period", "client_id", "source")),
            later.revision > fact.revision,
        )
        .exists()
    )
    picked: tuple[Any, ...] = (
        fact.client_id,
        fact.metric,
        fact.period,
        fact.source,
        fact.grain,
        fact.value,
        fact.booked_on,
        Client.code.label("client"),
        Metric.measure,
    )
    statement = (
        select(*picked)
        .join(Client, and_(session.within(Client), Client.id == fact.client_id))
        .join(Metric, and_(session.within(Metric), Metric.key == fact.metric))
        .where(
            session.within(fact),
            ~followed,
            fact.withdrawn.is_(False),
            CLIENT.within_reach(session, FACTS_VIEW, context.today),
            *await _inside(context),
        )
    )
    shows: dict[str, Show] = {
        "client": _label("client"),
        "metric": _label("metric"),
        "period": lambda row: period_name(row.grain, row.period),
        "value": lambda row: _number(row.value.scaleb(-2) if row.measure == MONEY else row.value),
        "booked_on": _label("booked_on"),
        "source": _label("source"),
    }
    columns = tuple(ExportColumn(context.fields[key], show) for key, show in shows.items())
    order = tuple(column.expression for column in (fact.client_id, fact.metric, fact.period, fact.source))
    return ExportSource("fact", statement, order, columns)


def _number(value: Decimal) -> Decimal:
    plain = value.normalize()
    return plain.quantize(Decimal(1)) if plain == plain.to_integral_value() else plain


async def _records(context: _Context, what: str) -> ExportSource:
    session = context.session
    full_key = what.removeprefix(FORM)
    _, form = await enabled_form(session, full_key)
    declared = field_by_name(form)
    classes = {
        one.text.masked.key: one.text.masked
        for one in declared.values()
        if one.text is not None and one.text.masked is not None
    }
    revealed = {
        key: records_in_reach(session, sort.reveal, context.today).label(f"reveals_{key}")
        for key, sort in classes.items()
    }
    table = table_of(FormRecord)
    statement = (
        select(*(column for column in table.c if column.name != "tenant_id"), Client.code.label("client"),
               Contact.name.label("contact"), User.login.label("login"), OrgUnit.code.label("unit"),
               FormRecord.subject_id.label("visit"), *revealed.values())
        .outerjoin(Client, and_(session.within(Client), Client.id == FormRecord.client_id))
        .outerjoin(Contact, and_(session.within(Contact), Contact.id == FormRecord.subject_id))
        .outerjoin(User, and_(session.within(User), User.id == FormRecord.subject_id))
        .outerjoin(OrgUnit, and_(session.within(OrgUnit), OrgUnit.id == FormRecord.subject_id))
        .where(
            session.within(FormRecord),
            FormRecord.form == full_key,
            records_in_reach(session, FORMS_VIEW, context.today),
            records_in_reach(session, CLIENTS_EXPORT, context.today),
        )
    )  # fmt: skip
    if context.wanted != ClientFilter():
        statement = statement.where(or_(FormRecord.client_id.is_(None), and_(*await _inside(context))))
    columns = [ExportColumn(one, _shown(key, one, declared.get(key))) for key, one in context.fields.items()]
    return ExportSource(what, statement, (table.c.id,), tuple(columns))


def _shown(key: str, field: ImportField, declared: Any) -> Show:
    if key in (*SUBJECTS.values(), PERIOD):
        return _label(key)
    if key.startswith("custom."):
        return _custom(key[7:])
    options = {option.value: option.title.zh for option in declared.choices}
    masked = field.masked

    def show(row: Any) -> Any:
        value = row.document.get(key)
        if value is None:
            return None
        if masked is not None and not getattr(row, f"reveals_{masked.key}"):
            return masked.hide(str(value))
        if isinstance(value, list):
            return "、".join(str(options.get(one, one)) for one in value)
        if declared.type in (ValueType.DECIMAL, ValueType.PERCENT):
            return Decimal(str(value))
        if declared.type is ValueType.DATE:
            return date.fromisoformat(value)
        return options.get(value, value) if isinstance(value, str) else value

    return show


def sensitive_among(columns: Sequence[ExportColumn]) -> list[str]:
    """The fields among the columns that are masked unless they are asked for and the actor's scope reveals them."""
    return [column.field.key for column in columns if column.field.masked is not None]
