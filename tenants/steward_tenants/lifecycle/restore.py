"""Restoring an export into a new tenant: everything or nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, ValidationError
from sqlalchemy import Column, Table, Text, bindparam, cast, column, exists, func, insert, literal, select, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DataError, IntegrityError

from steward_tenants.audit.models import AuditEvent
from steward_tenants.audit.service import AUDIT_QUEUE, Subject, record
from steward_tenants.configuration.queries import TenantFacts, tenant_facts, tenant_row
from steward_tenants.configuration.rules import (
    key_problem,
    locale_problem,
    name_problem,
    origin_problems,
    time_zone_problem,
)
from steward_tenants.database.actor import Actor
from steward_tenants.database.database import Database
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import DirectorySession, WriteSession
from steward_tenants.database.vault import Unreadable
from steward_tenants.directory.models import Account, Credential, Doorbell, Membership, Tenant, TenantStatus
from steward_tenants.errors import InvalidInput
from steward_tenants.files.store import FileStore
from steward_tenants.lifecycle.archive import (
    ACCOUNTS,
    LARGEST_ARCHIVE,
    ArchiveReader,
    Manifest,
    digest_of_file,
    file_member,
    open_archive,
    table_member,
)
from steward_tenants.lifecycle.deletion import discard_unfinished, forget_accounts, hold_unfinished, require_unfinished
from steward_tenants.lifecycle.errors import (
    ArchiveRefused,
    ArchiveSchemaDiffers,
    ArchiveSecretsUnreadable,
    TenantKeyTaken,
)
from steward_tenants.lifecycle.export import Progress, schema_revision, silent
from steward_tenants.lifecycle.furnishing import take_up
from steward_tenants.lifecycle.operators import platform_event, require_operator
from steward_tenants.lifecycle.rules import (
    BYTES_STAY_BEHIND,
    CHANGES_ON_ARRIVAL,
    ENCRYPTED,
    KEPT_AS_HISTORY,
    Arrival,
    Row,
    TablePlan,
    exported_tables,
)

BATCH_ROWS = 2_000
BATCH_BYTES = 4 * 1024 * 1024
RESTORING = "restoring"


class _ArchivedAccount(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    account_id: UUID
    login: str
    user_id: UUID
    active: bool


@dataclass(frozen=True)
class _People:
    """The archive's accounts on this platform: `{archived id: id here}`, and which have nothing to sign in with."""

    archived: tuple[_ArchivedAccount, ...]
    here: dict[UUID, UUID]
    unproved: frozenset[UUID]


_NOBODY = _People((), {}, frozenset())


async def _undo(database: Database, store: FileStore, key: str, people: _People) -> None:
    await discard_unfinished(database, store, key, RESTORING)
    async with database.directory() as directory:
        await forget_accounts(directory, sorted(people.unproved))


async def restore_tenant(
    database: Database,
    store: FileStore,
    archive: Path,
    key: str,
    actor: Actor,
    *,
    name: str | None = None,
    at_most: int = LARGEST_ARCHIVE,
    expected_sha256: str | None = None,
    progress: Progress = silent,
) -> TenantFacts:
    """Load an export into a new tenant named `key`. For operators.

    The order: directory row (`restoring`: nobody gets in), files, accounts, all rows in one transaction, then
    memberships and `active` in one. A crash before the end leaves a tenant that nobody can enter; a repeat with the
    same key removes it and starts anew. Row ids stay. Accounts are found by login and made, without credentials, where
    missing: those people are to be invited. Encrypted values are encrypted anew for their new place. Audit events come
    along and a new chain begins with them; `tenant.restored` carries the end of the old chain.

    Raises ArchiveRefused, ArchiveSchemaDiffers, ArchiveSecretsUnreadable, TenantKeyTaken, InvalidInput; nothing of the
    tenant is left then.
    """
    require_operator(actor)
    problem = key_problem(key)
    if problem is not None:
        raise InvalidInput(problems=[problem])
    sha256 = await asyncio.to_thread(_archive_digest, archive)
    if expected_sha256 is not None and sha256 != expected_sha256.lower():
        raise ArchiveRefused("校验值不符", "its SHA-256 is not the expected one")
    with open_archive(archive, at_most=at_most) as reader:
        _check_fit(reader.manifest, name)
        await asyncio.to_thread(reader.verify)
        await discard_unfinished(database, store, key, RESTORING)
        tenant_id = await _reserve(database, key, name, reader.manifest)
        people = _NOBODY
        try:
            people = await _find_or_make_accounts(database, reader)
            await _load(database, store, reader, tenant_id, actor, sha256=sha256, people=people, progress=progress)
        except BaseException:
            await asyncio.shield(_undo(database, store, key, people))
            raise
    database.forget_status(tenant_id)
    return await tenant_facts(database, tenant_id)


