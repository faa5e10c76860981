"""One injected SELECT or DML inside a tenant's transaction, as the application's role: it reaches no other tenant.

What is reachable and harmless is stated, so that a change shows. Not promised (docs/security): what an injected
PREPARE, DEALLOCATE, LISTEN or DO does to its own connection; a live token of another tenant, which never stands in
a statement's text; delays (sleeping, locks of one's own) up to the statement's time.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
import pytest_asyncio
from sqlalchemy.exc import DBAPIError, NotSupportedError

from steward_tenants.database.database import Database
from steward_tenants.database.session import WriteSession
from steward_tenants.database.signing import NamedKey, TenantSigner, sign
from tests.cluster import SECRET_KEYS, TENANT_KEYS, Addresses
from tests.factories import TESTS, make_member, make_tenant, make_unit

pytestmark = pytest.mark.unwatched("injected statements")
KEY = TENANT_KEYS[0]


@dataclass(frozen=True)
class Scene:
    """The tenant into whose transaction is injected, and the one that must not be reached."""

    own: UUID
    other: UUID
    secret: str
    """Stands in every text of the other tenant's rows."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def scene(database: Database) -> Scene:
    own, other = await make_tenant(database), await make_tenant(database)
    secret = f"机密{uuid4().hex}"
    async with database.write(other, TESTS) as session:
        make_unit(session, name=secret, code=secret)
    await make_member(database, other, name=secret)
    async with database.write(own, TESTS) as session:
        make_unit(session, name="自己的", code="own")
    return Scene(own, other, secret)


@asynccontextmanager
async def transaction(database: Database, tenant_id: UUID) -> AsyncIterator[WriteSession]:
    """A transaction that is always undone."""
    try:
        async with database.write(tenant_id, TESTS) as session:
            yield session
            raise _Undo
    except _Undo:
        pass


class _Undo(Exception):
    pass


async def sent(session: WriteSession, statement: str, *parameters: object) -> list[Any]:
    """The rows of a statement as it stands; parameters only where the test, not the attacker, needs them."""
    connection = await session.connection()
    result = await connection.exec_driver_sql(statement, tuple(parameters) or None)
    return list(result.all()) if result.returns_rows else []


async def everything_visible(session: WriteSession) -> str:
    """What the transaction can read of two tables, as text."""
    rows = await sent(session, "select tenant_id, name, code from app.org_unit")
    rows += await sent(session, "select tenant_id, name, login from app.tenant_user")
    return str(rows)


def forged(tenant_id: UUID) -> dict[str, str]:
    """Tokens for a tenant that nobody signed for this moment."""
    now = int(time.time())
    valid = sign(KEY, tenant_id, now + 30)
    key_id, tenant, expires, mac = valid.split(".")
    stranger = NamedKey(KEY.key_id, b"a key that the database never saw")
    return {
        "a stranger's key under a known name": sign(stranger, tenant_id, now + 30),
        "an unknown key": sign(NamedKey("k9", KEY.secret), tenant_id, now + 30),
        "a secret of another purpose": sign(NamedKey(KEY.key_id, SECRET_KEYS[0].secret), tenant_id, now + 30),
        "replayed after its time": sign(KEY, tenant_id, now - 5),
        "long expired": sign(KEY, tenant_id, 1),
        "far in the future": sign(KEY, tenant_id, now + 3600),
        "an hour beyond any number": f"{key_id}.{tenant}.{'9' * 30}.{mac}",
        "a prolonged expiry": f"{key_id}.{tenant}.{int(expires) + 20}.{mac}",
        "another tenant in a signed token": f"{key_id}.{uuid4()}.{expires}.{mac}",
        "no mac": f"{key_id}.{tenant}.{expires}.",
        "a mac of zeros": f"{key_id}.{tenant}.{expires}.{'0' * 64}",
        "an upper-case mac": f"{key_id}.{tenant}.{expires}.{mac.upper()}",
        "upper-case tenant": f"{key_id}.{tenant.upper()}.{expires}.{mac}",
        "a negative expiry": f"{key_id}.{tenant}.-{expires}.{mac}",
        "a sign": f"{key_id}.{tenant}.+{expires}.{mac}",
        "spaces": f" {valid} ",
        "a line break": valid + "\n",
        "five parts": valid + ".x",
        "the bare tenant": tenant,
        "nothing": "",
        "text": "' or true --",
        "very long": "k" * 100_000,
    }


