"""Evaluating what plugins declare as queries: triggers, indicators, computed fields.

A plugin's select stands as a subquery; who may see which client or person is decided around it, so that a plugin can
narrow what is seen and never widen it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Date, Row, Select, bindparam, cast, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.types import Uuid

from steward_core.clients.models import Client, ClientStatus
from steward_core.clients.row_kinds import CLIENT, CONTACT
from steward_core.database.context import QueryContext
from steward_core.industry.containment import Fault, contained
from steward_core.industry.declarations import FieldDescriptor, Indicator, Period, Trigger
from steward_core.industry.enabled import Enabled, enabled
from steward_core.industry.errors import IndicatorNotFound, TriggerNotFound
from steward_core.industry.registry import (
    CORE_INDICATORS,
    CORE_TRIGGERS,
    core_indicators,
    core_settings,
    core_triggers,
    full_key,
)
from steward_core.industry.statements import columns_of, kept_to_the_tenant
from steward_core.permissions import CLIENTS_VIEW
from steward_tenants.access.permissions import Permission
from steward_tenants.access.queries import in_scope, units_below
from steward_tenants.access.row_kinds import PERSON
from steward_tenants.database.session import TenantSession
from steward_tenants.people.models import User

TRIGGER_COLUMNS = ("client_id", "subject_id", "due_on", "figures")
RATE_COLUMNS = ("numerator", "denominator")
ROW_KINDS = {"client": CLIENT, "contact": CONTACT, "user": PERSON}


@dataclass(frozen=True)
class Declared:
    """A trigger or indicator that is on here. `plugin` is a domain's name for the core's own, `settings` then its
    policies."""

    plugin: str
    settings: Any
    what: Any

    @property
    def key(self) -> str:
        """Its full key."""
        return full_key(self.plugin, self.what.key)


@dataclass(frozen=True)
class TriggerRow:
    """Something that is due at a client: since or on which day, about which contact, contract or record, and what was
    found. `trigger` is the full key."""

    trigger: str
    client_id: UUID
    client_name: str
    owner_id: UUID | None
    unit_id: UUID | None
    subject_id: UUID | None
    due_on: date
    figures: Mapping[str, Any]


@dataclass(frozen=True)
class TriggerFound:
    """The rows of one or more triggers, by day and client within each, and the faults of those that failed."""

    rows: tuple[TriggerRow, ...]
    faults: tuple[Fault, ...]


@dataclass(frozen=True)
class IndicatorRow:
    """An indicator's figure of one manager; of a rate also what it was made of."""

    indicator: str
    owner_id: UUID
    owner_name: str
    value: Decimal | None
    numerator: Decimal | None
    denominator: Decimal | None


@dataclass(frozen=True)
class IndicatorFound:
    """The rows of an indicator, in order of the managers' names, or its fault."""

    rows: tuple[IndicatorRow, ...]
    fault: Fault | None = None


@dataclass(frozen=True)
class ComputedField:
    """A field that an enabled plugin computes for clients, contacts or users."""

    plugin: str
    settings: Any
    descriptor: FieldDescriptor

    @property
    def key(self) -> str:
        """Its full key."""
        return full_key(self.plugin, self.descriptor.key)


async def triggers(session: TenantSession) -> Mapping[str, Declared]:
    """The triggers that are on here by full key: the core's own first, then those of the enabled plugins."""
    core: list[Declared] = []
    for prefix in CORE_TRIGGERS:
        settings = await core_settings(session, prefix)
        core += [Declared(prefix, settings, one) for one in core_triggers(prefix)]
    return _by_key([*core, *_declared(await enabled(session), lambda industry: industry.triggers)])


async def indicators(session: TenantSession) -> Mapping[str, Declared]:
    """The indicators that are on here by full key: the core's own first, then those of the enabled plugins."""
    core: list[Declared] = []
    for prefix in CORE_INDICATORS:
        settings = await core_settings(session, prefix)
        core += [Declared(prefix, settings, one) for one in core_indicators(prefix)]
    return _by_key([*core, *_declared(await enabled(session), lambda industry: industry.indicators)])


def _declared(plugins: Iterable[Enabled], part: Callable[[Any], Iterable[Any]]) -> list[Declared]:
    return [Declared(one.key, one.settings, what) for one in plugins for what in part(one.industry)]


def _by_key(found: Iterable[Declared]) -> dict[str, Declared]:
    return {one.key: one for one in found}


