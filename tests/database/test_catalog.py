"""Wall 1 as the database's own catalogue shows it. Each check is proved able to fail."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, LiteralString, NamedTuple

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import scalar_row

from steward_tenants.database.policies import APPLICATION_ROLE, DIRECTORY_ROLE, OWNER_ROLE, VERIFIER_ROLE
from steward_tenants.models import directory_metadata, tenant_metadata
from tests.cluster import Addresses

DIRECTORY_TABLES = {
    "account",
    "audit_anchor",
    "bell",
    "credential",
    "doorbell",
    "membership",
    "one_time_token",
    "platform_event",
    "signing_key",
    "tenant",
    "throttle",
}
"""The closed list: a table belongs here only when it is read before any tenant is known."""


class Check(NamedTuple):
    """`query` names every offender; each of `offences` makes one that it must find."""

    name: str
    query: LiteralString
    offences: tuple[LiteralString, ...]


TABLE: LiteralString = (
    "create table app.odd (tenant_id uuid not null, id uuid not null, primary key (tenant_id, id));"
    "alter table app.odd enable row level security; alter table app.odd force row level security;"
    "create policy tenant on app.odd using (tenant_id = (select steward.tenant()))"
    " with check (tenant_id = (select steward.tenant()));"
)
DEFINER: LiteralString = (
    "create function steward.odd() returns integer language sql security definer set search_path = ''"
    " begin atomic select 1; end; revoke all on function steward.odd() from public;"
)

CHECKS = [
    Check(
        "every tenant table has row-level security, enabled and forced",
        "select c.relname || ' is open' from pg_class c where c.relnamespace = 'app'::regnamespace"
        " and c.relkind in ('r', 'p') and not (c.relrowsecurity and c.relforcerowsecurity)",
        (
            "alter table app.role disable row level security",
            "alter table app.role no force row level security",
            "create table app.odd (tenant_id uuid not null primary key)",
            "create table app.audit_event_209901 partition of app.audit_event"
            " for values from ('2099-01-01') to ('2099-02-01')",
        ),
    ),
    Check(
        "every tenant table has one policy, which states the tenant for reading and for writing",
        "select c.relname || ' has policies ' || coalesce(array_agg(p.polname)::text, '-') from pg_class c"
        " left join pg_policy p on p.polrelid = c.oid"
        " where c.relnamespace = 'app'::regnamespace and c.relkind in ('r', 'p') group by c.oid, c.relname"
        " having count(p.oid) <> 1 or not bool_and(p.polpermissive and p.polcmd = '*' and p.polroles = '{0}'"
        " and pg_get_expr(p.polqual, c.oid) = '(tenant_id = ( SELECT steward.tenant() AS tenant))'"
        " and pg_get_expr(p.polwithcheck, c.oid) is not distinct from pg_get_expr(p.polqual, c.oid))",
        (
            "drop policy tenant on app.role",
            "create policy more on app.role using (true)",
            "drop policy tenant on app.role; create policy tenant on app.role using"
            " (tenant_id = (select steward.tenant()))",
            "alter policy tenant on app.role with check (true)",
            "alter policy tenant on app.role using (true)",
            "alter policy tenant on app.role to steward_directory",
            "drop policy tenant on app.audit_event_' || to_char(now(), 'YYYYMM') || '",
        ),
    ),
    Check(
        "tenant_id is the first column, a uuid, never null",
        "select c.relname || ' does not start with tenant_id' from pg_class c"
        " where c.relnamespace = 'app'::regnamespace and c.relkind in ('r', 'p') and not exists"
        " (select from pg_attribute a where a.attrelid = c.oid and a.attnum = 1 and a.attname = 'tenant_id'"
        " and a.atttypid = 'uuid'::regtype and a.attnotnull and not a.atthasdef)",
        (
            "create table app.odd (id uuid primary key)",
            "create table app.odd (tenant_id uuid)",
            "create table app.odd (tenant_id text primary key)",
            "alter table app.role alter tenant_id set default gen_random_uuid()",
        ),
    ),
    Check(
        "tenant_id is first in every primary key, unique constraint and foreign key, and there is no exclusion",
        "select c.conname || ' on ' || c.conrelid::regclass from pg_constraint c"
        " join pg_class t on t.oid = c.conrelid and t.relnamespace = 'app'::regnamespace"
        " where c.contype = 'x' or c.contype in ('p', 'u', 'f') and not exists (select from pg_attribute a"
        " where a.attrelid = c.conrelid and a.attnum = c.conkey[1] and a.attname = 'tenant_id')",
        (
            "create table app.odd (tenant_id uuid, id uuid primary key)",
            "create table app.odd (tenant_id uuid, id uuid, primary key (id, tenant_id))",
            "alter table app.role add unique (key)",
            "alter table app.role add unique (key, tenant_id)",
            TABLE + "alter table app.odd add unique (id, tenant_id); alter table app.role add other uuid,"
            " add foreign key (other, tenant_id) references app.odd (id, tenant_id)",
            "alter table app.role add exclude using btree (tenant_id with =, key with =)",
        ),
    ),
    Check(
        "a foreign key stays inside the tenant: tenant_id refers to tenant_id, first on both sides, within app",
        "select c.conname || ' on ' || c.conrelid::regclass from pg_constraint c"
        " join pg_class t on t.oid = c.conrelid join pg_class r on r.oid = c.confrelid"
        " where c.contype = 'f' and 'app'::regnamespace in (t.relnamespace, r.relnamespace) and not ("
        " t.relnamespace = r.relnamespace and exists (select from pg_attribute a where a.attrelid = c.confrelid"
        " and a.attnum = c.confkey[1] and a.attname = 'tenant_id') and c.conkey[1] = 1"
        " and (c.confdeltype not in ('n', 'd') or not (1 = any(coalesce(c.confdelsetcols, '{1}'))))"
        " and c.confupdtype = 'a')",
        (
            "alter table app.role add foreign key (tenant_id) references directory.tenant (id)",
            "alter table directory.membership add foreign key (tenant_id, user_id)"
            " references app.tenant_user (tenant_id, id)",
            TABLE + "alter table app.odd add unique (id, tenant_id); alter table app.role add other uuid,"
            " add foreign key (tenant_id, other) references app.odd (id, tenant_id)",
            "alter table app.tenant_user add foreign key (tenant_id, unit_id) references app.org_unit"
            " (tenant_id, id) on delete set null",
            "alter table app.tenant_user add foreign key (tenant_id, unit_id) references app.org_unit"
            " (tenant_id, id) on update cascade",
        ),
    ),
    Check(
        "tenant_id is first in every index",
        "select i.indexrelid::regclass::text from pg_index i join pg_class c on c.oid = i.indrelid"
        " where c.relnamespace = 'app'::regnamespace and i.indkey[0] <> 1",
        (
            "create unique index odd on app.role (key)",
            "create unique index odd on app.role (lower(key), tenant_id)",
            "create index odd on app.role (key)",
        ),
    ),
    Check(
        "an index can be used under row-level security: its columns compare by leakproof operators",
        "select i.indexrelid::regclass || ': ' || o.oprname || ' of ' || o.oprleft::regtype from pg_index i"
        " join pg_class c on c.oid = i.indrelid and c.relnamespace = 'app'::regnamespace"
        " cross join unnest(i.indclass) as k(opclass) join pg_opclass oc on oc.oid = k.opclass"
        " join pg_amop am on am.amopfamily = oc.opcfamily and am.amoplefttype = oc.opcintype"
        " and am.amoprighttype = oc.opcintype and am.amopstrategy in (1, 3)"
        " join pg_operator o on o.oid = am.amopopr join pg_proc p on p.oid = o.oprcode where not p.proleakproof",
        (
            "alter table app.role add settings jsonb; create index odd on app.role (tenant_id, settings)",
            "alter table app.role add amount numeric; create index odd on app.role (tenant_id, amount)",
            "alter table app.role add tags text[]; create index odd on app.role using gin (tags)",
        ),
    ),
    Check(
        "columns have plain types: no enums, domains, ranges, serials",
        "select c.relname || '.' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod) from pg_attribute a"
        " join pg_class c on c.oid = a.attrelid join pg_type t on t.oid = a.atttypid"
        " where c.relnamespace = 'app'::regnamespace and c.relkind in ('r', 'p') and a.attnum > 0"
        " and not a.attisdropped and (a.attidentity <> '' or t.typtype <> 'b' or t.typnamespace"
        " <> 'pg_catalog'::regnamespace or a.atttypid not in ('uuid'::regtype, 'text'::regtype, 'bigint'::regtype,"
        " 'integer'::regtype, 'smallint'::regtype, 'boolean'::regtype, 'date'::regtype, 'time'::regtype,"
        " 'timestamptz'::regtype, 'numeric'::regtype, 'jsonb'::regtype, 'bytea'::regtype, 'text[]'::regtype,"
        " 'uuid[]'::regtype, 'bigint[]'::regtype, 'date[]'::regtype))",
        (
            "create type app.mood as enum ('good'); alter table app.role add mood app.mood",
            "create domain app.word as text; alter table app.role add word app.word",
            "alter table app.role add days daterange",
            "alter table app.role add number bigint generated always as identity",
            "alter table app.role add at timestamp",
            "alter table app.role add short varchar(3)",
        ),
    ),
    Check(
        "the application makes identifiers: no default draws a value from a sequence or at random",
        "select d.adrelid::regclass || ' default ' || pg_get_expr(d.adbin, d.adrelid) from pg_attrdef d"
        " join pg_class c on c.oid = d.adrelid where c.relnamespace = 'app'::regnamespace"
        " and pg_get_expr(d.adbin, d.adrelid) ~* '(nextval|uuid|random|clock_timestamp)\\M.*\\('",
        (
            "alter table app.role add other uuid default gen_random_uuid()",
            "alter table app.role add number bigserial",
        ),
    ),
    Check(
        "there are no views, materialized views, foreign tables or sequences",
        "select c.relname || ' is a ' || c.relkind::text from pg_class c where c.relkind in ('v', 'm', 'f', 'S')"
        " and c.relnamespace::regnamespace::text in ('app', 'directory', 'steward', 'public')",
        (
            "create view app.odd as select * from app.role",
            "create view public.odd as select * from app.role",
            "create materialized view steward.odd as select * from app.role",
            "create sequence app.odd",
        ),
    ),
    Check(
        "definer functions are the known ones, with an empty search path",
        "select p.oid::regprocedure::text from pg_proc p where p.prosecdef and not ("
        " p.oid::regprocedure::text in ('steward.tenant()', 'steward.extend_audit_partitions(date,integer)',"
        " 'steward.drop_audit_partitions(integer)', 'steward.purge_tenant(uuid,text,integer)') and array_remove(coalesce(p.proconfig, '{}'), 'TimeZone=UTC') = '{\"search_path=\\\"\\\"\"}')",
        (
            DEFINER,
            "alter function steward.tenant() reset search_path",
            "alter function steward.tenant() set search_path = app",
            "alter function steward.drop_audit_partitions(integer) set work_mem = '1MB'",
        ),
    ),
    Check(
        "of our functions the application's role may call the verifier only",
        "select p.oid::regprocedure::text from pg_proc p join pg_namespace n on n.oid = p.pronamespace"
        " where n.nspname not in ('pg_catalog', 'information_schema') and p.oid <> 'steward.tenant()'::regprocedure"
        " and has_function_privilege('steward_app', p.oid, 'execute')",
        (
            DEFINER + "grant execute on function steward.odd() to steward_app",
            "grant execute on function steward.drop_audit_partitions(integer) to steward_app",
        ),
    ),
    Check(
        "the verifier belongs to its own role, and its keys are that role's alone",
        "select 'owner of steward.tenant()' from pg_proc where oid = 'steward.tenant()'::regprocedure"
        " and proowner <> 'steward_verifier'::regrole union all"
        " select 'rights on steward.tenant_key: ' || relacl::text from pg_class c"
        " where oid = 'steward.tenant_key'::regclass and (relowner <> 'steward_verifier'::regrole or exists"
        " (select from aclexplode(relacl) where grantee <> 'steward_verifier'::regrole)) union all"
        " select r.rolname || ' may become the verifier' from pg_auth_members m join pg_roles r on r.oid = m.member"
        " where m.roleid = 'steward_verifier'::regrole and (m.member <> 'steward_owner'::regrole"
        " or m.inherit_option or m.admin_option)",
        (
            "alter function steward.tenant() owner to steward_owner",
            "grant select on steward.tenant_key to steward_app",
            "grant steward_verifier to steward_app",
            "grant steward_verifier to steward_owner with inherit true",
        ),
    ),
    Check(
        "the login roles have no power of their own",
        "select rolname from pg_roles where rolname ~ '^steward_' and (rolsuper or rolbypassrls or rolcreaterole"
        " or rolcreatedb or rolreplication or rolname in ('steward_app', 'steward_directory') and rolinherit)"
        " union all select m.member::regrole || ' is a member of ' || m.roleid::regrole from pg_auth_members m"
        " where m.member in ('steward_app'::regrole, 'steward_directory'::regrole)"
        " or m.roleid in ('steward_app'::regrole, 'steward_directory'::regrole)"
        " or m.member = 'steward_verifier'::regrole",
        (
            "alter role steward_app superuser",
            "alter role steward_app bypassrls",
            "alter role steward_directory createrole",
            "alter role steward_owner bypassrls",
            "grant pg_read_all_data to steward_app",
            "grant steward_owner to steward_directory",
            "grant steward_app to steward_directory",
        ),
    ),
    Check(
        "the login roles own nothing",
        "select d.classid::regclass || ' ' || d.objid || ' of ' || d.refobjid::regrole from pg_shdepend d"
        " where d.deptype = 'o' and d.refobjid in"
        " ('steward_app'::regrole, 'steward_directory'::regrole, 'steward_migrator'::regrole)",
        (
            "alter table app.role owner to steward_app",
            "create schema odd authorization steward_directory",
            "select lo_create(7), set_config('role', 'none', true); alter large object 7 owner to steward_app",
        ),
    ),
    Check(
        "nobody but the owner makes anything: no TEMP, no CREATE",
        "select r.rolname || ' in the database' from pg_roles r where r.rolname in ('steward_app',"
        " 'steward_directory', 'steward_verifier') and has_database_privilege(r.oid, current_database(), 'temp,create')"
        " union all select r.rolname || ' in ' || n.nspname from pg_roles r, pg_namespace n"
        " where r.rolname in ('steward_app', 'steward_directory') and n.nspname !~ '^pg_(toast|temp)'"
        " and has_schema_privilege(r.oid, n.oid, 'create')",
        (
            "grant create on schema app to steward_app",
            "grant create on schema public to public",
            "do $$ begin execute format('grant temp on database %I to steward_app', current_database()); end $$",
            "do $$ begin execute format('grant create on database %I to public', current_database()); end $$",
        ),
    ),
    Check(
        "the directory's role has no right on tenants' tables",
        "select c.relname::text from pg_class c where c.relnamespace = 'app'::regnamespace"
        " and c.relkind in ('r', 'p', 'v', 'm') and (has_table_privilege('steward_directory', c.oid,"
        " 'select,insert,update,delete,truncate,references,trigger,maintain') or"
        " has_any_column_privilege('steward_directory', c.oid, 'select,insert,update,references'))"
        " union all select 'schema app' where has_schema_privilege('steward_directory', 'app', 'usage,create')",
        (
            "grant select on app.role to steward_directory",
            "grant select (key) on app.role to steward_directory",
            "grant usage on schema app to steward_directory",
            "grant truncate on app.role to public",
        ),
    ),
    Check(
        "the application's role may insert doorbells and touch nothing else outside app",
        "select c.oid::regclass::text from pg_class c where c.relkind in ('r', 'p', 'v', 'm', 'f')"
        " and c.relnamespace::regnamespace::text in ('directory', 'steward', 'public') and ("
        " has_table_privilege('steward_app', c.oid, 'select,update,delete,truncate,references,trigger,maintain')"
        " or has_any_column_privilege('steward_app', c.oid, 'select,update,references')"
        " or c.oid <> 'directory.doorbell'::regclass and (has_table_privilege('steward_app', c.oid, 'insert')"
        " or has_any_column_privilege('steward_app', c.oid, 'insert')))"
        " union all select 'doorbell is open' from pg_class c where c.oid = 'directory.doorbell'::regclass and not ("
        " c.relrowsecurity and c.relforcerowsecurity and (select count(*) from pg_policy p where p.polrelid = c.oid"
        " and (p.polroles = array['steward_app'::regrole::oid] and p.polcmd = 'a'"
        " and pg_get_expr(p.polwithcheck, c.oid) = '(tenant_id = ( SELECT steward.tenant() AS tenant))'"
        " or p.polroles = array['steward_directory'::regrole::oid])) = 2 and"
        " (select count(*) from pg_policy p where p.polrelid = c.oid) = 2)",
        (
            "grant select on directory.doorbell to steward_app",
            "grant select (id) on directory.tenant to steward_app",
            "grant insert on directory.tenant to public",
            "grant select on steward.migration to steward_app",
            "create policy more on directory.doorbell for insert to public with check (true)",
            "alter policy ring on directory.doorbell with check (true)",
            "alter table directory.doorbell no force row level security",
        ),
    ),
    Check(
        "on tenants' tables the application's role has row rights only, the log is append-only, partitions are shut",
        "select c.relname || ': ' || x.privilege_type from pg_class c cross join aclexplode(c.relacl) x"
        " where c.relnamespace = 'app'::regnamespace and x.grantee = 'steward_app'::regrole and ("
        " x.privilege_type not in ('SELECT', 'INSERT', 'UPDATE', 'DELETE') or x.is_grantable or c.relispartition"
        " or c.relname in ('audit_event', 'audit_seal') and x.privilege_type not in ('SELECT', 'INSERT'))"
        " union all select a.attrelid::regclass || '.' || a.attname from pg_attribute a"
        " join pg_class c on c.oid = a.attrelid and c.relnamespace = 'app'::regnamespace where a.attacl is not null",
        (
            "grant truncate on app.role to steward_app",
            "grant references on app.role to steward_app",
            "grant select on app.role to steward_app with grant option",
            "grant update on app.audit_event to steward_app",
            "grant delete on app.audit_seal to steward_app",
            "grant update (reason) on app.audit_event to steward_app",
            "grant select on app.audit_event_' || to_char(now(), 'YYYYMM') || ' to steward_app",
        ),
    ),
    Check(
        "nothing of ours is granted to PUBLIC, now or by default, and the shared channels stay shut",
        "select o.what || ' ' || o.name from (select 'table' as what, oid::regclass::text as name, relacl as acl,"
        " relnamespace as schema from pg_class where relkind in ('r', 'p', 'v', 'm', 'S') union all"
        " select 'function', oid::regprocedure::text, coalesce(proacl, acldefault('f', proowner)), pronamespace"
        " from pg_proc union all select 'schema', nspname::text, nspacl, oid from pg_namespace) o"
        " where o.schema::regnamespace::text in ('app', 'directory', 'steward', 'public')"
        " and exists (select from aclexplode(o.acl) where grantee = 0)"
        " union all select 'database' from pg_database where datname = current_database()"
        " and exists (select from aclexplode(coalesce(datacl, acldefault('d', datdba))) where grantee = 0)"
        " union all select 'language ' || lanname from pg_language where lanpltrusted"
        " and has_language_privilege('steward_app', oid, 'usage') and lanname not in ('sql', 'internal')"
        " union all select 'default of ' || defaclrole::regrole from pg_default_acl"
        " where exists (select from aclexplode(defaclacl) where grantee <> defaclrole)"
        " union all select p.oid::regprocedure::text from pg_proc p where p.pronamespace = 'pg_catalog'::regnamespace"
        " and p.proname ~ '^(pg_cancel_backend|pg_terminate_backend|pg_stat_get_activity|pg_stat_get_backend_activity|pg_notify"
        "|pg_logical_emit_message|lo_creat|lo_create|lo_from_bytea|lo_open|lo_get|lo_put|lo_unlink|lo_import"
        "|lo_export|pg_read_file|pg_read_binary_file|pg_ls_dir|pg_stat_file|pg_reload_conf)$'"
        " and has_function_privilege('steward_app', p.oid, 'execute')",
        (
            "grant select on app.role to public",
            "grant usage on schema app to public",
            "grant execute on function steward.tenant() to public",
            "create function app.odd() returns integer language sql begin atomic select 1; end",
            "grant usage on schema public to public",
            "alter default privileges in schema app grant select on tables to steward_app",
            "grant execute on function pg_cancel_backend(integer) to public",
            "grant execute on function lo_get(oid) to public",
            "grant usage on language plpgsql to public",
            "do $$ begin execute format('grant connect on database %I to public', current_database()); end $$",
        ),
    ),
    Check(
        "there are no triggers but the named one, no rules, event triggers or foreign extensions",
        "select 'trigger ' || t.tgname from pg_trigger t where not t.tgisinternal"
        # keeps final scores from being changed: an invoker's function that reads and writes no table
        " and (t.tgrelid, t.tgname) <> ('app.month_score'::regclass, 'final_score_stays') union all"
        " select 'rule ' || r.rulename from pg_rewrite r join pg_class c on c.oid = r.ev_class"
        " where c.relnamespace::regnamespace::text in ('app', 'directory', 'steward') union all"
        " select 'event trigger ' || evtname from pg_event_trigger union all"
        " select 'extension ' || extname from pg_extension where extname <> 'plpgsql'",
        (
            "create trigger odd before update on app.role for each row"
            " execute function suppress_redundant_updates_trigger()",
            "create rule odd as on delete to app.role do instead nothing",
            "create extension vector",
        ),
    ),
]


@pytest.fixture(scope="module")
def own_database(addresses: Addresses, worker_id: str) -> Iterator[psycopg.Connection[Any]]:
    """A superuser's connection to a migrated database of its own."""
    name = f"steward_catalog_{worker_id}"
    addresses.clone(name)
    with psycopg.connect(addresses.superuser(name), row_factory=scalar_row) as connection:
        yield connection
    addresses.drop(name)