def flipped(token: str) -> list[str]:
    """The token with one character changed, at every place."""
    return [
        token[:place] + ("1" if char != "1" else "2") + token[place + 1 :]
        for place, char in enumerate(token)
        if char != "."
    ]


@pytest.mark.parametrize("kind", list(forged(UUID(int=0))))
async def test_a_forged_token_opens_nothing(database: Database, scene: Scene, kind: str) -> None:
    token = forged(scene.other)[kind]
    async with transaction(database, scene.own) as session:
        assert "自己的" in await everything_visible(session)
        await sent(session, "select set_config('steward.tenant', %s, true)", token)
        seen = await everything_visible(session)
        assert scene.secret not in seen
        assert "自己的" not in seen, "a token that is none leaves no tenant at all"


async def test_a_token_with_any_character_changed_opens_nothing(database: Database, scene: Scene) -> None:
    valid = sign(KEY, scene.other, int(time.time()) + 30)
    async with transaction(database, scene.own) as session:
        for token in flipped(valid):
            ((tenant,),) = await sent(
                session,
                "with set as materialized (select set_config('steward.tenant', %s, true))"
                " select steward.tenant() from set where set_config is not null",
                token,
            )
            assert tenant is None, token


async def test_a_live_token_is_a_bearer(database: Database, scene: Scene) -> None:
    """Why it is a bound parameter, local to its transaction, short-lived, and in no log."""
    async with transaction(database, scene.own) as session:
        await sent(session, "select set_config('steward.tenant', %s, true)", TenantSigner((KEY,)).token(scene.other))
        assert scene.secret in await everything_visible(session)


async def test_a_token_is_judged_by_the_transactions_start(database: Database, scene: Scene) -> None:
    async with transaction(database, scene.own) as session:
        await sent(session, "select set_config('steward.tenant', %s, true)", sign(KEY, scene.own, int(time.time()) + 1))
        await sent(session, "select pg_sleep(1.2)")
        assert "自己的" in await everything_visible(session), "a running transaction keeps its tenant"


