"""Taking rows back that an import made or changed, of any table; a few statements for thousands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Table, Uuid, delete, func, select, update

from steward_core.clients.models import (
    Attachment,
    Client,
    ClientFact,
    ClientOwnership,
    ClientStatus,
    Contact,
    DuplicatePair,
)
from steward_core.clients.row_kinds import CLIENT
from steward_core.clients.search import Keyed, keys_for_client, keys_for_contact, write_keys
from steward_core.custom_fields.index import write_index
from steward_core.database.bulk import insert_many, update_many
from steward_core.forms.indexing import fields_here
from steward_core.forms.models import FormRecord, FormRevision
from steward_core.forms.row_kind import records_in_reach
from steward_core.imports.batches import Step
from steward_core.imports.client_writes import index_custom, move_ownership, record_changes
from steward_core.imports.facts import UNDONE_REASON
from steward_core.imports.form_rows import reindex
from steward_core.imports.references import among
from steward_core.imports.take_back_trees import below, misfits, untie_children, with_other_contacts
from steward_core.imports.targets import FORM
from steward_core.imports.work import CREATED, table_of, typed
from steward_core.industry.dispatcher import enabled_form
from steward_core.permissions import CLIENTS_EDIT, FORMS_EDIT
from steward_tenants.database.session import WriteSession
from steward_tenants.database.tables import TenantTable
from steward_tenants.errors import FieldProblem
from steward_tenants.models import tenant_metadata
from steward_tenants.texts import Bilingual

CHANGED = Bilingual("导入后已被修改，予以保留。", "It was changed since and stays.")
REFERRED = Bilingual("已有其他数据与之关联，予以保留。", "Other data hang on it: it stays.")
CODE_TAKEN = Bilingual("原客户编码已被其他客户使用，予以保留。", "Its former code is another's now: it stays.")
PARENT_GONE = Bilingual("原上级客户已不能作为上级，予以保留。", "Its former parent cannot be that any more: it stays.")
GONE = Bilingual("已不存在或不在您的数据范围内。", "It is gone, or outside your scope.")


@dataclass(frozen=True)
class Former:
    """A row that an import created or changed: its version after that, and its former values."""

    number: int
    row_id: UUID
    outcome: str
    after_version: int
    before: Mapping[str, Any] | None


@dataclass
class Taken:
    """Which rows stay, by row number, and how many clients were closed rather than removed."""

    kept: dict[int, FieldProblem] = field(default_factory=dict)
    closed: int = 0

    def keep(self, former: Former, code: str, why: Bilingual) -> None:
        """Report a row that stays."""
        self.kept[former.number] = FieldProblem((), code, why)


async def take_back_rows(step: Step, mapped: type[TenantTable], formers: Sequence[Former]) -> Taken:
    """Remove created rows, put changed ones back."""
    taken = Taken()
    if not formers:
        return taken
    now = await _as_they_stand(step, mapped, [former.row_id for former in formers])
    untouched: list[Former] = []
    for former in formers:
        row = now.get(former.row_id)
        if row is None:
            taken.keep(former, "not_found", GONE)
        elif row["version"] != former.after_version:
            taken.keep(former, "changed_since", CHANGED)
        else:
            untouched.append(former)
    await _remove(step, mapped, [one for one in untouched if one.outcome == CREATED], now, taken)
    changed = [one for one in untouched if one.outcome != CREATED and one.before]
    if mapped is Client:
        changed = await _restorable(step, changed, taken)
    await _restore(step, mapped, changed, now)
    return taken


async def _as_they_stand(step: Step, mapped: type[TenantTable], ids: Sequence[UUID]) -> dict[UUID, Any]:
    session, table = step.session, table_of(mapped)
    statement = select(table).where(session.within(table), among(table.c.id, ids, Uuid())).order_by(table.c.id)
    if mapped is Client:
        statement = statement.where(CLIENT.within_reach(session, CLIENTS_EDIT, step.today))
    elif mapped is FormRecord:
        statement = statement.where(records_in_reach(session, FORMS_EDIT, step.today))
    elif "client_id" in table.c:
        reached = select(Client.id).where(
            session.within(Client), CLIENT.within_reach(session, CLIENTS_EDIT, step.today)
        )
        statement = statement.where(table.c.client_id.in_(reached))
    rows = await session.rows(statement.with_for_update(of=table))
    return {row.id: row._mapping for row in rows}


async def _restorable(step: Step, formers: Sequence[Former], taken: Taken) -> list[Former]:
    """Those whose former code and parent are still free for them."""
    session, table = step.session, table_of(Client)
    befores = {one.row_id: one.before or {} for one in formers}
    codes = {code: row_id for row_id, before in befores.items() if (code := before.get("code")) is not None}
    rows = await session.rows(
        select(table.c.code, table.c.id).where(session.within(table), among(table.c.code, sorted(codes)))
    )
    used = {codes[row[0]] for row in rows if codes[row[0]] != row[1]}
    parents = {row_id: UUID(parent) for row_id, before in befores.items() if (parent := before.get("parent_id"))}
    misplaced = await misfits(session, parents)
    for former in formers:
        if former.row_id in used:
            taken.keep(former, "code_taken", CODE_TAKEN)
        elif former.row_id in misplaced:
            taken.keep(former, "parent_gone", PARENT_GONE)
    return [one for one in formers if one.row_id not in used | misplaced]


async def _remove(
    step: Step, mapped: type[TenantTable], formers: Sequence[Former], now: Mapping[UUID, Any], taken: Taken
) -> None:
    if not formers:
        return
    session = step.session
    ids = [former.row_id for former in formers]
    with_facts: set[UUID] = set()
    if mapped is Client:
        referred = await _relied_on(step, ids)
        with_facts = await _with_facts_of(step, ids)
    else:
        referred = await _referred(session, mapped, ids)
    for former in formers:
        if former.row_id in referred:
            taken.keep(former, "referred_to", REFERRED)
    free = [row_id for row_id in ids if row_id not in referred]
    if mapped is Client:
        closing = [row_id for row_id in free if row_id in with_facts]
        await _close(step, closing, now)
        taken.closed = len(closing)
        free = [row_id for row_id in free if row_id not in with_facts]
        await untie_children(session, free)
        await _forget_client(session, free, now)
    if mapped is Contact:
        await write_keys(session, [], before=[keys_for_contact(now[one]["client_id"], one, now[one]) for one in free])
    if free:
        await write_index(session, [], free)
        table = table_of(mapped)
        await session.execute(
            delete(table)
            .where(session.within(table), among(table.c.id, free, Uuid()))
            .execution_options(synchronize_session=False)
        )


async def _forget_client(session: WriteSession, ids: Sequence[UUID], now: Mapping[UUID, Any]) -> None:
    if not ids:
        return
    await write_keys(session, [], before=[_keys(one, now[one]) for one in ids])
    ownership, pairs = table_of(ClientOwnership), table_of(DuplicatePair)
    for table, column in ((ownership, ownership.c.client_id), (pairs, pairs.c.first_id), (pairs, pairs.c.second_id)):
        await session.execute(
            delete(table)
            .where(session.within(table), among(column, ids, Uuid()))
            .execution_options(synchronize_session=False)
        )


def _keys(client_id: UUID, row: Any) -> Keyed:
    return keys_for_client(client_id, row)


async def _close(step: Step, ids: Sequence[UUID], now: Mapping[UUID, Any]) -> None:
    """Close clients whose withdrawn facts cannot be removed, and free their codes and their parents."""
    if not ids:
        return
    session = step.session
    await session.execute(
        update(Client)
        .where(session.within(Client), among(Client.id, ids, Uuid()))
        .values(
            status=ClientStatus.CLOSED.value,
            parent_id=None,
            code=None,
            credit_code=None,
            version=Client.version + 1,
            updated_at=func.now(),
        )
        .execution_options(synchronize_session=False)
    )
    await write_keys(
        session,
        [_keys(one, {**now[one], "code": None, "credit_code": None}) for one in ids],
        before=[_keys(one, now[one]) for one in ids],
    )
    changes = [(one, "status", now[one]["status"], ClientStatus.CLOSED.value) for one in ids]
    await record_changes(session, changes, UNDONE_REASON, step.batch.id)


async def _restore(step: Step, mapped: type[TenantTable], formers: Sequence[Former], now: Mapping[UUID, Any]) -> None:
    if not formers:
        return
    session, table = step.session, table_of(mapped)
    if mapped is FormRecord:
        await _keep_revisions(session, [now[one.row_id] for one in formers])
    names = sorted({name for one in formers for name in one.before or ()})
    before = {
        one.row_id: {name: typed(table.c[name], value) for name, value in (one.before or {}).items()} for one in formers
    }
    also: dict[str, Any] = {"version": table.c.version + 1}
    if "updated_at" in table.c:
        also["updated_at"] = func.now()
    await update_many(
        session,
        mapped,
        {"id": [one.row_id for one in formers]},
        {name: [before[one.row_id].get(name, now[one.row_id][name]) for one in formers] for name in names},
        also=also,
    )
    if mapped is Client:
        await _restore_client(step, before, now)
    elif mapped is Contact:
        after = [keys_for_contact(now[one]["client_id"], one, {**now[one], **old}) for one, old in before.items()]
        await write_keys(
            session, after, before=[keys_for_contact(now[one]["client_id"], one, now[one]) for one in before]
        )
    elif mapped is FormRecord:
        await _reindex(step, before, now)
    if mapped in (Client, Contact):
        target = "client" if mapped is Client else "contact"
        customs = {one: old["custom"] for one, old in before.items() if "custom" in old}
        await index_custom(session, target, customs, clear=list(customs))


async def _restore_client(step: Step, before: Mapping[UUID, Mapping[str, Any]], now: Mapping[UUID, Any]) -> None:
    session = step.session
    moved = [
        (one, old.get("owner_id", now[one]["owner_id"]), old.get("unit_id", now[one]["unit_id"]))
        for one, old in before.items()
        if {"owner_id", "unit_id"} & old.keys()
    ]
    await move_ownership(session, moved, today=step.today, reason=UNDONE_REASON)
    await write_keys(
        session,
        [_keys(one, {**now[one], **old}) for one, old in before.items()],
        before=[_keys(one, now[one]) for one in before],
    )
    changes = [
        (one, name, now[one][name], old[name])
        for one, old in before.items()
        for name in ("tier", "status")
        if name in old and old[name] != now[one][name]
    ]
    await record_changes(session, changes, UNDONE_REASON, step.batch.id)


async def _keep_revisions(session: WriteSession, rows: Sequence[Any]) -> None:
    await insert_many(
        session,
        FormRevision,
        {
            "record_id": [row["id"] for row in rows],
            "revision": [row["version"] for row in rows],
            **{
                name: [row[name] for row in rows]
                for name in ("form_version", "state", "document", "computed", "custom")
            },
            "cause": ["import_undone"] * len(rows),
            "replaced_by": [session.actor.id] * len(rows),
        },
    )


async def _reindex(step: Step, before: Mapping[UUID, Mapping[str, Any]], now: Mapping[UUID, Any]) -> None:
    full_key = step.batch.target.removeprefix(FORM)
    _, form = await enabled_form(step.session, full_key)
    own = await fields_here(step.session, full_key)
    records = []
    for one, old in before.items():
        row = {**now[one], **old}
        records.append((one, row["document"], row["computed"], row["custom"]))
    await reindex(step.session, form, full_key, own, records)


_FOLLOWS: frozenset[str] = frozenset(
    {table_of(ClientOwnership).name, table_of(ClientFact).name, table_of(DuplicatePair).name}
)
"""What goes with a client, or is looked at by itself."""


@cache
def _references(table: Table) -> tuple[Column[Any], ...]:
    """The columns of other tables that refer to rows of this one."""
    found = []
    for other in tenant_metadata.tables.values():
        for constraint in other.foreign_key_constraints:
            own = [element.parent for element in constraint.elements if element.column.name == "id"]
            if constraint.referred_table is table and own and other.name not in _FOLLOWS:
                found += own
    return tuple(found)


async def _relied_on(step: Step, ids: Sequence[UUID]) -> set[UUID]:
    """Which of the clients have to stay, because others rely on them or on clients below them that therefore stay."""
    under = await below(step, ids)
    clients, contacts = table_of(Client), table_of(Contact)
    apart = (clients.c.parent_id, contacts.c.client_id)
    every = [*ids, *(under.made.keys() - set(ids))]
    staying = await _referred(step.session, Client, every, *apart)
    staying |= under.held | await _with_other_facts(step, every)
    own = set(ids)
    staying |= await with_other_contacts(step.session, ids, {})
    staying |= await with_other_contacts(step.session, [one for one in every if one not in own], under.contacts)
    return under.with_parents(staying) & own


async def _referred(
    session: WriteSession, mapped: type[TenantTable], ids: Sequence[UUID], *apart: Column[Any]
) -> set[UUID]:
    """Which of the rows others refer to, by other columns than those `apart`."""
    found: set[UUID] = set()
    attachments = table_of(Attachment)
    for column in (*_references(table_of(mapped)), attachments.c.subject_id):
        if any(column is one for one in apart):
            continue
        found |= set(
            await session.scalars(
                select(column).where(session.within(column.table), among(column, ids, Uuid())).distinct()
            )
        )
    return found


async def _with_facts_of(step: Step, ids: Sequence[UUID]) -> set[UUID]:
    """Which of the clients have facts of this import."""
    return set(
        await step.session.scalars(
            select(ClientFact.client_id)
            .where(
                step.session.within(ClientFact),
                among(ClientFact.client_id, ids, Uuid()),
                ClientFact.batch_id == step.batch.id,
            )
            .distinct()
        )
    )


async def _with_other_facts(step: Step, ids: Sequence[UUID]) -> set[UUID]:
    """Which of the clients have facts that are neither this import's nor those that took it back."""
    return set(
        await step.session.scalars(
            select(ClientFact.client_id)
            .where(
                step.session.within(ClientFact),
                among(ClientFact.client_id, ids, Uuid()),
                ClientFact.batch_id.is_distinct_from(step.batch.id),
                ClientFact.reason.is_distinct_from(UNDONE_REASON),
            )
            .distinct()
        )
    )
