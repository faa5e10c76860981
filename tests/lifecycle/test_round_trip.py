"""Export and restore: everything comes back, nothing else, and only when the archive is whole."""

from __future__ import annotations

import asyncio
import hashlib
import json
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
import pytest_asyncio
from sqlalchemy import func, select

from steward_core.schedules.planning import BELLS
from steward_core.schedules.provided import ensure_system_schedules
from steward_core.schedules.scheduler import fire_due
from steward_tenants.access.permissions import PEOPLE_VIEW
from steward_tenants.audit.models import AuditEvent
from steward_tenants.audit.sealer import Sealer
from steward_tenants.audit.verification import verify
from steward_tenants.database.database import Database
from steward_tenants.database.signing import NamedKey
from steward_tenants.database.vault import Vault
from steward_tenants.directory.models import Account, Doorbell, Membership, Tenant, TenantStatus
from steward_tenants.errors import Forbidden, InvalidInput, StewardError, TenantSuspended
from steward_tenants.files.store import LocalFileStore
from steward_tenants.lifecycle.archive import open_archive
from steward_tenants.lifecycle.deletion import discard_unfinished
from steward_tenants.lifecycle.errors import (
    ArchiveRefused,
    ArchiveSchemaDiffers,
    ArchiveSecretsUnreadable,
    TenantKeyTaken,
    TenantNotReady,
)
from steward_tenants.lifecycle.export import export_tenant
from steward_tenants.lifecycle.restore import RESTORING, restore_tenant
from steward_tenants.lifecycle.rules import KEPT_AS_HISTORY, LEFT_OUT, exported_tables
from steward_tenants.lifecycle.service import suspend_tenant
from steward_tenants.models import tenant_metadata
from steward_tenants.outbox.models import OutboxJob
from steward_tenants.people.models import User
from steward_tenants.people.service import open_identity_number
from tests.factories import TESTS, actor_with
from tests.lifecycle.tenants import BYTES, IDENTITY, OPERATOR, archive_in, furnished_tenant, rows_of


def new_key() -> str:
    return f"r{uuid4().hex[:12]}"


async def read_all(store: LocalFileStore, tenant_id: UUID, file_id: UUID) -> bytes:
    return b"".join([chunk async for chunk in store.read(tenant_id, file_id)])


def test_every_table_is_exported_or_left_out_with_a_reason() -> None:
    exported = {plan.name for plan in exported_tables()}
    every = {table.name for table in tenant_metadata.tables.values()}
    assert exported | set(LEFT_OUT) == every
    assert not exported & set(LEFT_OUT)
    assert set(KEPT_AS_HISTORY) <= exported
    assert all(reason.zh and reason.en for reason in (*LEFT_OUT.values(), *KEPT_AS_HISTORY.values()))


async def test_what_was_exported_comes_back_whole(database: Database, store: LocalFileStore, tmp_path: Path) -> None:
    old = await furnished_tenant(database, store)
    told: list[tuple[str, int, int]] = []
    exported = await export_tenant(
        database, store, old.key, OPERATOR, archive_in(tmp_path), progress=lambda *step: told.append(step)
    )
    assert exported.path.stat().st_mode & 0o777 == 0o600
    assert ("tenant_user", 2, 2) in told
    held = {content.table: content.rows for content in exported.manifest.tables}
    assert {plan.name for plan in exported_tables()} == set(held)
    assert all(rows for table, rows in held.items() if table != "audit_seal"), held
    found = await restore_tenant(database, store, exported.path, new_key(), OPERATOR, expected_sha256=exported.sha256)
    assert (found.status, found.name, found.time_zone) == (
        TenantStatus.ACTIVE,
        "示例烟草公司😀",
        "Asia/Urumqi",
    )
    # Webhooks arrive paused, with secrets encrypted for their new place: tests/core/webhooks looks at them.
    special = {"audit_event", "audit_seal", "tenant_user", "support_access", "webhook_endpoint"}
    for plan in exported_tables():
        if plan.name not in special:
            assert await rows_of(database, found.id, plan.name) == await rows_of(database, old.id, plan.name)
    before = (await rows_of(database, old.id, "tenant_user"))[0]
    after = (await rows_of(database, found.id, "tenant_user"))[0]
    changed = {"identity_number", "status"}
    assert {k: v for k, v in before.items() if k not in changed} == {k: v for k, v in after.items() if k not in changed}
    assert after["status"] == "invited"  # the account has nothing to sign in with
    assert await read_all(store, found.id, old.file_id) == BYTES
    async with database.read(found.id, TESTS) as session:
        user = await session.get(User, old.user_id)
        assert user is not None
        assert open_identity_number(session.vault, found.id, user.id, user.identity_number) == IDENTITY
        access = await rows_of(database, found.id, "support_access")
        assert access[0]["ended_at"] is not None
    async with database.directory() as directory:
        assert await directory.scalars(select(Membership.user_id).where(Membership.tenant_id == found.id)) == [
            old.user_id
        ]