REFUSED = {
    "activity of others": "select query from pg_stat_activity",
    "activity by function": "select * from pg_stat_get_activity(null)",
    "activity by backend": "select pg_stat_get_backend_activity(n) from generate_series(1, 300) n",
    "cancel another": "select pg_cancel_backend(pid) from generate_series(1, 99999) pid",
    "end another": "select pg_terminate_backend(pid) from generate_series(1, 99999) pid",
    "notify": "select pg_notify('channel', 'x')",
    "write-ahead message": "select pg_logical_emit_message(false, 'x', 'y')",
    "verifier's keys": "select * from steward.tenant_key",
    "delete the verifier's keys": "delete from steward.tenant_key",
    "migrations": "select * from steward.migration",
    "partitions of the log": "select steward.extend_audit_partitions(current_date, 2)",
    "drop the log": "select steward.drop_audit_partitions(0)",
    "rewrite the log": "update app.audit_event set reason = 'x'",
    "shorten the log": "delete from app.audit_event",
    "a seal": "delete from app.audit_seal",
    "tenants": "select * from directory.tenant",
    "accounts": "select * from directory.account",
    "credentials": "select * from directory.credential",
    "memberships": "select * from directory.membership",
    "one-time tokens": "delete from directory.one_time_token returning *",
    "signing keys": "select * from directory.signing_key",
    "bells": "select * from directory.doorbell",
    "bells returned": "insert into directory.doorbell (queue, tenant_id, job_id) values"
    " ('q', steward.tenant(), gen_random_uuid()) returning *",
    "another's bell": "insert into directory.doorbell (queue, tenant_id, job_id) values"
    " ('q', gen_random_uuid(), gen_random_uuid())",
    "statistics": "select * from pg_statistic",
    "passwords": "select * from pg_authid",
    "user mappings": "select * from pg_user_mapping",
    "large objects": "select * from pg_largeobject",
    "make a large object": "select lo_from_bytea(0, 'x')",
    "create a large object": "select lo_create(0)",
    "creat a large object": "select lo_creat(-1)",
    "read a large object": "select lo_get(1)",
    "open a large object": "select lo_open(1, 262144)",
    "import a file": "select lo_import('/etc/passwd')",
    "read a file": "select pg_read_file('PG_VERSION')",
    "read a binary file": "select pg_read_binary_file('PG_VERSION')",
    "list a folder": "select pg_ls_dir('.')",
    "list the log": "select pg_ls_logdir()",
    "the log's name": "select pg_current_logfile()",
    "reload": "select pg_reload_conf()",
    "a new session's role": "set session authorization postgres",
    "another role": "set role steward_owner",
    "the verifier's role": "set role steward_verifier",
    "role by function": "select set_config('role', 'steward_owner', true)",
    "authorization by function": "select set_config('session_authorization', 'postgres', true)",
    "replication role": "select set_config('session_replication_role', 'replica', true)",
    "load": "load 'plpgsql'",
    "copy to a file": "copy app.org_unit to '/tmp/steward-injected'",
    "copy to a program": "copy (select 1) to program 'cat'",
    "copy from a program": "copy app.org_unit from program 'cat'",
    "copy from a file": "copy app.org_unit from '/etc/passwd'",
    "a table": "create table app.injected (x integer)",
    "a temporary table": "create temporary table injected (x integer)",
    "a view": "create view app.injected as select 1",
    "a function": "create function app.injected() returns integer language sql return 1",
    "a temporary function": "create function pg_temp.injected() returns integer language sql return 1",
    "a public table": "create table public.injected (x integer)",
    "a policy": "create policy more on app.org_unit using (true)",
    "no row security": "alter table app.org_unit disable row level security",
    "truncate": "truncate app.org_unit cascade",
    "a trigger": "create trigger t before insert on app.org_unit execute function suppress_redundant_updates_trigger()",
    "a rule": "create rule r as on select to app.org_unit do instead nothing",
    "an owner": "alter table app.org_unit owner to steward_app",
    "a code block": "do $$ begin perform 1; end $$",
    "an extension": "create extension vector",
    "a server": "create server s foreign data wrapper postgres_fdw",
    "the statistics reset": "select pg_stat_reset()",
    "a snapshot of another": "set transaction snapshot '00000003-0000001B-1'",
    "a replication slot": "select pg_create_logical_replication_slot('s', 'pgoutput')",
    "a dump by xml": "select query_to_xml('select * from directory.account', true, true, '')",
    "row security off": "select set_config('row_security', 'off', true), 1; select * from app.org_unit",
}


@pytest.mark.parametrize("statement", REFUSED.values(), ids=REFUSED.keys())
async def test_is_refused(database: Database, scene: Scene, statement: str) -> None:
    async with transaction(database, scene.own) as session:
        with pytest.raises(DBAPIError) as refusal:
            await sent(session, statement.replace("%", "%%"))
    assert scene.secret not in str(refusal.value)


