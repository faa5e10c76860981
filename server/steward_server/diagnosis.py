"""What can be wrong with an installation, found by trying, each with how to mend it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import uuid4

import psycopg
from obstore.exceptions import PermissionDeniedError, UnauthenticatedError
from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from steward_server.composition import make_bucket, make_database
from steward_server.settings import Settings
from steward_tenants.audit.service import AUDIT_QUEUE
from steward_tenants.database import migrate
from steward_tenants.database.signing import TENANT_SETTING, parse_keys, sign
from steward_tenants.files.bucket import Bucket
from steward_tenants.files.errors import FileDamaged, FilesUnreachable
from steward_tenants.files.object_store import ObjectFileStore
from steward_tenants.texts import Bilingual
from steward_tenants.valkey import Valkey, ValkeyError
from steward_workers.metrics import read_figures

SUPPORTED_POSTGRESQL = 180000
CLOCK_SECONDS = 10
SEALED_WITHIN_SECONDS = 30
DONE_WITHIN_SECONDS = 300
FREE_BYTES = 1024**3
PROBE = b"steward"
PROBE_SECONDS = 20


@dataclass(frozen=True)
class Finding:
    """One check: whether all is well, what was seen, and what to do when it is not."""

    check: str
    ok: bool
    seen: str
    remedy: Bilingual | None = None


Check = Callable[[Settings], Awaitable[Finding]]


def _bad(check: str, seen: str, zh: str, en: str) -> Finding:
    return Finding(check, False, seen, Bilingual(zh, en))


async def _connect(url: str) -> psycopg.AsyncConnection[tuple[object, ...]]:
    return await psycopg.AsyncConnection.connect(url, connect_timeout=3, autocommit=True)


async def application_role(settings: Settings) -> Finding:
    """The application's role reaches a PostgreSQL that is new enough, and cannot step over row-level security."""
    name = "database"
    try:
        async with await _connect(settings.database_url.get_secret_value()) as connection:
            row = await (
                await connection.execute(
                    "select current_setting('server_version_num')::int, current_setting('server_encoding'),"
                    " rolsuper or rolbypassrls or rolcreaterole, has_database_privilege(current_database(), 'TEMP')"
                    " from pg_roles where rolname = current_user"
                )
            ).fetchone()
    except psycopg.Error as error:
        return _bad(
            name,
            type(error).__name__,
            "检查 STEWARD_DATABASE_URL 的主机、端口、用户与密码，以及数据库是否已启动。",
            "Check host, port, role and password of STEWARD_DATABASE_URL, and that the server runs.",
        )
    version, encoding, mighty, temporary = row or (0, "", True, True)
    if not isinstance(version, int) or version < SUPPORTED_POSTGRESQL:
        return _bad(
            name, f"PostgreSQL {version}", "需要 PostgreSQL 18 或更高版本。", "PostgreSQL 18 or newer is needed."
        )
    if mighty or temporary:
        return _bad(
            name,
            "role too powerful",
            "STEWARD_DATABASE_URL 必须使用 steward_app，它不能是超级用户，也不能有 BYPASSRLS 或 TEMP 权限。",
            "STEWARD_DATABASE_URL must use steward_app: no superuser, no BYPASSRLS, no TEMP.",
        )
    if encoding != "UTF8":
        return _bad(name, str(encoding), "数据库编码必须是 UTF8。", "The database's encoding must be UTF8.")
    return Finding(name, True, f"PostgreSQL {version // 10000}.{version % 10000}, {encoding}")