def _archive_digest(path: Path) -> str:
    try:
        return digest_of_file(path)
    except OSError:
        raise ArchiveRefused("文件无法读取", "it cannot be read") from None


def _check_fit(manifest: Manifest, name: str | None) -> None:
    """Refuse an archive of another schema, or whose tenant could not exist here."""
    expected = schema_revision()
    if manifest.schema_revision != expected:
        raise ArchiveSchemaDiffers(found=manifest.schema_revision, expected=expected)
    here = {plan.name: [column.name for column in plan.columns] for plan in exported_tables()}
    if {table.table: table.columns for table in manifest.tables} != here:
        raise ArchiveRefused("表或列与当前版本不符", "its tables or columns are not those of this version")
    tenant = manifest.tenant
    problems = [
        name_problem(tenant.name if name is None else name),
        locale_problem(tenant.locale),
        time_zone_problem(tenant.time_zone),
        *origin_problems(tenant.allowed_origins),
    ]
    found = [problem for problem in problems if problem is not None]
    if found:
        raise InvalidInput(problems=found)


async def _reserve(database: Database, key: str, name: str | None, manifest: Manifest) -> UUID:
    tenant = manifest.tenant
    try:
        async with database.directory() as directory:
            row = Tenant(
                id=new_id(),
                key=key,
                name=name or tenant.name,
                status=TenantStatus.RESTORING,
                status_reason=RESTORING,
                locale=tenant.locale,
                time_zone=tenant.time_zone,
                password_profile=tenant.password_profile,
                second_factor_required=tenant.second_factor_required,
                allowed_origins=tenant.allowed_origins,
            )
            directory.add(row)
            await directory.flush()
            if manifest.oldest_event_at is not None:
                await _make_partitions(directory, manifest.oldest_event_at)
    except IntegrityError:
        raise TenantKeyTaken(key=key) from None
    return row.id


async def _make_partitions(directory: DirectorySession, oldest: datetime) -> None:
    today = datetime.now(UTC).date()
    months = (today.year - oldest.year) * 12 + today.month - oldest.month + 1
    if not 0 < months <= 120:
        raise ArchiveRefused("审计时间不合理", "its audit events are of an impossible time")
    await directory.execute(select(func.set_config("TimeZone", "UTC", True)))
    first = oldest.astimezone(UTC).date().replace(day=1)
    await directory.execute(select(func.steward.extend_audit_partitions(first, months)))


async def _load(
    database: Database,
    store: FileStore,
    reader: ArchiveReader,
    tenant_id: UUID,
    actor: Actor,
    *,
    sha256: str,
    people: _People,
    progress: Progress,
) -> None:
    manifest = reader.manifest
    try:
        without_bytes = await _load_files(store, reader, tenant_id, progress)
    except FileNotFoundError:
        # Somebody who restores under the same key has removed this attempt, folder and all.
        await require_unfinished(database, tenant_id, RESTORING)
        raise
    arrival = Arrival(
        old_tenant=manifest.tenant.id,
        new_tenant=tenant_id,
        moment=datetime.now(UTC).isoformat(),
        accounts={str(old): str(new) for old, new in people.here.items()},
        unproved_accounts=frozenset(map(str, people.unproved)),
        files_without_bytes=without_bytes,
    )
    facts = {
        "source": {"id": str(manifest.tenant.id), "key": manifest.tenant.key},
        "exported_at": manifest.exported_at.isoformat(),
        "archive_sha256": sha256,
        "previous_chain": None if manifest.audit is None else manifest.audit.model_dump(),
    }
    try:
        async with database.write(tenant_id, actor, even_suspended=True, timeout_ms=0) as session:
            await hold_unfinished(database, session, RESTORING)
            await _load_tables(session, reader, arrival, progress)
            await take_up(session)
            await record(session, "tenant.restored", Subject("tenant", tenant_id), after=facts)
    except (DataError, IntegrityError, InvalidInput):
        raise ArchiveRefused("行数据不合法", "its rows do not fit the tables") from None
    async with database.directory() as directory:
        await _admit(directory, tenant_id, people)
        row = await tenant_row(directory, tenant_id, lock=True)
        row.status, row.status_reason, row.status_at = TenantStatus.ACTIVE, None, datetime.now(UTC)
        platform_event(directory, actor, "tenant.restored", tenant_id, facts)