HARMLESS = {
    "everything": "select t.*::text from app.org_unit t",
    "every user": "select t.*::text from app.tenant_user t",
    "the table command": "table app.org_unit",
    "an or": "select name from app.org_unit where tenant_id = '{own}' or true",
    "the other's id": "select name from app.org_unit where tenant_id = '{other}'",
    "a union": "select name from app.org_unit union all select name from app.tenant_user",
    "an error in the condition": "select name from app.org_unit where 1 / (case when name like '机密%' then 0 else 1 end) = 1",
    "a cast in the condition": "select name from app.org_unit where case when name like '机密%' then name::int else 1 end = 1",
    "a fresh update": "update app.org_unit set name = '改' where tenant_id = '{other}' returning name",
    "an update of all": "update app.org_unit set name = name returning name",
    "a delete": "delete from app.org_unit where tenant_id = '{other}' returning name",
    "for update": "select name from app.org_unit for update",
    "a dump by xml": "select query_to_xml('select * from app.org_unit', true, true, '')::text",
    "a table by xml": "select table_to_xml('app.org_unit', true, true, '')::text",
    "a schema by xml": "select schema_to_xml('app', true, true, '')::text",
    "a plan by xml": "select query_to_xml('explain select * from app.org_unit where code like ''机密%''', true, true, '')::text",
    "set_config by xml": "select query_to_xml('select set_config(''steward.tenant'', ''x'', true)', true, true, '')::text,"
    " (select string_agg(name, ',') from app.org_unit)",
    "statistics": "select tablename, most_common_vals::text, histogram_bounds::text from pg_stats where schemaname = 'app'",
    "extended statistics": "select * from pg_stats_ext",
    "expression statistics": "select * from pg_stats_ext_exprs",
    "sizes": "select relname, reltuples, relpages from pg_class where relnamespace = 'app'::regnamespace",
    "activity counters": "select relname, n_live_tup, n_tup_ins from pg_stat_user_tables",
    "locks": "select locktype, objid, classid, virtualtransaction from pg_locks",
    "settings": "select name, setting, reset_val from pg_settings",
    "own prepared statements": "select name, statement, parameter_types::text from pg_prepared_statements",
    "cursors": "select * from pg_cursors",
    "roles": "select rolname, rolpassword from pg_roles",
    "databases": "select datname from pg_database",
    "the verifier's text": "select prosrc from pg_proc where proname = 'tenant'",
    "the tenant": "select steward.tenant()",
    "role none": "set role none",
    "own role": "set role steward_app",
    "reset all": "reset all",
    "reset the role": "reset role",
    "reset the tenant": "reset steward.tenant",
    "the role's own settings": "select set_config('row_security', 'on', true)",
    "a search path": "select set_config('search_path', 'app, steward, directory', true)",
    "a shadowing path": "select set_config('search_path', 'pg_temp, app', true)",
    "quoting": "select set_config('standard_conforming_strings', 'off', true)",
    "a library for sessions to come": "select set_config('local_preload_libraries', 'x', true)",
    "a grant of what one may not grant": "grant select on app.org_unit to public",
    "planner": "select set_config('enable_seqscan', 'off', true)",
    "cached plans": "select set_config('plan_cache_mode', 'force_generic_plan', true)",
    "a lock of a transaction": "select pg_advisory_xact_lock(4711)",
    "a snapshot": "select pg_export_snapshot()",
    "a parallel plan": "select set_config('debug_parallel_query', 'on', true), (select string_agg(name, ',') from app.org_unit)",
}


@pytest.mark.parametrize("name", HARMLESS)
async def test_is_harmless(database: Database, scene: Scene, name: str) -> None:
    """It runs, and shows nothing of the other tenant, nor does what comes after it in the transaction."""
    values = {"own": scene.own, "other": scene.other, "secret": scene.secret}
    statement = HARMLESS[name]
    for key, value in values.items():
        statement = statement.replace(f"{{{key}}}", str(value))
    async with transaction(database, scene.own) as session:
        try:
            shown = str(await sent(session, statement.replace("%", "%%")))
        except NotSupportedError:
            assert "xml" in name, "only a server built without XML refuses"
            return
        assert scene.secret not in shown
        if name != "the other's id":
            assert str(scene.other) not in shown
        assert scene.secret not in await everything_visible(session)
    await untouched(database, scene)


async def test_an_upsert_meets_no_row_of_another_tenant(database: Database, scene: Scene) -> None:
    async with transaction(database, scene.own) as session:
        rows = await sent(
            session,
            "insert into app.org_unit (tenant_id, id, code, name) values (steward.tenant(), gen_random_uuid(), %s, 'new')"
            " on conflict (tenant_id, code) do update set name = app.org_unit.name returning name",
            scene.secret,
        )
    assert [row.name for row in rows] == ["new"]
    await untouched(database, scene)


