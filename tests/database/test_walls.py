"""The two walls, each alone: one tenant attempts on another all that SQL can do to a row, on every tenant table.

Four modes: both walls, wall 1 alone (statements without their tenant), wall 2 alone (a database without row-level
security), none. What both walls stop must succeed with none, or the attempt proves nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from traceback import format_exception
from typing import Any
from uuid import UUID

import psycopg
import pytest
import pytest_asyncio
from psycopg import sql
from sqlalchemy import (
    ColumnElement,
    ForeignKeyConstraint,
    Index,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
    and_,
    delete,
    func,
    insert,
    select,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import insert as insert_or
from sqlalchemy.exc import DBAPIError, IntegrityError

from steward_tenants.audit.service import AUDIT_QUEUE, Subject, record
from steward_tenants.database.database import Database
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import TenantSession, WriteSession
from steward_tenants.database.tables import TenantTable
from steward_tenants.directory.models import Doorbell
from steward_tenants.models import tenant_metadata
from tests.cluster import Addresses
from tests.database.rows import Row, new_rows, reference
from tests.factories import TESTS, make_tenant
from tests.statement_watch import problems_of

pytestmark = pytest.mark.unwatched("the walls are taken down on purpose")

TABLES: dict[str, Table] = {table.name: table for table in tenant_metadata.sorted_tables}
NEVER_DELETED = {
    "approval_entry",
    "audit_event",
    "audit_seal",
    "client_change",
    "client_fact",
    "client_merge",
    "month_indicator",
    "opportunity_advice",
    "opportunity_step",
    "pay_line",
    "pay_scheme_version",
    "promise_event",
    "promise_version",
    "request_event",
}
APPEND_ONLY = NEVER_DELETED | {"form_revision", "score_scheme"}


class Mode(Enum):
    """Which walls stand."""

    BOTH = "both walls"
    WALL_1 = "wall 1 alone"
    WALL_2 = "wall 2 alone"
    NONE = "no wall"

    @property
    def database_wall(self) -> bool:
        return self in (Mode.BOTH, Mode.WALL_1)

    @property
    def statement_wall(self) -> bool:
        return self in (Mode.BOTH, Mode.WALL_2)


class Bare(WriteSession):
    """A session of code that forgot wall 2: no predicates, and rows for whichever tenant."""

    def within(self, table: Any) -> ColumnElement[bool]:  # noqa: ARG002
        return true()


@dataclass(frozen=True)
class World:
    """A database with two tenants, each with at least one row in every table, and which walls stand in it."""

    mode: Mode
    database: Database
    superuser: str
    attacker: UUID
    victim: UUID
    rows: dict[UUID, dict[str, Row]]
    counts: dict[str, int]
    """How many rows each tenant has in a table."""

    def new_rows(self, table: Table, tenant_id: UUID) -> tuple[list[Any], Row]:
        """The inserts that have to come before a new row of a tenant, and the row."""
        *before, (_, row) = new_rows(table, tenant_id, self.rows[tenant_id])
        return [insert(parent).values(values) for parent, values in before], row

    def theirs(self, table: Table) -> Row:
        """The victim's row."""
        return self.rows[self.victim][table.name]

    def mine(self, table: Table) -> Row:
        """The attacker's own."""
        return self.rows[self.attacker][table.name]

    def stamped(self) -> UUID:
        """The tenant that an insert carries: wall 2 takes it from the session, an attack takes the victim's."""
        return self.attacker if self.mode.statement_wall else self.victim

    async def run(self, *statements: Any) -> Sequence[Any]:
        """Run statements in the attacker's transaction, which is undone; the last one's rows."""
        try:
            async with self.database.write(self.attacker, TESTS) as session:
                rows: Sequence[Any] = ()
                for statement in statements:
                    result: Any = await session.execute(statement.execution_options(preserve_rowcount=True))
                    rows = result.all() if result.returns_rows else [()] * result.rowcount
                raise Undone(rows)
        except Undone as undone:
            return undone.rows

    def within(self, table: Any) -> ColumnElement[bool]:
        """Wall 2's predicate, or what is left of it."""
        kind = TenantSession if self.mode.statement_wall else Bare
        return kind.within(self._session(kind), table)

    def _session(self, kind: type[Any]) -> Any:
        return kind(None, self.database.vault, self.attacker, TESTS, "test")


class Undone(Exception):
    """Ends a transaction without its effects."""

    def __init__(self, rows: Sequence[Any]) -> None:
        self.rows = rows