@pytest.fixture
def scratch(own_database: psycopg.Connection[Any]) -> Iterator[psycopg.Connection[Any]]:
    """The same, and what the test does there is undone."""
    yield own_database
    own_database.rollback()


def found(connection: psycopg.Connection[Any], check: Check) -> list[str]:
    """What `check` reports."""
    return connection.execute(check.query).fetchall()


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_holds(check: Check, scratch: psycopg.Connection[Any]) -> None:
    assert found(scratch, check) == []


@pytest.mark.parametrize(
    ("check", "offence"),
    [(check, offence) for check in CHECKS for offence in check.offences],
    ids=lambda value: value[:60] if isinstance(value, str) else "",
)
def test_is_able_to_fail(check: Check, offence: LiteralString, scratch: psycopg.Connection[Any]) -> None:
    scratch.execute(_with_month(scratch, offence))
    assert found(scratch, check) != []


def _with_month(connection: psycopg.Connection[Any], offence: LiteralString) -> bytes:
    month = connection.execute("select to_char(now(), 'YYYYMM')").fetchone()
    return offence.replace("' || to_char(now(), 'YYYYMM') || '", str(month)).encode()


def test_the_tables_are_those_of_the_models(scratch: psycopg.Connection[Any]) -> None:
    assert _tables(scratch) == _expected()