async def test_a_session_lock_is_ones_own_and_ends_with_the_connection(database: Database, scene: Scene) -> None:
    """It outlives its transaction and could make others of the same number wait: noted, not closed."""
    async with transaction(database, scene.own) as session:
        assert await sent(session, "select pg_try_advisory_lock(4711), pg_advisory_unlock(4711)") == [(True, True)]


async def untouched(database: Database, scene: Scene) -> None:
    async with transaction(database, scene.other) as session:
        assert (await everything_visible(session)).count(scene.secret) == 3


@pytest.mark.parametrize("table", ["org_unit", "tenant_user", "audit_event"])
async def test_copy_shows_ones_own_rows(database: Database, scene: Scene, table: str) -> None:
    async with transaction(database, scene.own) as session:
        driver: Any = (await (await session.connection()).get_raw_connection()).driver_connection
        shown = b""
        async with driver.cursor().copy(f"copy (select t.*::text from app.{table} t) to stdout") as copy:
            async for block in copy:
                shown += bytes(block)
        assert scene.secret not in shown.decode()
        async with driver.cursor().copy(f"copy app.{table} to stdout") as copy:
            async for block in copy:
                shown += bytes(block)
        assert scene.secret not in shown.decode()
        assert str(scene.other) not in shown.decode()


async def test_copy_in_is_refused(database: Database, scene: Scene) -> None:
    async with transaction(database, scene.own) as session:
        driver: Any = (await (await session.connection()).get_raw_connection()).driver_connection
        with pytest.raises(psycopg.errors.FeatureNotSupported, match="row-level security"):
            async with driver.cursor().copy("copy app.org_unit from stdin") as copy:
                await copy.write(f"{scene.other}\t{uuid4()}\tx\tx\n".encode())


async def test_a_partition_is_reached_through_its_parent_only(database: Database, scene: Scene) -> None:
    async with transaction(database, scene.own) as session:
        ((partition,),) = await sent(
            session,
            "select min(inhrelid::regclass::text) from pg_inherits where inhparent = 'app.audit_event'::regclass",
        )
        with pytest.raises(DBAPIError, match="permission denied"):
            await sent(session, f"select * from {partition}")


LASTING = {
    "search_path": "app",
    "row_security": "off",
    "TimeZone": "Pacific/Kiritimati",
    "DateStyle": "German, DMY",
    "client_encoding": "LATIN1",
    "default_transaction_read_only": "on",
    "default_transaction_isolation": "serializable",
    "statement_timeout": "7001",
    "lock_timeout": "7001",
    "idle_in_transaction_session_timeout": "7001",
    "standard_conforming_strings": "off",
    "bytea_output": "escape",
    "steward.tenant": "{token}",
    "steward.other": "x",
}


@pytest.mark.parametrize("setting", LASTING)
async def test_a_setting_that_outlives_its_transaction_reaches_nobody(
    addresses: Addresses, database_name: str, scene: Scene, setting: str
) -> None:
    """set_config(…, false) and a commit: the next tenant on the same connection works as ever."""
    settings = addresses.settings(database_name)
    database = Database(type(settings)(**{**settings.__dict__, "pool_size": 1}))
    try:
        async with database.write(scene.own, TESTS) as session:
            before = await sent(session, "select current_setting(%s, true)", setting)
        value = LASTING[setting].replace("{token}", sign(KEY, scene.own, int(time.time()) + 50))
        async with database.write(scene.own, TESTS) as session:
            await sent(session, "select set_config(%s, %s, false)", setting, value)
        async with database.write(scene.other, TESTS) as session:
            if setting != "steward.tenant":
                after = await sent(session, "select current_setting(%s, true)", setting)
                assert [row[0] or None for row in after] == [row[0] or None for row in before]
            assert (await everything_visible(session)).count(scene.secret) == 3
            assert "自己的" not in await everything_visible(session)
            ((isolation, read_only),) = await sent(
                session, "select current_setting('transaction_isolation'), current_setting('transaction_read_only')"
            )
            assert (isolation, read_only) == ("read committed", "off")
    finally:
        await database.dispose()