async def _load_files(store: FileStore, reader: ArchiveReader, tenant_id: UUID, progress: Progress) -> frozenset[str]:
    """Keep the files' bytes, each compared with its row; gives the ids of files whose bytes did not travel."""
    waiting, without = set(reader.files), set()
    missing = {str(file_id) for file_id in reader.manifest.files.missing}
    for row in _rows(reader, "stored_file"):
        file_id = str(row["id"])
        if row["deleted_at"] is not None or row["purpose"] in BYTES_STAY_BEHIND or file_id in missing:
            without.add(file_id)
            continue
        if file_id not in waiting:
            raise ArchiveRefused(f"缺少文件 {file_id}", f"the file {file_id} is missing")
        waiting.discard(file_id)
        size = int(row["size"] or 0)
        written = await store.write(tenant_id, UUID(file_id), _chunks(reader, file_id), size)
        if written.size != size or row["sha256"] != "\\x" + written.sha256.hex():
            raise ArchiveRefused(f"文件 {file_id} 被改动", f"the file {file_id} was changed")
        progress("files", len(reader.files) - len(waiting), len(reader.files))
    if waiting:
        raise ArchiveRefused("含有无记录的文件", "it has files without a row")
    return frozenset(without)


async def _chunks(reader: ArchiveReader, file_id: str) -> AsyncIterator[bytes]:
    for chunk in reader.chunks(file_member(file_id)):
        yield chunk
        await asyncio.sleep(0)


async def _find_or_make_accounts(database: Database, reader: ArchiveReader) -> _People:
    try:
        archived = tuple(_ArchivedAccount.model_validate_json(line) for line in reader.lines(ACCOUNTS))
    except ValidationError:
        raise ArchiveRefused("帐号无法读取", "its accounts cannot be read") from None
    logins = sorted({account.login for account in archived})
    if len(logins) != len(archived) or any(login != login.lower() or not login for login in logins):
        raise ArchiveRefused("帐号重复或有误", "its accounts are doubled or malformed")
    known: dict[str, UUID] = {}
    unproved: set[UUID] = set()
    async with database.directory() as directory:
        for start in range(0, len(logins), BATCH_ROWS):
            some = logins[start : start + BATCH_ROWS]
            await directory.execute(
                postgresql.insert(Account)
                .values([{"id": new_id(), "login": login} for login in some])
                .on_conflict_do_nothing(index_elements=[Account.login])
            )
            proved = exists().where(Credential.account_id == Account.id)
            found = await directory.rows(
                select(Account.login, Account.id, proved.label("proved")).where(Account.login.in_(some))
            )
            known.update({row.login: row.id for row in found})
            unproved.update(row.id for row in found if not row.proved)
    here = {account.account_id: known[account.login] for account in archived}
    return _People(archived, here, frozenset(unproved))


async def _admit(directory: DirectorySession, tenant_id: UUID, people: _People) -> None:
    rows = [
        {
            "account_id": people.here[account.account_id],
            "tenant_id": tenant_id,
            "user_id": account.user_id,
            "active": account.active,
        }
        for account in people.archived
    ]
    for start in range(0, len(rows), BATCH_ROWS):
        await directory.execute(insert(Membership).values(rows[start : start + BATCH_ROWS]))


async def _load_tables(session: WriteSession, reader: ArchiveReader, arrival: Arrival, progress: Progress) -> None:
    expected = {content.table: content.rows for content in reader.manifest.tables}
    plans = [plan for plan in exported_tables() if plan.name not in KEPT_AS_HISTORY]
    for plan in plans:
        done = 0
        for batch in _batches(session, reader, plan, arrival):
            done += await _insert(session, plan, batch)
            progress(plan.name, done, expected[plan.name])
        if done != expected[plan.name]:
            raise ArchiveRefused(f"{plan.name} 行数不符", f"rows of {plan.name} went missing")
    for plan in plans:
        if plan.late:
            for batch in _batches(session, reader, plan, arrival):
                await _fill_late(session, plan, batch)
    await _ring_sealer(session)