async def test_schedulers_look_at_a_restored_tenant(database: Database, store: LocalFileStore, tmp_path: Path) -> None:
    old = await furnished_tenant(database, store)
    async with database.write(old.id, TESTS) as session:
        await ensure_system_schedules(session)
    exported = await export_tenant(database, store, old.id, OPERATOR, archive_in(tmp_path))
    found = await restore_tenant(database, store, exported.path, new_key(), OPERATOR)
    async with database.directory() as directory:
        dues = await directory.scalars(
            select(Doorbell.due).where(Doorbell.tenant_id == found.id, Doorbell.queue == BELLS)
        )
    assert len(dues) == 1
    assert dues[0] <= datetime.now(UTC)
    await fire_due(database, datetime.now(UTC) + timedelta(hours=2))
    async with database.read(found.id, TESTS) as session:
        job = await session.find(OutboxJob, OutboxJob.kind == "upkeep.tenant")
    assert job is not None


async def test_a_new_chain_begins_with_the_events_that_came_along(
    database: Database, store: LocalFileStore, tmp_path: Path
) -> None:
    old = await furnished_tenant(database, store)
    sealer = Sealer(database, upkeep=False)
    await sealer.seal_once()
    exported = await export_tenant(database, store, old.id, OPERATOR, archive_in(tmp_path))
    assert exported.manifest.audit is not None
    found = await restore_tenant(database, store, exported.path, new_key(), OPERATOR)
    while await sealer.seal_once():
        pass
    async with database.read(found.id, TESTS) as session:
        events = await session.rows(select(AuditEvent.action, AuditEvent.changes).where(session.within(AuditEvent)))
    actions = {row.action for row in events}
    assert {"test.furnished", "tenant.export", "tenant.restored"} <= actions
    restored = next(row.changes for row in events if row.action == "tenant.restored")
    assert restored["previous_chain"][1]["chain"] == exported.manifest.audit.chain
    assert restored["archive_sha256"][1] == exported.sha256
    report = await verify(database, found.id)
    assert report.intact, report
    assert (report.tail.events, report.warnings) == (0, [])


async def test_people_without_account_here_get_one_without_credentials(
    database: Database, store: LocalFileStore, tmp_path: Path
) -> None:
    old = await furnished_tenant(database, store)
    exported = await export_tenant(database, store, old.id, OPERATOR, archive_in(tmp_path))
    async with database.directory() as directory:
        account = await directory.find(Account, Account.login == old.login)
        assert account is not None
        await directory.delete(account)
    found = await restore_tenant(database, store, exported.path, new_key(), OPERATOR)
    async with database.directory() as directory:
        made = await directory.find(Account, Account.login == old.login)
        assert made is not None
        assert made.id != account.id
    assert (await rows_of(database, found.id, "tenant_user"))[0]["account_id"] == made.id


async def test_a_suspended_tenant_refuses_people_and_can_be_exported(
    database: Database, store: LocalFileStore, tmp_path: Path
) -> None:
    old = await furnished_tenant(database, store)
    await suspend_tenant(database, old.id, OPERATOR, reason="欠费")
    with pytest.raises(TenantSuspended) as refused:
        async with database.read(old.id, TESTS):
            pass
    assert refused.value.as_dict("zh-CN")["code"] == "tenant_suspended"
    exported = await export_tenant(database, store, old.id, OPERATOR, archive_in(tmp_path))
    assert exported.manifest.tenant.key == old.key


async def test_an_export_needs_the_permission_and_leaves_no_part_when_it_fails(
    database: Database, store: LocalFileStore, tmp_path: Path
) -> None:
    old = await furnished_tenant(database, store)
    with pytest.raises(Forbidden):
        await export_tenant(database, store, old.id, actor_with(PEOPLE_VIEW), archive_in(tmp_path))

    def stop(table: str, _done: int, _total: int) -> None:
        if table == "tenant_user":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await export_tenant(database, store, old.id, OPERATOR, archive_in(tmp_path), progress=stop)
    assert names_in(tmp_path) == ["files"]


async def test_damaged_bytes_are_named_in_the_manifest_and_do_not_stop_an_export(
    database: Database, store: LocalFileStore, tmp_path: Path
) -> None:
    old = await furnished_tenant(database, store)
    await store.delete(old.id, old.file_id)
    exported = await export_tenant(database, store, old.id, OPERATOR, archive_in(tmp_path))
    assert exported.manifest.files.missing == [old.file_id]
    found = await restore_tenant(database, store, exported.path, new_key(), OPERATOR)
    assert (await rows_of(database, found.id, "stored_file"))[0]["deleted_at"] is not None


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