async def tenant_signature(settings: Settings) -> Finding:
    """The database accepts what this process signs, and the two clocks agree."""
    name = "tenant keys"
    key = parse_keys(settings.tenant_keys.get_secret_value())[0]
    tenant_id = uuid4()
    try:
        async with (
            await _connect(settings.database_url.get_secret_value()) as connection,
            connection.transaction(),
        ):
            token = sign(key, tenant_id, int(time.time()) + 30)
            await connection.execute("select set_config(%s, %s, true)", [TENANT_SETTING, token])
            row = await (await connection.execute("select steward.tenant(), now()")).fetchone()
    except psycopg.Error as error:
        return _bad(name, type(error).__name__, "先执行 steward migrate。", "Run `steward migrate` first.")
    seen, now = row or (None, datetime.now(UTC))
    skew = abs((datetime.now(UTC) - now).total_seconds()) if isinstance(now, datetime) else 0.0
    if skew > CLOCK_SECONDS:
        return _bad(
            name,
            f"clocks differ by {skew:.0f} s",
            "应用与数据库主机的时钟相差过大，请启用 NTP 对时。",
            "The clocks of application and database differ: keep both synchronised (NTP).",
        )
    if seen != tenant_id:
        return _bad(
            name,
            f"key {key.key_id} refused",
            "数据库不接受该签名密钥：执行 steward keys accept，并核对 STEWARD_TENANT_KEYS。",
            "The database refuses this key: run `steward keys accept`, and compare STEWARD_TENANT_KEYS.",
        )
    return Finding(name, True, f"key {key.key_id}, clocks within {skew:.1f} s")


async def directory_role(settings: Settings) -> Finding:
    """The directory's role reads the directory; events are being sealed."""
    name = "directory"
    try:
        async with await _connect(settings.directory_url.get_secret_value()) as connection:
            row = await (
                await connection.execute(
                    "select (select count(*) from directory.tenant),"
                    " coalesce(extract(epoch from now() - min(due)), 0)::int from directory.doorbell where queue = %s",
                    [AUDIT_QUEUE],
                )
            ).fetchone()
    except psycopg.Error as error:
        return _bad(
            name,
            type(error).__name__,
            "检查 STEWARD_DIRECTORY_URL；未迁移时先执行 steward migrate。",
            "Check STEWARD_DIRECTORY_URL; run `steward migrate` where that was not done.",
        )
    tenants, age = row or (0, 0)
    if isinstance(age, int) and age > SEALED_WITHIN_SECONDS:
        return _bad(
            name,
            f"oldest unsealed audit event: {age} s",
            "审计封存未在运行：启动 steward sealer。",
            "Audit events are not being sealed: start `steward sealer`.",
        )
    return Finding(name, True, f"{tenants} tenants, unsealed for {age} s at most")


async def schema(settings: Settings) -> Finding:
    """The schema is the code's."""
    name = "schema"
    if settings.migration_url is None:
        return Finding(name, True, "not checked: STEWARD_MIGRATION_URL is not set here")
    try:
        missing = await asyncio.to_thread(migrate.pending, settings.migration_url.get_secret_value())
    except Exception as error:
        return _bad(name, type(error).__name__, "检查 STEWARD_MIGRATION_URL。", "Check STEWARD_MIGRATION_URL.")
    if missing:
        return _bad(name, f"missing: {', '.join(missing)}", "执行 steward migrate。", "Run `steward migrate`.")
    return Finding(name, True, "up to date")


async def queue_server(settings: Settings) -> Finding:
    """The queue server answers."""
    name = "queue"
    redis = Redis.from_url(settings.redis_url.get_secret_value(), socket_timeout=3, socket_connect_timeout=3)
    try:
        info = await redis.info("server")
    except RedisError as error:
        return _bad(
            name,
            type(error).__name__,
            "检查 STEWARD_REDIS_URL，以及 Redis 或 Valkey 是否已启动。",
            "Check STEWARD_REDIS_URL, and that Redis or Valkey runs.",
        )
    finally:
        await redis.aclose()
    return Finding(
        name, True, f"{info.get('server_name', 'redis')} {info.get('valkey_version', info['redis_version'])}"
    )


async def job_queues(settings: Settings) -> Finding:
    """Jobs are being done: none has been due for long."""
    name = "jobs"
    database, valkey = make_database(settings, 2), Valkey(settings.redis_url.get_secret_value())
    try:
        figures = await read_figures(database, valkey)
    except (SQLAlchemyError, ValkeyError) as error:
        return _bad(
            name,
            type(error).__name__,
            "先解决上面的数据库或队列服务问题。",
            "Mend the database or the queue server first (above).",
        )
    finally:
        await valkey.close()
        await database.dispose()
    oldest = max(found.oldest for found in figures.queues.values())
    seen = f"{figures.workers} workers, oldest due work: {oldest:.0f} s"
    if oldest > DONE_WITHIN_SECONDS:
        return _bad(
            name,
            seen,
            "任务没有及时处理：启动 steward scheduler 与 steward worker，或增加工作进程。",
            "Jobs are not being done in time: start `steward scheduler` and `steward worker`, or more workers.",
        )
    return Finding(name, True, seen)


