"""The checker of wall 2 finds what it is there to find, and lets through what production code sends."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import delete, exists, insert, select, text, union_all, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import aliased

from steward_tenants.database.database import Database
from steward_tenants.organisation.models import OrgUnit, UnitPath
from steward_tenants.people.models import User
from tests.factories import TESTS, make_tenant, make_unit
from tests.statement_watch import ROOT, SEEN, problems_of, unwatched

GOOD = [
    "select id from app.org_unit where tenant_id = %(t)s::UUID",
    "select id from app.org_unit where (tenant_id = %(t)s::UUID and code = %(c)s) and name = %(n)s",
    "select u.id from app.org_unit as u where %s = u.tenant_id",
    "select app.org_unit.id from app.org_unit where app.org_unit.tenant_id = $1",
    "select u.id from app.org_unit u where u.tenant_id = %s and (u.code = %s or u.name = %s)",
    "select 1 from app.tenant_user p join app.org_unit u on u.tenant_id = %s and u.id = p.unit_id"
    " where p.tenant_id = %s",
    "select 1 from app.tenant_user p left"
    " join app.org_unit u on u.tenant_id = %s and u.id = p.unit_id where p.tenant_id = %s",
    "select 1 from app.tenant_user p, app.org_unit u where p.tenant_id = %s and u.tenant_id = %s and p.unit_id = u.id",
    "select 1 from app.org_unit u where u.tenant_id = %s and exists"
    " (select 1 from app.tenant_user p where p.tenant_id = %s and p.unit_id = u.id)",
    "with u as (select id from app.org_unit where tenant_id = %s) select id from u",
    "with org_unit as (select id from app.org_unit where tenant_id = %s) select id from org_unit",
    "select id from app.org_unit where tenant_id = %s union all select id from app.role where tenant_id = %s",
    "update app.org_unit set name = %s where app.org_unit.tenant_id = %s and id = %s",
    "update app.tenant_user p set title = u.name from app.org_unit u where p.tenant_id = %s and u.tenant_id = %s",
    "delete from app.org_unit where tenant_id = %s",
    "delete from app.tenant_user p using app.org_unit u"
    " where p.tenant_id = %s and u.tenant_id = %s and u.id = p.unit_id",
    "insert into app.org_unit (tenant_id, id, code, name) values (%(a)s::UUID, %s, %s, %s), (%(b)s::UUID, %s, %s, %s)",
    "insert into app.org_unit (tenant_id, id) select p0::UUID, p1 from (values (%(a)s, %(b)s, 0), (%(c)s, %(d)s, 1))"
    " AS imp_sen(p0, p1, n) order by n returning app.org_unit.id",
    "insert into app.unit_path (tenant_id, ancestor_id)"
    " select u.tenant_id, u.id from app.org_unit u where u.tenant_id = %s",
    "insert into app.org_unit (tenant_id, code) values (%s, %s) on conflict (tenant_id, code) do update"
    " set name = excluded.name",
    "with e as (insert into app.audit_event (tenant_id, id) values (%s, %s) returning app.audit_event.tenant_id, id)"
    " insert into directory.doorbell (queue, tenant_id, job_id) select %s, e.tenant_id, e.id from e",
    "select id from app.org_unit where tenant_id = %s for update of org_unit",
    "copy (select id from app.org_unit where tenant_id = %s) to stdout",
    "select 1 from (app.org_unit u join app.role r on r.tenant_id = %s) where u.tenant_id = %s",
    "select set_config('steward.tenant', %s, true)",
    "savepoint org_unit",
    "select 1",
]

BAD = {
    "none at all": "select id from app.org_unit",
    "another column": "select id from app.org_unit where id = %s",
    "a literal": "select id from app.org_unit where tenant_id = '5c1fbe3e-0000-7000-8000-000000000000'",
    "another table's": "select 1 from app.org_unit u, app.role r where u.tenant_id = %s and r.id = u.id",
    "joined by column": "select 1 from app.org_unit u join app.role r on r.tenant_id = u.tenant_id"
    " where u.tenant_id = %s",
    "in another join's ON": "select 1 from app.org_unit u left"
    " join app.role r on u.tenant_id = %s and r.tenant_id = %s",
    "kept by a right join": "select 1 from app.org_unit u right join app.role r on r.tenant_id = %s"
    " where u.tenant_id = %s",
    "kept by a full join": "select 1 from app.org_unit u full join app.role r on r.tenant_id = %s"
    " where u.tenant_id = %s",
    "unqualified and ambiguous": "select 1 from app.org_unit u, app.role r where tenant_id = %s",
    "or": "select id from app.org_unit where tenant_id = %s or id = %s",
    "or inside brackets": "select id from app.org_unit where (tenant_id = %s or code = %s) and name = %s",
    "not": "select id from app.org_unit where not (tenant_id = %s)",
    "unequal": "select id from app.org_unit where tenant_id <> %s",
    "a list": "select id from app.org_unit where tenant_id in (%s, %s)",
    "a case": "select id from app.org_unit where case when tenant_id = %s then true else true end",
    "a computed value": "select id from app.org_unit where tenant_id = steward.tenant()",
    "a correlated subquery": "select 1 from app.org_unit u where u.tenant_id = %s and exists"
    " (select 1 from app.tenant_user p where p.unit_id = u.id)",
    "leaning on the outer query": "select 1 from app.org_unit u where u.tenant_id = %s and exists"
    " (select 1 from app.tenant_user p where u.tenant_id = %s)",
    "a scalar subquery": "select (select count(*) from app.role) from app.org_unit where tenant_id = %s",
    "a derived table": "select 1 from (select id from app.org_unit) u",
    "a lateral": "select 1 from app.org_unit u, lateral (select 1 from app.role r where r.id = u.id) q where u.tenant_id = %s",
    "a CTE": "with u as (select id from app.org_unit) select id from u",
    "a deleting CTE": "with u as (delete from app.org_unit returning id) select id from u",
    "half a union": "select id from app.org_unit where tenant_id = %s union select id from app.role",
    "an aliased self-join": "select 1 from app.org_unit a join app.org_unit b on b.id = a.id where a.tenant_id = %s",
    "an update": "update app.org_unit set name = %s where id = %s",
    "a moving update": "update app.org_unit set tenant_id = %s where tenant_id = %s",
    "update from": "update app.tenant_user p set title = u.name from app.org_unit u where p.tenant_id = %s",
    "update join": "update app.tenant_user p set title = r.key from app.org_unit u join app.role r on r.id = u.id"
    " where p.tenant_id = %s and u.tenant_id = %s",
    "a delete": "delete from app.org_unit",
    "delete using": "delete from app.tenant_user p using app.org_unit u where p.tenant_id = %s and u.id = p.unit_id",
    "an insert without": "insert into app.org_unit (id, code) values (%s, %s)",
    "an insert without columns": "insert into app.org_unit values (%s, %s)",
    "an insert of a default": "insert into app.org_unit default values",
    "an insert of a function": "insert into app.org_unit (tenant_id, id) values (steward.tenant(), %s)",
    "an insert with one foreign row": "insert into app.org_unit (tenant_id, id)"
    " values (%s, %s), (gen_random_uuid(), %s)",
    "an insert from a foreign column": "insert into app.org_unit (tenant_id, id)"
    " select m.tenant_id, %s from directory.membership m",
    "an insert from an unscoped query": "insert into app.org_unit (tenant_id, id)"
    " select u.tenant_id, %s from app.org_unit u",
    "an upsert on another key": "insert into app.org_unit (tenant_id, code) values (%s, %s)"
    " on conflict (code) do nothing",
    "an upsert that moves": "insert into app.org_unit (tenant_id, code) values (%s, %s) on conflict (tenant_id, code)"
    " do update set tenant_id = excluded.tenant_id",
    "a bell for whoever": "insert into directory.doorbell (queue, tenant_id) values (%s, gen_random_uuid())",
    "copy of a table": "copy app.org_unit to stdout",
    "copy into a table": "copy app.org_unit (tenant_id, id) from stdin",
    "copy of a query": "copy (select id from app.org_unit) to stdout",
    "table": "table app.org_unit",
    "an unqualified name": "select id from org_unit where id = %s",
    "a partition": "select id from app.audit_event_202611",
    "merge": "merge into app.org_unit u using app.role r on r.id = u.id when matched then delete",
    "truncate": "truncate app.org_unit",
    "lock table": "lock table app.org_unit",
    "explain": "explain select id from app.org_unit",
    "prepare": "prepare p as select id from app.org_unit",
    "two statements": "select 1; delete from app.org_unit where tenant_id = %s",
    "a nested join": "select 1 from app.role r left join (app.org_unit u join app.tenant_user p on p.unit_id = u.id)"
    " on u.tenant_id = %s where r.tenant_id = %s",
    "a comment that ends it": "select id from app.org_unit where code = %s -- and tenant_id = %s",
    "select into": "select id into app.copy from app.org_unit where tenant_id = %s",
    "not to be parsed": "select from where app.org_unit ((",
}


@pytest.mark.parametrize("statement", GOOD)
def test_a_scoped_statement_passes(statement: str) -> None:
    assert problems_of(statement) == ()


@pytest.mark.parametrize("statement", BAD.values(), ids=BAD.keys())
def test_an_unscoped_statement_is_found(statement: str) -> None:
    assert problems_of(statement) != ()


@pytest.mark.parametrize("name", ["xq7 不在源码中", "o'" + "brien zz"])
def test_a_value_inside_the_text_is_found(name: str) -> None:
    quoted = name.replace("'", "''")
    problems = problems_of(f"select id from app.org_unit where tenant_id = %s and name = '{quoted + 'ü'}'")
    assert any("literal" in problem for problem in problems)
    assert problems_of(f"select id from directory.account where login = '{quoted + 'ü'}'", "steward_directory")
    assert problems_of(f"select id from app.org_unit where tenant_id = %s and name = $q${quoted + 'ü'}$q$")


def test_what_sqlalchemy_compiles_is_understood() -> None:
    tenant = uuid4()
    other = aliased(OrgUnit)
    scoped = (
        select(OrgUnit.id)
        .join(other, (other.tenant_id == tenant) & (other.id == OrgUnit.id))
        .where(
            OrgUnit.tenant_id == tenant,
            exists().where(UnitPath.tenant_id == tenant, UnitPath.ancestor_id == OrgUnit.id),
            OrgUnit.code.ilike("%x%", escape="/"),
        )
    )
    statements = [
        (scoped, True),
        (select(OrgUnit.id).join(other, other.id == OrgUnit.id).where(OrgUnit.tenant_id == tenant), False),
        (union_all(scoped, select(User.id).where(User.tenant_id == tenant)), True),
        (union_all(scoped, select(User.id)), False),
        (update(OrgUnit).where(OrgUnit.tenant_id == tenant).values(name="x"), True),
        (update(OrgUnit).values(name="x"), False),
        (delete(OrgUnit).where(OrgUnit.tenant_id == tenant, OrgUnit.id.in_(scoped)), True),
        (delete(OrgUnit).where(OrgUnit.id.in_(scoped)), False),
        (insert(OrgUnit).values([{"tenant_id": tenant, "code": "1"}, {"tenant_id": tenant, "code": "2"}]), True),
        (
            upsert(OrgUnit)
            .values(tenant_id=tenant, code="1")
            .on_conflict_do_update(index_elements=["tenant_id", "code"], set_={"name": "x"}),
            True,
        ),
    ]
    for statement, good in statements:
        sent = str(statement.compile(dialect=postgresql.psycopg.dialect()))  # type: ignore[no-untyped-call]
        assert (problems_of(sent) == ()) is good, sent


async def test_what_is_sent_is_seen(database: Database) -> None:
    tenant_id = await make_tenant(database)
    async with database.read(tenant_id, TESTS) as session:
        await session.execute(text("select id from app.org_unit"))
        driver = (await (await session.connection()).get_raw_connection()).driver_connection
        assert driver is not None
        async with driver.cursor().copy("copy (select id from app.role) to stdout") as copy:
            assert await copy.read() == b""
        with unwatched("the way out is tested"):
            await session.execute(text("select id from app.tenant_user"))
    with database.blocking(tenant_id, TESTS) as blocking:
        blocking.execute(text("select id from app.stored_file"))
    seen = SEEN.take()
    assert [re.findall(r"app\.(\w+) has no", report) for report in seen] == [["org_unit"], ["role"], ["stored_file"]]
    assert "test_statement_watch.py" in seen[0]


async def test_what_the_kit_sends_in_bulk_passes(database: Database) -> None:
    tenant_id = await make_tenant(database)
    async with database.write(tenant_id, TESTS) as session:
        units = [make_unit(session) for _ in range(30)]
        await session.flush()
        units[0].name = "改名"
        await session.delete(units[1])
        await session.refresh(units[2])
    assert SEEN.take() == []


@pytest.mark.unwatched("the marker is tested")
async def test_a_marked_test_may_send_anything(database: Database) -> None:
    async with database.read(await make_tenant(database), TESTS) as session:
        await session.execute(text("select id from app.org_unit"))


def test_the_way_out_wants_a_reason() -> None:
    with pytest.raises(ValueError, match="say why"), unwatched(" "):
        pass


SQL_START = re.compile(
    r"^\s*(select|insert into|update \w|delete from|with \w+ as|create|alter|drop|grant|revoke|truncate|copy"
    r"|set (local|role)|lock table|merge into|do \$|call|listen|notify)\b",
    re.IGNORECASE,
)
TAKES_TEXT = {"text", "literal_column", "exec_driver_sql", "DDL"}
BUILT_ON_PURPOSE = {
    "tenants/steward_tenants/access/prepared.py": "text that SQLAlchemy made of a statement, whose values stay parameters",
    "tenants/steward_tenants/database/bootstrap.py": "roles and names as psycopg.sql identifiers; run by a superuser",
    "tenants/steward_tenants/database/database.py": "the name of a setting, a constant",
    "tenants/steward_tenants/database/migrate.py": "names of roles, constants; run as the migration role",
    "tenants/steward_tenants/database/policies.py": "names of tables that migrations write; run as the migration role",
}
MIGRATIONS = ("tenants/steward_tenants/migrations/", "core/steward_core/migrations/")


def test_no_production_code_builds_sql() -> None:
    found = {
        f"{file.relative_to(ROOT)}:{line}"
        for folder in ("tenants", "core", "graphql", "workers", "plugins", "server")
        for file in (ROOT / folder).rglob("*.py")
        if str(file.relative_to(ROOT)) not in BUILT_ON_PURPOSE
        and not str(file.relative_to(ROOT)).startswith(MIGRATIONS)
        for line in built_sql(file)
    }
    assert found == set(), "bind parameters instead, or say in BUILT_ON_PURPOSE why not"


def test_every_exception_is_needed() -> None:
    for file in BUILT_ON_PURPOSE:
        assert any(built_sql(ROOT / file)), f"{file} builds no SQL any more"


@pytest.mark.parametrize(
    "line",
    [
        'f"select * from {table}"',
        '"select * from " + table',
        '"select * from %s" % table',
        '"select * from {}".format(table)',
        'session.execute(text(f"{x}"))',
        "connection.exec_driver_sql(statement)",
        '"delete from x where " + " and ".join(parts)',
        'sql = "update x set "\nsql += y',
    ],
)
def test_built_sql_is_found(tmp_path: Path, line: str) -> None:
    file = tmp_path / "example.py"
    file.write_text(line)
    assert built_sql(file)


@pytest.mark.parametrize(
    "line", ['"select 1"', 'text("select 1")', 'f"{name} selected"', "S = 'x'\ntext(S)", 'f"Update {x}"']
)
def test_plain_texts_are_not_found(tmp_path: Path, line: str) -> None:
    file = tmp_path / "example.py"
    file.write_text(line)
    assert not built_sql(file)


def built_sql(file: Path) -> list[int]:
    """The lines of a Python file where SQL is put together from parts that are not constants of that file."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    fixed = {
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    return [
        node.lineno for node in ast.walk(tree) if isinstance(node, ast.expr | ast.AugAssign) and _builds(node, fixed)
    ]