async def trigger_rows(
    session: TenantSession,
    key: str | None,
    today: date,
    *,
    permission: Permission = CLIENTS_VIEW,
    unit_id: UUID | None = None,
    owner_id: UUID | None = None,
    client_id: UUID | None = None,
    limit: int | None = None,
) -> TriggerFound:
    """What a trigger (None: each that is on) finds among the clients in the actor's reach for `permission`.

    Narrowed down to a unit and those below it, an owner, a client; `limit` counts for each trigger. Raises
    TriggerNotFound for a key that is not on here.
    """
    known = await triggers(session)
    if key is not None and key not in known:
        raise TriggerNotFound(trigger=key)
    rows: list[TriggerRow] = []
    faults: list[Fault] = []
    narrowed = _narrowed(session, today, unit_id, owner_id, client_id)
    for name in known if key is None else (key,):
        one = known[name]
        statement = partial(trigger_select, session, one, today, permission=permission)
        run = partial(_rows_of, session, one, statement, narrowed, limit)
        outcome = await contained(session, one.plugin, f"trigger:{one.what.key}", run)
        rows.extend(outcome.value or ())
        faults.extend([outcome.fault] if outcome.fault else [])
    return TriggerFound(tuple(rows), tuple(faults))


async def _rows_of(
    session: TenantSession,
    one: Declared,
    statement: Callable[[], Select[Any]],
    narrowed: list[ColumnElement[bool]],
    limit: int | None,
) -> list[TriggerRow]:
    selected = statement().where(*narrowed)
    order = (selected.selected_columns[name] for name in ("due_on", "client_id", "subject_id"))
    return [TriggerRow(one.key, *row) for row in await session.rows(selected.order_by(*order).limit(limit))]


def _narrowed(
    session: TenantSession, today: date, unit_id: UUID | None, owner_id: UUID | None, client_id: UUID | None
) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if unit_id is not None:
        conditions.append(Client.unit_id.in_(units_below(session, unit_id, today)))
    if owner_id is not None:
        conditions.append(Client.owner_id == owner_id)
    if client_id is not None:
        conditions.append(Client.id == client_id)
    return conditions


def trigger_select(
    session: TenantSession,
    one: Declared,
    today: date,
    *,
    permission: Permission = CLIENTS_VIEW,
    clients: Select[Any] | None = None,
) -> Select[Any]:
    """A trigger's rows with the clients that they are about, in reach: client_id, client_name, owner_id, unit_id,
    subject_id, due_on (today where it says none), figures; in no order. `clients` selects the ids of those that are
    asked about. To be run contained.

    Raises TypeError or ValueError for a select that is not what a trigger declares.
    """
    trigger: Trigger = one.what
    found = _subquery(trigger.rows(QueryContext(session, today, one.settings, clients)), TRIGGER_COLUMNS)
    due_on = func.coalesce(cast(found.c.due_on, Date), literal(today, Date))
    columns: tuple[Any, ...] = (
        Client.id.label("client_id"),
        Client.name.label("client_name"),
        Client.owner_id,
        Client.unit_id,
        cast(found.c.subject_id, Uuid()).label("subject_id"),
        due_on.label("due_on"),
        func.coalesce(cast(found.c.figures, JSONB), cast(literal("{}"), JSONB)).label("figures"),
    )
    statement = (
        select(*columns)
        .join_from(found, Client, (Client.id == found.c.client_id) & session.within(Client))
        .where(
            CLIENT.within_reach(session, permission, today),
            Client.status.not_in([ClientStatus.CLOSED, ClientStatus.MERGED]),
        )
    )
    return statement if clients is None else statement.where(Client.id.in_(clients))


def _subquery(statement: Any, columns: Sequence[str]) -> Any:
    if not isinstance(statement, Select):
        raise TypeError(f"a declared query is a Select, not {type(statement).__name__}")
    kept_to_the_tenant(statement)
    if missing := [name for name in columns if name not in columns_of(statement)]:
        raise ValueError(f"the query lacks {', '.join(missing)}")
    return statement.subquery("found")