@pytest.fixture(scope="module")
def unwalled_name(addresses: Addresses, worker_id: str) -> Iterator[str]:
    """A migrated database whose wall 1 is gone: no row-level security, every row right granted."""
    name = f"steward_unwalled_{worker_id}"
    addresses.clone(name)
    with psycopg.connect(addresses.superuser(name), autocommit=True) as connection:
        tables = connection.execute(
            "select oid::regclass::text from pg_class where relrowsecurity and relkind in ('r', 'p')"
        ).fetchall()
        for (table,) in tables:
            qualified = sql.Identifier(*table.split("."))
            connection.execute(sql.SQL("alter table {} disable row level security").format(qualified))
        connection.execute("grant select, insert, update, delete on all tables in schema app to steward_app")
    yield name
    addresses.drop(name)


@pytest_asyncio.fixture(scope="module", loop_scope="session", params=list(Mode), ids=lambda mode: mode.value)
async def world(
    request: pytest.FixtureRequest, addresses: Addresses, database_name: str, unwalled_name: str
) -> AsyncIterator[World]:
    mode: Mode = request.param
    name = database_name if mode.database_wall else unwalled_name
    database = Database(addresses.settings(name))
    tenants = [await make_tenant(database), await make_tenant(database)]
    rows: dict[UUID, dict[str, Row]] = {}
    for tenant_id in tenants:
        rows[tenant_id], counts = await _fill(database, tenant_id)
    world = World(mode, database, addresses.superuser(name), tenants[0], tenants[1], rows, counts)
    before = _belongings(world)
    yield world
    await database.dispose()
    assert _belongings(world) == before, "the victim was harmed"


async def _fill(database: Database, tenant_id: UUID) -> tuple[dict[str, Row], dict[str, int]]:
    rows: dict[str, Row] = {}
    counts: Counter[str] = Counter()
    async with database.write(tenant_id, TESTS) as session:
        for table in TABLES.values():
            for made, row in new_rows(table, tenant_id, rows):
                await session.execute(insert(made).values(row))
                rows.setdefault(made.name, row)
                counts[made.name] += 1
    return rows, counts


def _belongings(world: World) -> dict[str, list[Any]]:
    with psycopg.connect(world.superuser) as connection:
        return {
            name: connection.execute(
                sql.SQL("select to_jsonb(t) from app.{} t where tenant_id = %s").format(sql.Identifier(name)),
                [world.victim],
            ).fetchall()
            for name in TABLES
        }


def _key(table: Table, row: Row) -> ColumnElement[bool]:
    """The row's primary key without its tenant, as an attacker would know it."""
    return and_(*(column == row[column.name] for column in table.primary_key.columns if column.name != "tenant_id"))


def _harmless(table: Table) -> Any:
    """A column that may be set to itself."""
    columns = list(table.columns)[::-1]
    return next((column for column in columns if not column.foreign_keys), columns[0])


Attempt = Callable[[World, Table], Awaitable[None]]
ATTEMPTS: list[Attempt] = []


def attempt(one: Attempt) -> Attempt:
    """Has every table undergo it, in every mode."""
    ATTEMPTS.append(one)
    return one


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
async def test_what_one_tenant_attempts_on_the_rows_of_another(world: World, table: Table) -> None:
    """All of it on one table; what goes wrong with one attempt does not hide the others."""
    wrong = []
    for one in ATTEMPTS:
        try:
            await one(world, table)
        except (Exception, pytest.fail.Exception) as error:
            wrong.append(f"{one.__name__}\n{''.join(format_exception(error))}")
    if wrong:
        pytest.fail(f"{len(wrong)} attempts on {table.name}, {world.mode.value}\n\n" + "\n".join(wrong), pytrace=False)


@attempt
async def list_rows(world: World, table: Table) -> None:
    seen = {row.tenant_id for row in await world.run(select(table).where(world.within(table)))}
    assert (world.victim in seen) is (world.mode is Mode.NONE)
    assert world.mode is Mode.NONE or seen == {world.attacker}


@attempt
async def read_by_key(world: World, table: Table) -> None:
    found = await world.run(select(table).where(world.within(table), _key(table, world.theirs(table))))
    assert bool(found) is (world.mode is Mode.NONE)


@attempt
async def count_rows(world: World, table: Table) -> None:
    query = select(func.count()).select_from(table).where(world.within(table))
    ((count,),) = await world.run(query)
    assert (count > world.counts[table.name]) is (world.mode is Mode.NONE)


@attempt
async def join_from_ones_own_row(world: World, table: Table) -> None:
    own, other = table.alias("own"), table.alias("other")
    joined = select(other.c.tenant_id).select_from(
        own.join(other, and_(world.within(other), _key_of(other, table, world.theirs(table))))
    )
    assert bool(await world.run(joined.where(world.within(own)))) is (world.mode is Mode.NONE)