@pytest.mark.parametrize(
    "offence",
    [
        "create table app.odd (tenant_id uuid)",
        "create table directory.odd (id uuid)",
        "create table steward.odd (id uuid)",
        "create table public.odd (id uuid)",
        "create schema odd create table odd (id uuid)",
        "drop table app.audit_seal",
    ],
)
def test_another_table_is_noticed(offence: LiteralString, scratch: psycopg.Connection[Any]) -> None:
    scratch.execute(offence)
    assert _tables(scratch) != _expected()


def _tables(connection: psycopg.Connection[Any]) -> set[str]:
    rows = connection.execute(
        "select n.nspname || '.' || c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace"
        " where c.relkind in ('r', 'p', 'f') and not (c.relispartition and c.relname ~ '^audit_event_[0-9]{6}$')"
        " and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')"
    )
    return set(rows.fetchall())


def _expected() -> set[str]:
    return {
        *tenant_metadata.tables,
        *(f"directory.{name}" for name in DIRECTORY_TABLES),
        "steward.tenant_key",
        "steward.migration",
    }


def test_the_directory_is_closed() -> None:
    assert {table.name for table in directory_metadata.tables.values()} == DIRECTORY_TABLES


def test_every_tenant_table_can_be_distributed_by_tenant() -> None:
    """What Citus asks of a table: the distribution column in every key, references only between neighbours."""
    for table in tenant_metadata.tables.values():
        assert next(iter(table.columns)).name == "tenant_id", table
        assert next(iter(table.primary_key.columns)).name == "tenant_id", table
        for index in table.indexes:
            assert index.expressions[0] is table.c.tenant_id, index.name
        for constraint in table.foreign_key_constraints:
            assert constraint.referred_table.schema == "app"
            first = constraint.elements[0]
            assert (first.parent.name, first.column.name) == ("tenant_id", "tenant_id"), constraint.name


def test_what_migrations_create_later_is_nobodys_until_granted(scratch: psycopg.Connection[Any]) -> None:
    for role in (OWNER_ROLE, VERIFIER_ROLE):
        scratch.execute(sql.SQL("set role {}").format(sql.Identifier(role)))
        scratch.execute("create function steward.later() returns integer language sql as 'select 1'")
        scratch.execute("reset role")
        for other in (APPLICATION_ROLE, DIRECTORY_ROLE):
            allowed = scratch.execute("select has_function_privilege(%s, 'steward.later()', 'execute')", [other])
            assert allowed.fetchone() is False, (role, other)
        scratch.execute("drop function steward.later()")