Tamper = Callable[[dict[str, bytes]], None]


def _change_row(members: dict[str, bytes]) -> None:
    members["tables/tenant_user.jsonl"] = members["tables/tenant_user.jsonl"].replace(b"13800001234", b"13900001234")


def _drop_row(members: dict[str, bytes]) -> None:
    members["tables/role.jsonl"] = b""


def _drop_table(members: dict[str, bytes]) -> None:
    del members["tables/role.jsonl"]


def _change_file(members: dict[str, bytes]) -> None:
    name = next(name for name in members if name.startswith("files/"))
    members[name] = members[name][:-1] + b"X"


def _drop_file(members: dict[str, bytes]) -> None:
    del members[next(name for name in members if name.startswith("files/"))]


def _add_file(members: dict[str, bytes]) -> None:
    members[f"files/{uuid4()}"] = b"x"


def _climb(members: dict[str, bytes]) -> None:
    members["files/../../../etc/evil"] = b"x"


def _absolute(members: dict[str, bytes]) -> None:
    members["/etc/evil"] = b"x"


def _change_manifest(members: dict[str, bytes], **values: object) -> None:
    manifest = json.loads(members["manifest.json"])
    manifest.update(values)
    members["manifest.json"] = json.dumps(manifest).encode()


def _format(members: dict[str, bytes]) -> None:
    _change_manifest(members, version=99)


def _unknown_field(members: dict[str, bytes]) -> None:
    _change_manifest(members, surprise=1)


def _no_manifest(members: dict[str, bytes]) -> None:
    del members["manifest.json"]


def _rewritten_row(members: dict[str, bytes]) -> None:
    """The digest is made to fit as well: the row itself is impossible."""
    data = members["tables/role.jsonl"].replace(b'"business"', b'"emperor!"')
    members["tables/role.jsonl"] = data
    manifest = json.loads(members["manifest.json"])
    content = next(item for item in manifest["tables"] if item["table"] == "role")
    content.update(sha256=hashlib.sha256(data).hexdigest(), size=len(data))
    members["manifest.json"] = json.dumps(manifest).encode()