def _key_of(alias: Any, table: Table, row: Row) -> ColumnElement[bool]:
    names = [column.name for column in table.primary_key.columns if column.name != "tenant_id"]
    return and_(*(alias.c[name] == row[name] for name in names))


@attempt
async def update_a_row(world: World, table: Table) -> None:
    column = _harmless(table)
    statement = update(table).where(world.within(table), _key(table, world.theirs(table))).values({column: column})
    await _attempt_change(world, table, statement)


@attempt
async def update_everything(world: World, table: Table) -> None:
    column = _harmless(table)
    statement = update(table).where(world.within(table)).values({column: column}).returning(table.c.tenant_id)
    if table.name in APPEND_ONLY and world.mode.database_wall:
        with pytest.raises(DBAPIError, match="permission denied"):
            await world.run(statement)
        return
    touched = {row.tenant_id for row in await world.run(statement)}
    assert (world.victim in touched) is (world.mode is Mode.NONE)


@attempt
async def delete_a_row(world: World, table: Table) -> None:
    children = _descendants(table) if world.mode is Mode.NONE else []
    statement = delete(table).where(world.within(table), _key(table, world.theirs(table)))
    await _attempt_change(world, table, *(delete(child) for child in children), statement, refused=NEVER_DELETED)


def _descendants(table: Table) -> list[Table]:
    """Tables with references to `table`, direct or not, the farthest first."""
    found = {table}
    for child in TABLES.values():
        if any(constraint.referred_table in found for constraint in child.foreign_key_constraints):
            found.add(child)
    return [child for child in reversed(TABLES.values()) if child in found and child is not table]


async def _attempt_change(world: World, table: Table, *statements: Any, refused: Collection[str] = APPEND_ONLY) -> None:
    if table.name in refused and world.mode.database_wall:
        with pytest.raises(DBAPIError, match="permission denied"):
            await world.run(*statements)
        return
    assert bool(await world.run(*statements)) is (world.mode is Mode.NONE)


@attempt
async def insert_into_the_other_tenant(world: World, table: Table) -> None:
    before, row = world.new_rows(table, world.stamped())
    statement = insert(table).values(row).returning(table.c.tenant_id)
    if world.mode is Mode.WALL_1:
        with pytest.raises(DBAPIError, match="row-level security"):
            await world.run(statement)
        return
    ((tenant_id,),) = await world.run(*before, statement)
    assert (tenant_id == world.victim) is (world.mode is Mode.NONE)


@attempt
async def move_ones_own_row_there(world: World, table: Table) -> None:
    """Wall 2 has no predicate against it; the statement watch refuses every SET of tenant_id."""
    before, row = world.new_rows(table, world.attacker)
    there, other = world.new_rows(table, world.victim)
    names = [reference(constraint)[0] for constraint in table.foreign_key_constraints]
    moved = {name: other[name] for name in names if row[name] is not None}
    statement = (
        update(table).where(_key(table, row)).values(tenant_id=world.victim, **moved).returning(table.c.tenant_id)
    )
    if world.mode.statement_wall:
        assert problems_of(str(statement.compile(dialect=world.database.application.dialect)))
        return
    if world.mode is Mode.NONE:
        answer = await world.run(*before, insert(table).values(row), *there, statement)
        assert answer[0].tenant_id == world.victim
        return
    with pytest.raises(DBAPIError, match=r"row-level security|permission denied"):
        await world.run(*before, insert(table).values(row), statement)


def _target(constraint: ForeignKeyConstraint, tenant_id: UUID, world: World) -> Any:
    return world.rows[tenant_id][constraint.referred_table.name][reference(constraint)[1]]


@attempt
async def refer_to_the_others_rows(world: World, table: Table) -> None:
    for constraint in sorted(table.foreign_key_constraints, key=lambda key: str(key.name)):
        try:
            await _refer(world, table, constraint)
        except (Exception, pytest.fail.Exception) as error:
            error.add_note(f"by {constraint.name}")
            raise


async def _refer(world: World, table: Table, constraint: ForeignKeyConstraint) -> None:
    """The key itself carries the tenant, so a reference from one's own row fails in every mode."""
    column, referred = reference(constraint)
    target = _target(constraint, world.victim, world)
    before, own = world.new_rows(table, world.attacker)
    with pytest.raises(IntegrityError, match="foreign key"):
        await world.run(*before, insert(table).values({**own, column: target}))
    parent = constraint.referred_table
    parents, fresh = world.new_rows(parent, world.victim)
    before, stamped = world.new_rows(table, world.stamped())
    if world.mode is Mode.NONE:
        stamped[column] = fresh[referred]
        assert await world.run(*parents, insert(parent).values(fresh), *before, insert(table).values(stamped))
        return
    if world.mode.statement_wall:
        with pytest.raises(IntegrityError, match="foreign key"):
            await world.run(*before, insert(table).values({**stamped, column: target}))
        return
    with pytest.raises(DBAPIError, match="row-level security"):
        await world.run(insert(table).values({**stamped, column: target}))


