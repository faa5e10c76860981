"""One client with everything that hangs on it, and the tree around it, as far as the actor reaches.

What is sensitive is never shown without a trace: phones and e-mail addresses are masked here; `reveal_client` shows
what the actor's scope allows, and records it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, false, func, or_, select
from sqlalchemy.orm import aliased

from steward_core.clients.errors import ClientNotFound
from steward_core.clients.models import (
    Arrears,
    Attachment,
    Client,
    ClientChange,
    ClientNote,
    ClientOwnership,
    ClientProduct,
    ClientStatus,
    Contact,
    Contract,
    ContractStatus,
)
from steward_core.clients.row_kinds import CLIENT, CONTACT
from steward_core.clients.tree import descendants
from steward_core.permissions import CLIENTS_VIEW
from steward_tenants.access.queries import hidden
from steward_tenants.access.row_kinds import RowKind
from steward_tenants.access.rules import require
from steward_tenants.audit.service import Subject, record
from steward_tenants.database.session import TenantSession, WriteSession
from steward_tenants.organisation.models import OrgUnit
from steward_tenants.people.models import User

HISTORY = 200
"""Lines of a history that a client is shown with, the newest first."""


@dataclass(frozen=True)
class ContactLine:
    """A contact as the actor may see them. `revealed` names the sensitive fields that stand here unmasked."""

    id: UUID
    name: str
    roles: tuple[str, ...]
    main: bool
    position: str | None
    department: str | None
    phone: str | None
    email: str | None
    birthday: date | None
    preferences: str | None
    left_on: date | None
    custom: Mapping[str, Any]
    version: int
    revealed: frozenset[str]


@dataclass(frozen=True)
class OwnershipLine:
    """Who owned the client, in which unit, from a day until a day (exclusive)."""

    valid_from: date
    valid_until: date
    owner_id: UUID | None
    owner_name: str | None
    unit_id: UUID | None
    unit_name: str | None
    reason: str | None


@dataclass(frozen=True)
class ChangeLine:
    """A change of tier or status."""

    field: str
    before: str | None
    after: str | None
    reason: str
    source: str
    changed_by: UUID
    changed_at: datetime


@dataclass(frozen=True)
class Holdings:
    """How much hangs on a client; `arrears` is what is open, in fen, `clients_below` those directly below that the
    actor reaches."""

    contracts: int
    active_contracts: int
    products: int
    arrears: int
    notes: int
    attachments: int
    clients_below: int


@dataclass(frozen=True)
class ClientDetail:
    """A client with its contacts, holdings and histories. `parent_name` is empty when the parent is out of reach."""

    id: UUID
    name: str
    short_name: str | None
    code: str | None
    credit_code: str | None
    kind: str
    tier: str | None
    trade: str | None
    status: ClientStatus
    parent_id: UUID | None
    parent_name: str | None
    unit_id: UUID | None
    unit_name: str | None
    owner_id: UUID | None
    owner_name: str | None
    deputy_id: UUID | None
    deputy_name: str | None
    pool_since: datetime | None
    region: str | None
    address: str | None
    latitude: Decimal | None
    longitude: Decimal | None
    phone: str | None
    potential_needs: str | None
    competitor_presence: str | None
    source: str | None
    basic_confirmed_on: date | None
    personal_confirmed_on: date | None
    last_activity_on: date | None
    custom: Mapping[str, Any]
    merged_into_id: UUID | None
    created_at: datetime
    updated_at: datetime
    version: int
    phone_revealed: bool
    contacts: tuple[ContactLine, ...]
    holdings: Holdings
    ownership: tuple[OwnershipLine, ...]
    changes: tuple[ChangeLine, ...]


@dataclass(frozen=True)
class TreeNode:
    """A client in its tree; `depth` 0 is the client that was asked for."""

    id: UUID
    parent_id: UUID | None
    depth: int
    name: str
    status: ClientStatus
    tier: str | None
    owner_id: UUID | None


async def client_detail(session: TenantSession, client_id: UUID, *, today: date) -> ClientDetail:
    """A client, sensitive fields masked. Raises Forbidden, ClientNotFound."""
    return await _detail(session, client_id, today, reveal=False)


async def reveal_client(session: WriteSession, client_id: UUID, *, today: date) -> ClientDetail:
    """A client with the phones and e-mail addresses that the actor's scope reveals, and a record of it if there are
    any. Raises Forbidden, ClientNotFound."""
    detail = await _detail(session, client_id, today, reveal=True)
    shown = sorted({name for contact in detail.contacts for name in contact.revealed})
    after = {"contact_fields": shown, "phone": detail.phone_revealed}
    await record(session, "read.client", Subject("client", client_id), after=after)
    return detail


async def client_tree(session: TenantSession, root_id: UUID, *, today: date) -> list[TreeNode]:
    """A client and those below it, level by level; merged ones and those out of the actor's reach are left out, not
    what stands below them. Raises Forbidden, ClientNotFound."""
    require(session.actor, CLIENTS_VIEW)
    below = descendants(session, root_id)
    rows = await session.rows(
        select(
            Client.id,
            Client.parent_id,
            below.c.depth,
            Client.name,
            Client.status,
            Client.tier,
            Client.owner_id,
        )
        .join(below, below.c.id == Client.id)
        .where(
            session.within(Client),
            CLIENT.within_reach(session, CLIENTS_VIEW, today),
            or_(Client.status != ClientStatus.MERGED, below.c.depth == 0),
        )
        .order_by(below.c.depth, Client.name, Client.id)
    )
    if not rows or rows[0].id != root_id:
        raise ClientNotFound
    return [TreeNode(**{**row._mapping, "status": ClientStatus(row.status)}) for row in rows]


_ELSEWHERE = frozenset(
    {
        "parent_name",
        "unit_name",
        "owner_name",
        "deputy_name",
        "phone",
        "phone_revealed",
        "contacts",
        "holdings",
        "ownership",
        "changes",
    }
)
_PLAIN = tuple(name for name in ClientDetail.__dataclass_fields__ if name not in _ELSEWHERE)


def _shown(session: TenantSession, kind: RowKind, name: str, today: date, reveal: bool) -> list[ColumnElement[Any]]:
    """A sensitive field as the actor may see it, and whether it stands there unmasked."""
    sort, field = kind.fields[name], getattr(kind.table, name)
    if not reveal:
        return [hidden(field, keep=sort.keep, domain=sort.domain).label(name), false().label(f"{name}_seen")]
    seen = and_(kind.within_reach(session, sort.reveal, today), field.is_not(None))
    return [kind.masked_field(session, name, today).label(name), seen.label(f"{name}_seen")]


async def _detail(session: TenantSession, client_id: UUID, today: date, *, reveal: bool) -> ClientDetail:
    require(session.actor, CLIENTS_VIEW)
    owner, deputy = aliased(User), aliased(User)
    rows = await session.rows(
        select(
            *(getattr(Client, name) for name in _PLAIN),
            OrgUnit.name.label("unit_name"),
            owner.name.label("owner_name"),
            deputy.name.label("deputy_name"),
            *_shown(session, CLIENT, "phone", today, reveal),
        )
        .outerjoin(OrgUnit, and_(session.within(OrgUnit), OrgUnit.id == Client.unit_id))
        .outerjoin(owner, and_(session.within(owner), owner.id == Client.owner_id))
        .outerjoin(deputy, and_(session.within(deputy), deputy.id == Client.deputy_id))
        .where(session.within(Client), Client.id == client_id, CLIENT.within_reach(session, CLIENTS_VIEW, today))
    )
    if not rows:
        raise ClientNotFound
    values = dict(rows[0]._mapping)
    values["status"] = ClientStatus(values["status"])
    values["phone_revealed"] = bool(values.pop("phone_seen"))
    return ClientDetail(
        **values,
        parent_name=await _name_in_reach(session, values["parent_id"], today),
        contacts=await _contacts(session, client_id, today, reveal=reveal),
        holdings=await _holdings(session, client_id, today),
        ownership=await _ownership(session, client_id),
        changes=await _changes(session, client_id),
    )


async def _name_in_reach(session: TenantSession, client_id: UUID | None, today: date) -> str | None:
    if client_id is None:
        return None
    reach = CLIENT.within_reach(session, CLIENTS_VIEW, today)
    name: str | None = await session.scalar(
        select(Client.name).where(session.within(Client), Client.id == client_id, reach)
    )
    return name


async def _contacts(session: TenantSession, client_id: UUID, today: date, *, reveal: bool) -> tuple[ContactLine, ...]:
    plain = [name for name in ContactLine.__dataclass_fields__ if name not in ("phone", "email", "revealed")]
    rows = await session.rows(
        select(
            *(getattr(Contact, name) for name in plain),
            *_shown(session, CONTACT, "phone", today, reveal),
            *_shown(session, CONTACT, "email", today, reveal),
        )
        .where(session.within(Contact), Contact.client_id == client_id)
        .order_by(Contact.left_on.is_not(None), Contact.main.desc(), Contact.id)
    )
    contacts = []
    for row in rows:
        values = dict(row._mapping)
        seen = {name for name in ("phone", "email") if values.pop(f"{name}_seen")}
        contacts.append(ContactLine(**{**values, "roles": tuple(values["roles"])}, revealed=frozenset(seen)))
    return tuple(contacts)


async def _holdings(session: TenantSession, client_id: UUID, today: date) -> Holdings:
    def counted(table: Any, *conditions: ColumnElement[bool], figure: Any = None) -> ColumnElement[Any]:
        statement = select(func.count() if figure is None else figure).select_from(table)
        return statement.where(session.within(table), table.client_id == client_id, *conditions).scalar_subquery()

    below = select(func.count()).where(
        session.within(Client),
        Client.parent_id == client_id,
        Client.status != ClientStatus.MERGED,
        CLIENT.within_reach(session, CLIENTS_VIEW, today),
    )
    owed = func.coalesce(func.sum(Arrears.amount - Arrears.paid), 0)
    rows = await session.rows(
        select(
            counted(Contract),
            counted(Contract, Contract.status == ContractStatus.ACTIVE),
            counted(ClientProduct, ClientProduct.ended_on.is_(None)),
            counted(Arrears, Arrears.paid < Arrears.amount, figure=owed),
            counted(ClientNote, ClientNote.removed_at.is_(None)),
            counted(Attachment),
            below.scalar_subquery(),
        )
    )
    return Holdings(*(int(figure) for figure in rows[0]))


async def _ownership(session: TenantSession, client_id: UUID) -> tuple[OwnershipLine, ...]:
    rows = await session.rows(
        select(
            ClientOwnership.valid_from,
            ClientOwnership.valid_until,
            ClientOwnership.owner_id,
            User.name,
            ClientOwnership.unit_id,
            OrgUnit.name,
            ClientOwnership.reason,
        )
        .outerjoin(User, and_(session.within(User), User.id == ClientOwnership.owner_id))
        .outerjoin(OrgUnit, and_(session.within(OrgUnit), OrgUnit.id == ClientOwnership.unit_id))
        .where(session.within(ClientOwnership), ClientOwnership.client_id == client_id)
        .order_by(ClientOwnership.valid_from.desc())
        .limit(HISTORY)
    )
    return tuple(OwnershipLine(*tuple(row)) for row in rows)


async def _changes(session: TenantSession, client_id: UUID) -> tuple[ChangeLine, ...]:
    rows = await session.rows(
        select(
            ClientChange.field,
            ClientChange.before,
            ClientChange.after,
            ClientChange.reason,
            ClientChange.source,
            ClientChange.changed_by,
            ClientChange.changed_at,
        )
        .where(session.within(ClientChange), ClientChange.client_id == client_id)
        .order_by(ClientChange.changed_at.desc(), ClientChange.id.desc())
        .limit(HISTORY)
    )
    return tuple(ChangeLine(*tuple(row)) for row in rows)