async def indicator_rows(
    session: TenantSession,
    key: str,
    period: Period,
    today: date,
    *,
    permission: Permission = CLIENTS_VIEW,
    unit_id: UUID | None = None,
    owner_id: UUID | None = None,
) -> IndicatorFound:
    """An indicator's figures over a period, of the managers in the actor's reach for `permission`.

    Raises IndicatorNotFound for a key that is not on here.
    """
    one = (await indicators(session)).get(key)
    if one is None:
        raise IndicatorNotFound(indicator=key)

    async def run() -> list[IndicatorRow]:
        statement = indicator_select(session, one, period, today, permission=permission)
        if unit_id is not None:
            statement = statement.where(User.unit_id.in_(units_below(session, unit_id, today)))
        if owner_id is not None:
            statement = statement.where(User.id == owner_id)
        return [IndicatorRow(one.key, *row) for row in await session.rows(statement)]

    outcome = await contained(session, one.plugin, f"indicator:{one.what.key}", run)
    return IndicatorFound(tuple(outcome.value or ()), outcome.fault)


def indicator_figures(session: TenantSession, one: Declared, period: Period, today: date) -> Select[Any]:
    """An indicator's rows of all managers, whoever asks: owner_id, value, numerator, denominator. To be run contained,
    by who sees to the scope. Raises TypeError, ValueError."""
    indicator: Indicator = one.what
    statement = indicator.rows(QueryContext(session, today, one.settings), period)
    found = _subquery(statement, ("owner_id", "value"))
    parts = [found.c[name] if name in found.c else _nothing(name) for name in RATE_COLUMNS]
    return select(found.c.owner_id, found.c.value, *parts)


def indicator_select(
    session: TenantSession, one: Declared, period: Period, today: date, *, permission: Permission = CLIENTS_VIEW
) -> Select[Any]:
    """An indicator's rows with the people that they are about, in reach: owner_id, owner_name, value, numerator,
    denominator; by name. To be run contained. Raises TypeError, ValueError."""
    found = indicator_figures(session, one, period, today).subquery("figures")
    parts = [found.c[name] for name in RATE_COLUMNS]
    return (
        select(User.id.label("owner_id"), User.name.label("owner_name"), found.c.value, *parts)
        .join_from(found, User, (User.id == found.c.owner_id) & session.within(User))
        .where(in_scope(session, permission, owner=User.id, unit=User.unit_id, on=today))
        .order_by(User.name, User.id)
    )


def _nothing(name: str) -> ColumnElement[Any]:
    return bindparam(name, None, unique=True).label(name)


async def computed_fields(session: TenantSession, on: str | None = None) -> Mapping[str, ComputedField]:
    """The computed fields of the enabled plugins by full key; `on` client, contact or user only."""
    found = [
        ComputedField(one.key, one.settings, descriptor)
        for one in await enabled(session)
        for descriptor in one.industry.fields
        if on in (None, descriptor.on)
    ]
    return {one.key: one for one in found}


async def computed_values(
    session: TenantSession, on: str, ids: Sequence[UUID], today: date, keys: Iterable[str] | None = None
) -> dict[UUID, dict[str, Any]]:
    """The computed fields of these clients, contacts or users, as far as they are in reach: row id → full key → value.

    One statement for each field; a field that fails is missing from the answer, and its fault is kept. `keys` None:
    all; unknown ones are left out.
    """
    known = await computed_fields(session, on)
    found: dict[UUID, dict[str, Any]] = {row_id: {} for row_id in ids}
    for key in known if keys is None else [key for key in keys if key in known]:
        one = known[key]
        run = partial(_values_of, session, one, ids, today)
        outcome = await contained(session, one.plugin, f"field:{one.descriptor.key}", run)
        for row_id, value in outcome.value or ():
            found[row_id][key] = value
    return found


async def _values_of(
    session: TenantSession, one: ComputedField, ids: Sequence[UUID], today: date
) -> Sequence[Row[*tuple[Any, ...]]]:
    return await session.rows(computed_select(session, one, ids, today))


def computed_select(session: TenantSession, one: ComputedField, ids: Sequence[UUID], today: date) -> Select[Any]:
    """The id and the computed value of these rows in reach. To be run contained. Raises ValueError."""
    kind = ROW_KINDS[one.descriptor.on]
    table: Any = kind.table
    value = one.descriptor.expression(QueryContext(session, today, one.settings), table.id)
    statement = select(table.id, value.label("value")).where(
        session.within(table),
        table.id == func.any(bindparam("ids", list(ids), type_=ARRAY(Uuid()), unique=True)),
        kind.within_reach(session, kind.view, today),
    )
    kept_to_the_tenant(statement)
    return statement