def _bomb(members: dict[str, bytes]) -> None:
    members["tables/role.jsonl"] = b"\0" * (80 * 1024 * 1024)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def archive(database: Database, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The members of an exported tenant's archive; the tenant is still there, its files in a store of their own."""
    folder = tmp_path_factory.mktemp("archive")
    store = LocalFileStore(folder / "store")
    old = await furnished_tenant(database, store)
    exported = await export_tenant(database, store, old.id, OPERATOR, archive_in(folder))
    with zipfile.ZipFile(exported.path) as packed:
        return {name: packed.read(name) for name in packed.namelist()}


@pytest.mark.parametrize(
    "tamper",
    [
        _change_row,
        _drop_row,
        _drop_table,
        _change_file,
        _drop_file,
        _add_file,
        _climb,
        _absolute,
        _format,
        _unknown_field,
        _no_manifest,
        _rewritten_row,
        _bomb,
    ],
)
async def test_a_tampered_archive_is_refused_whole(
    database: Database, store: LocalFileStore, tmp_path: Path, archive: dict[str, bytes], tamper: Tamper
) -> None:
    members = dict(archive)
    tamper(members)
    other = tmp_path / "other.zip"
    with zipfile.ZipFile(other, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, data in members.items():
            packed.writestr(name, data)
    key = new_key()
    with pytest.raises(ArchiveRefused):
        await restore_tenant(database, store, other, key, OPERATOR)
    await nothing_is_left(database, store, key)


async def nothing_is_left(database: Database, store: LocalFileStore, key: str, *others: UUID) -> None:
    async with database.directory() as directory:
        assert await directory.scalar(select(func.count()).where(Tenant.key == key)) == 0
    assert (names_in(store.root) if store.root.exists() else []) == [str(other) for other in others]


async def test_archives_of_other_versions_truncated_ones_and_foreign_files_are_refused(
    database: Database, store: LocalFileStore, tmp_path: Path
) -> None:
    old = await furnished_tenant(database, store)
    exported = await export_tenant(database, store, old.id, OPERATOR, archive_in(tmp_path))
    with zipfile.ZipFile(exported.path) as packed:
        members = {name: packed.read(name) for name in packed.namelist()}
    _change_manifest(members, schema_revision="0000")
    other = tmp_path / "other.zip"
    with zipfile.ZipFile(other, "w") as packed:
        for name, data in members.items():
            packed.writestr(name, data)
    with pytest.raises(ArchiveSchemaDiffers):
        await restore_tenant(database, store, other, new_key(), OPERATOR)
    for data in (exported.path.read_bytes()[:-200], b"", b"PK\x03\x04"):
        other.write_bytes(data)
        with pytest.raises(ArchiveRefused):
            await restore_tenant(database, store, other, new_key(), OPERATOR)
    with pytest.raises(ArchiveRefused) as refused:
        await restore_tenant(database, store, tmp_path / "nowhere.zip", new_key(), OPERATOR)
    assert "文件无法读取" in refused.value.as_dict("zh-CN")["message"]
    assert "cannot be read" in refused.value.as_dict("en")["message"]
    with pytest.raises(ArchiveRefused):
        await restore_tenant(database, store, exported.path, new_key(), OPERATOR, expected_sha256="0" * 64)
    with pytest.raises(ArchiveRefused):
        await restore_tenant(database, store, exported.path, new_key(), OPERATOR, at_most=1000)
    with pytest.raises(TenantKeyTaken):
        await restore_tenant(database, store, exported.path, old.key, OPERATOR)
    with pytest.raises(InvalidInput):
        await restore_tenant(database, store, exported.path, "Bad Key", OPERATOR)
    with pytest.raises(Forbidden):
        await restore_tenant(database, store, exported.path, new_key(), actor_with(PEOPLE_VIEW))
    assert names_in(store.root) == [str(old.id)]


async def test_secrets_under_a_key_that_is_not_here_refuse_the_archive(
    database: Database, store: LocalFileStore, tmp_path: Path
) -> None:
    old = await furnished_tenant(database, store)
    foreign = Vault((NamedKey("elsewhere", b"another platform's key, 32 bytes"),))
    async with database.write(old.id, TESTS) as session:
        user = await session.get(User, old.user_id)
        assert user is not None
        user.identity_number = foreign.encrypt(IDENTITY, "elsewhere")
    exported = await export_tenant(database, store, old.id, OPERATOR, archive_in(tmp_path))
    key = new_key()
    with pytest.raises(ArchiveSecretsUnreadable):
        await restore_tenant(database, store, exported.path, key, OPERATOR)
    await nothing_is_left(database, store, key, old.id)


async def test_a_restore_that_was_cut_off_is_begun_anew(
    database: Database, store: LocalFileStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = await furnished_tenant(database, store)
    exported = await export_tenant(database, store, old.id, OPERATOR, archive_in(tmp_path))
    key = new_key()
    with monkeypatch.context() as patch:

        async def die(*_args: object) -> None:
            raise ConnectionResetError

        patch.setattr("steward_tenants.lifecycle.restore._admit", die)
        patch.setattr("steward_tenants.lifecycle.restore._undo", die)
        with pytest.raises(ConnectionResetError):
            await restore_tenant(database, store, exported.path, key, OPERATOR)
    async with database.directory() as directory:
        half = await directory.find(Tenant, Tenant.key == key)
        assert half is not None
        assert half.status == TenantStatus.RESTORING
    with pytest.raises(TenantSuspended):
        async with database.read(half.id, TESTS):
            pass
    found = await restore_tenant(database, store, exported.path, key, OPERATOR)
    assert found.id != half.id
    assert names_in(store.root) == sorted([str(old.id), str(found.id)])


def test_the_outline_of_an_archive_shows_its_files(tmp_path: Path) -> None:
    path = tmp_path / "empty.zip"
    with zipfile.ZipFile(path, "w"):
        pass
    with pytest.raises(ArchiveRefused), open_archive(path):
        pass


async def test_a_restore_whose_files_another_one_removes_says_so(
    database: Database, store: LocalFileStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = await furnished_tenant(database, store)
    exported = await export_tenant(database, store, old.id, OPERATOR, archive_in(tmp_path))
    key = new_key()

    async def removed(*_given: object) -> None:
        await discard_unfinished(database, store, key, RESTORING)
        raise FileNotFoundError

    monkeypatch.setattr(store, "write", removed)
    with pytest.raises(TenantNotReady):
        await restore_tenant(database, store, exported.path, key, OPERATOR)


async def test_two_restores_under_one_key_leave_one_tenant_or_none_in_between(
    database: Database, store: LocalFileStore, tmp_path: Path
) -> None:
    old = await furnished_tenant(database, store)
    exported = await export_tenant(database, store, old.id, OPERATOR, archive_in(tmp_path))
    key = new_key()
    outcomes = await asyncio.gather(
        *(restore_tenant(database, store, exported.path, key, OPERATOR) for _ in range(3)),
        return_exceptions=True,
    )
    failures = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    assert all(isinstance(failure, StewardError) for failure in failures), failures
    async with database.directory() as directory:
        row = await directory.find(Tenant, Tenant.key == key)
    assert row is None or row.status == TenantStatus.ACTIVE
    if row is not None:
        assert names_in(store.root) == sorted([str(old.id), str(row.id)])
        assert await rows_of(database, row.id, "org_unit") == await rows_of(database, old.id, "org_unit")