def _builds(node: ast.AST, fixed: set[str]) -> bool:
    if isinstance(node, ast.JoinedStr):
        start = node.values[0] if node.values else None
        dynamic = any(isinstance(part, ast.FormattedValue) for part in node.values)
        return dynamic and _is_sql(start)
    if isinstance(node, ast.BinOp):
        return isinstance(node.op, ast.Add | ast.Mod) and _is_sql(_leftmost(node))
    if isinstance(node, ast.AugAssign):
        return isinstance(node.target, ast.Name) and "sql" in node.target.id.lower()
    if isinstance(node, ast.Call):
        if isinstance(node.func, ast.Attribute) and node.func.attr == "format":
            return _is_sql(node.func.value)
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        return name in TAKES_TEXT and bool(node.args) and not _is_fixed(node.args[0], fixed)
    return False


def _leftmost(node: ast.expr) -> ast.expr:
    while isinstance(node, ast.BinOp):
        node = node.left
    return node


def _is_sql(node: ast.AST | None) -> bool:
    return (
        isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and bool(SQL_START.match(node.value))
        and (node.value.lower() == node.value or node.value.split()[0].isupper())
    )


def _is_fixed(node: ast.expr, fixed: set[str]) -> bool:
    return isinstance(node, ast.Constant) or (isinstance(node, ast.Name) and (node.id in fixed or node.id.isupper()))