def _batches(session: WriteSession, reader: ArchiveReader, plan: TablePlan, arrival: Arrival) -> Iterator[str]:
    """The table's rows as JSON arrays of bounded length."""
    lines: list[str] = []
    size = 0
    changed = plan.name in CHANGES_ON_ARRIVAL or plan.name in ENCRYPTED
    for line in reader.lines(table_member(plan.name)):
        text = _on_arrival(session, plan, line, arrival) if changed else _decoded(plan.name, line)
        lines.append(text)
        size += len(text)
        if len(lines) >= BATCH_ROWS or size >= BATCH_BYTES:
            yield f"[{','.join(lines)}]"
            lines, size = [], 0
    if lines:
        yield f"[{','.join(lines)}]"


def _decoded(table: str, line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        raise ArchiveRefused(f"{table} 无法读取", f"{table} cannot be read") from None


def _parsed(table: str, line: bytes) -> Row:
    try:
        row = json.loads(line)
    except ValueError:
        raise ArchiveRefused(f"{table} 无法读取", f"{table} cannot be read") from None
    if not isinstance(row, dict) or not all(value is None or isinstance(value, str) for value in row.values()):
        raise ArchiveRefused(f"{table} 无法读取", f"{table} cannot be read")
    return row


def _rows(reader: ArchiveReader, table: str) -> Iterator[Row]:
    for line in reader.lines(table_member(table)):
        yield _parsed(table, line)


def _on_arrival(session: WriteSession, plan: TablePlan, line: bytes, arrival: Arrival) -> str:
    row = _parsed(plan.name, line)
    if set(row) != {column.name for column in plan.columns}:
        raise ArchiveRefused(f"{plan.name} 的列有误", f"{plan.name} has other columns")
    for name, place in ENCRYPTED.get(plan.name, {}).items():
        value = row[name]
        if value is not None:
            try:
                text = session.vault.decrypt(value, place(arrival.old_tenant, row))
            except (Unreadable, ValueError):
                raise ArchiveSecretsUnreadable from None
            row[name] = session.vault.encrypt(text, place(arrival.new_tenant, row))
    change = CHANGES_ON_ARRIVAL.get(plan.name)
    if change is not None:
        change(row, arrival)
    return json.dumps(row, ensure_ascii=False)


def _recordset(columns: tuple[Column[Any], ...]) -> Any:
    """The bound JSON array `rows` as a table of text columns."""
    rows = cast(bindparam("rows", type_=Text()), JSONB)
    shape = [column(item.name, Text()) for item in columns]
    return func.jsonb_to_recordset(rows).table_valued(*shape).render_derived(name="r", with_types=True)


async def _insert(session: WriteSession, plan: TablePlan, batch: str) -> int:
    given = _recordset(plan.columns)
    late = {item.name for item in plan.late}
    loaded = [item for item in plan.columns if item.name not in late]
    values = [cast(given.c[item.name], item.type).label(item.name) for item in loaded]
    statement = insert(plan.table).from_select(
        ["tenant_id", *(item.name for item in loaded)],
        select(literal(session.tenant_id).label("tenant_id"), *values),
        include_defaults=False,
    )
    result = await session.execute(statement.execution_options(preserve_rowcount=True), {"rows": batch})
    return int(result.rowcount)  # type: ignore[attr-defined]


async def _fill_late(session: WriteSession, plan: TablePlan, batch: str) -> None:
    given = _recordset(plan.columns)
    table: Table = plan.table
    same = [table.c[item.name] == cast(given.c[item.name], item.type) for item in plan.key]
    values = {item.name: cast(given.c[item.name], item.type) for item in plan.late}
    await session.execute(update(table).where(session.within(table), *same).values(values), {"rows": batch})


async def _ring_sealer(session: WriteSession) -> None:
    """Have the events that came along sealed: a new chain begins with them."""
    await session.execute(
        insert(Doorbell).from_select(
            ["queue", "tenant_id", "job_id", "due"],
            select(literal(AUDIT_QUEUE), AuditEvent.tenant_id, AuditEvent.id, AuditEvent.at).where(
                session.within(AuditEvent)
            ),
            include_defaults=False,
        )
    )