@attempt
async def upsert_over_the_others_row(world: World, table: Table) -> None:
    theirs = world.theirs(table)
    before, row = world.new_rows(table, world.stamped())
    references = {reference(constraint)[0] for constraint in table.foreign_key_constraints}
    for name, value in _key_values(table, theirs).items():
        row[name] = world.rows[world.stamped()][table.name][name] if name in references else value
    column = _harmless(table)
    statement = (
        insert_or(table)
        .values(row)
        .on_conflict_do_update(index_elements=list(table.primary_key.columns), set_={column.name: column})
        .returning(table.c.tenant_id)
    )
    if table.name in APPEND_ONLY and world.mode.database_wall:
        with pytest.raises(DBAPIError, match="permission denied"):
            await world.run(statement)
    elif world.mode is Mode.WALL_1:
        with pytest.raises(DBAPIError, match="row-level security"):
            await world.run(statement)
    else:
        ((tenant_id,),) = await world.run(*before, statement)
        assert (tenant_id == world.victim) is (world.mode is Mode.NONE)


def _key_values(table: Table, row: Row) -> Row:
    return {column.name: row[column.name] for column in table.primary_key.columns if column.name != "tenant_id"}


def _unique_keys(table: Table) -> Iterator[list[str]]:
    for key in sorted((*table.constraints, *table.indexes), key=lambda key: str(getattr(key, "name", ""))):
        if isinstance(key, UniqueConstraint | PrimaryKeyConstraint) or (isinstance(key, Index) and key.unique):
            yield [column.name for column in key.columns]


@attempt
async def probe_unique_keys(world: World, table: Table) -> None:
    for names in _unique_keys(table):
        await _probe(world, table, names)


async def _probe(world: World, table: Table, names: list[str]) -> None:
    """Whether a value is taken in the other tenant must not show: a taken and a free one answer alike."""
    answers = []
    own = {"tenant_id"}
    if world.stamped() == world.attacker:
        own |= {reference(constraint)[0] for constraint in table.foreign_key_constraints}
    for taken in (True, False):
        before, row = world.new_rows(table, world.stamped())
        if taken:
            row.update({name: world.theirs(table)[name] for name in names if name not in own})
        before = [] if world.mode is Mode.WALL_1 else before
        answers.append(await _answer(world, *before, insert(table).values(row)))
        answers.append(await _answer(world, *before, insert_or(table).values(row).on_conflict_do_nothing()))
    assert (answers[:2] != answers[2:]) is (world.mode is Mode.NONE), names


async def _answer(world: World, *statements: Any) -> object:
    try:
        return len(await world.run(*statements))
    except DBAPIError as error:
        return type(error.orig).__name__


async def test_the_bell_of_another_tenant(world: World) -> None:
    statement = insert(Doorbell).values(queue=AUDIT_QUEUE, tenant_id=world.stamped(), job_id=new_id())
    if world.mode is Mode.WALL_1:
        with pytest.raises(DBAPIError, match="row-level security"):
            await world.run(statement)
    else:
        assert await world.run(statement)


async def test_a_session_refuses_a_row_stamped_for_another_tenant(world: World) -> None:
    for mapper in TenantTable.registry.mappers:
        row = mapper.class_(tenant_id=world.victim)
        with pytest.raises(ValueError, match="another tenant"):
            async with world.database.write(world.attacker, TESTS) as session:
                session.add(row)


async def test_a_real_command_without_wall_2_stays_in_its_tenant(world: World) -> None:
    """The audit writer and a query, run by a session whose predicates are gone."""
    kind = WriteSession if world.mode.statement_wall else Bare
    try:
        async with world.database.write(world.attacker, TESTS) as opened:
            session = kind(opened._orm, opened.vault, world.attacker, TESTS, "test")
            await record(session, "test.walls", Subject("test"), after={"x": 1})
            for table in TABLES.values():
                rows = await session.rows(select(table.c.tenant_id).where(session.within(table)))
                assert ({row.tenant_id for row in rows} > {world.attacker}) is (world.mode is Mode.NONE)
            raise Undone(())
    except Undone:
        pass