async def file_folder(settings: Settings) -> Finding:
    """Files can be written and there is room."""
    name = "files"
    folder = settings.files_path
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    if not os.access(existing, os.W_OK | os.X_OK):
        return _bad(
            name,
            "not writable",
            "让运行服务的用户可写 STEWARD_FILES_PATH。",
            "Let the service's user write to STEWARD_FILES_PATH.",
        )
    free = shutil.disk_usage(existing).free
    if free < FREE_BYTES:
        return _bad(name, f"{free // 2**20} MiB free", "清理磁盘空间。", "Free some disk space.")
    return Finding(name, True, f"{free // 2**30} GiB free")


async def file_bucket(bucket: Bucket) -> Finding:
    """A small object can be written, listed, read and deleted; it lies apart from every tenant's."""
    name, step = "files", "write"
    tenant_id, file_id = uuid4(), uuid4()
    store = ObjectFileStore(bucket)
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            await store.write(tenant_id, file_id, _probe(), len(PROBE))
            step = "list"
            listed = [kept.file_id for kept in await store.listing(tenant_id)]
            step = "read"
            found = b"".join([chunk async for chunk in store.read(tenant_id, file_id)])
            step = "delete"
            gone = await store.delete(tenant_id, file_id)
    except (FilesUnreachable, FileDamaged, TimeoutError) as error:
        if step in {"list", "read"}:
            with contextlib.suppress(FilesUnreachable, TimeoutError):
                async with asyncio.timeout(PROBE_SECONDS):
                    await store.delete(tenant_id, file_id)
        return _bucket_fails(name, step, error.__cause__ or error)
    if listed != [file_id] or found != PROBE or not gone:
        return _bad(
            name,
            "another object than was written",
            "存储桶须在写入后立即可读：去掉缓存或只读副本，并核对 STEWARD_FILES_ENDPOINT。",
            "The bucket must give back at once what was written: take caches and replicas out of the way, and check"
            " STEWARD_FILES_ENDPOINT.",
        )
    return Finding(name, True, f"bucket {bucket.name} at {bucket.address}")


async def _probe() -> AsyncIterator[bytes]:
    yield PROBE


def _bucket_fails(name: str, step: str, error: BaseException) -> Finding:
    seen = f"{step}: {type(error).__name__}"
    if isinstance(error, PermissionDeniedError | UnauthenticatedError):
        return _bad(
            name,
            seen,
            "检查 STEWARD_FILES_ACCESS_KEY、STEWARD_FILES_SECRET_KEY 与 STEWARD_FILES_REGION，"
            "并给予该密钥对存储桶的读、写、删除与列出权限（见 docs/operations.md）。",
            "Check STEWARD_FILES_ACCESS_KEY, STEWARD_FILES_SECRET_KEY and STEWARD_FILES_REGION, and let the key read,"
            " write, delete and list in the bucket (docs/operations.md).",
        )
    if isinstance(error, FileNotFoundError):
        return _bad(
            name,
            seen,
            "没有这个存储桶：创建它，或更正 STEWARD_FILES_BUCKET。",
            "There is no such bucket: create it, or correct STEWARD_FILES_BUCKET.",
        )
    return _bad(
        name,
        seen,
        "检查 STEWARD_FILES_ENDPOINT、STEWARD_FILES_REGION 与 STEWARD_FILES_PATH_STYLE，以及网络、证书和本机时钟。",
        "Check STEWARD_FILES_ENDPOINT, STEWARD_FILES_REGION and STEWARD_FILES_PATH_STYLE, and the network, the"
        " certificate and this machine's clock.",
    )


async def stored_files(settings: Settings) -> Finding:
    """The place that is set for files takes them: the bucket or the folder."""
    bucket = make_bucket(settings)
    return await (file_folder(settings) if bucket is None else file_bucket(bucket))


CHECKS: tuple[Check, ...] = (
    application_role,
    tenant_signature,
    directory_role,
    schema,
    queue_server,
    job_queues,
    stored_files,
)


async def diagnose(settings: Settings) -> AsyncIterator[Finding]:
    """Run every check, one after the other."""
    for check in CHECKS:
        yield await check(settings)
