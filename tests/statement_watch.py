"""Wall 2, checked: every statement that the suite sends as the application's role is parsed.

Each reference to a tenant table needs its own `tenant_id = <parameter>` in its own query: in WHERE, or in the ON of
the join that brings it in, never under OR or NOT. What the checker cannot place, it refuses. A test that attacks
the database with statements that no production code would send says so: `with unwatched("why")`, or
`@pytest.mark.unwatched("why")`.
"""

from __future__ import annotations

import logging
import re
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, lru_cache
from hashlib import sha256
from importlib import metadata
from pathlib import Path
from typing import Any

import greenlet  # type: ignore[import-untyped]
import psycopg
import sqlglot
from psycopg import sql
from sqlalchemy import Connection, Engine, event, make_url
from sqlalchemy.pool import Pool
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.tokenizer_core import TokenType

from steward_core.industry.registry import industries
from steward_graphql.declared.entities import camel
from steward_graphql.schema.registry import api_for
from steward_tenants.database.floors import load_floors
from steward_tenants.database.pipeline import Pipelines
from steward_tenants.models import tenant_metadata
from tests.source_strings import STRINGS, constants
from tests.statement_memory import Memory

ROOT = Path(__file__).parents[1]
ROLES = ("steward_app", "steward_directory")
OUTSIDE = frozenset({("directory", "doorbell")})
"""Directory tables that the application may insert into: the row must carry the session's tenant."""
RENDERED = frozenset({"/", ""})
"""String literals that SQLAlchemy itself renders (ESCAPE '/')."""

_PARAMETER = re.compile(r"%\(\w+\)s|%s|\$\d+")
_ROW = r"\((?:[^()']|\([^()']*\))*\)"
_REPEATED_ROWS = re.compile(rf"({_ROW})(?:,\s*\1)+")
_ROW_NUMBER = re.compile(r", \d+\)(?=,? *(?:\(|\) AS imp_sen))")
_JSON_WORDS = re.compile(r"[{}\[\]\",:]+")
_FINGERPRINT = re.compile(r"[0-9a-f]{12}")
"""What a cursor says of the order that it belongs to: a digest of declared names."""
TAKEN_APART = Memory("statements")
_UNCHECKED: ContextVar[str | None] = ContextVar("unwatched", default=None)

logging.getLogger("sqlglot").setLevel(logging.ERROR)


def _callers() -> list[traceback.FrameSummary]:
    """The stack, with that of the task whose greenlet this is."""
    parent = greenlet.getcurrent().parent
    waiting = traceback.extract_stack(parent.gr_frame) if parent and parent.gr_frame else []
    return [*waiting, *traceback.extract_stack()]


class Violations:
    """What was seen since the last `take`."""

    def __init__(self) -> None:
        self._seen: list[str] = []
        self.heeded = True
        """Whether anybody wants to know: not while a test runs that is unwatched as a whole."""

    def add(self, problems: tuple[str, ...], statement: str) -> None:
        """Keep problems with the statement and the place in this project that sent it."""
        places = [
            f"{Path(frame.filename).relative_to(ROOT)}:{frame.lineno} {frame.name}"
            for frame in _callers()
            if frame.filename.startswith(str(ROOT)) and ".venv" not in frame.filename and frame.filename != __file__
        ]
        self._seen.append("\n".join([*problems, statement[:2000], *(f"  sent by {place}" for place in places[-3:])]))

    def take(self) -> list[str]:
        """Return and forget them."""
        seen, self._seen = self._seen, []
        return seen


SEEN = Violations()


@contextmanager
def unwatched(reason: str) -> Iterator[None]:
    """Statements inside are meant to lack wall 2; `reason` says why."""
    if not reason.strip():
        raise ValueError("say why these statements are not watched")
    token = _UNCHECKED.set(reason)
    try:
        yield
    finally:
        _UNCHECKED.reset(token)


@lru_cache(maxsize=4096)
def problems_of(statement: str, role: str = "steward_app") -> tuple[str, ...]:
    """What wall 2 lacks in a statement, as SQLAlchemy hands it to the driver. Empty when nothing does."""
    return _problems(_normalised(statement), role)


def _normalised(statement: str) -> str:
    """The statement with its parameters alike and repeated VALUES rows once, so that few texts are parsed."""
    text = _PARAMETER.sub(":p", statement).replace("%%", "%")
    if "imp_sen" in text:
        text = _ROW_NUMBER.sub(", 0)", text)
    return _REPEATED_ROWS.sub(r"\1", text)


def unscoped(statement: str) -> list[str]:
    """What wall 2 lacks in a statement of the application, whatever its literals are. Raises SqlglotError."""
    return _known(_normalised(statement), "steward_app")[1]


@cache
def _problems(statement: str, role: str) -> tuple[str, ...]:
    try:
        literals, problems = _known(statement, role)
    except SqlglotError as error:
        return (f"cannot be parsed, so cannot be checked: {str(error).splitlines()[0]}",)
    built = [
        text for text in literals if text not in constants() and text not in RENDERED and not _is_json_of_ours(text)
    ]
    return (*(f"a literal that no source file contains: {text!r}" for text in built), *problems)


def _known(statement: str, role: str) -> tuple[list[str], list[str]]:
    """As taken apart before, unless something was wrong with it."""
    key = f"{role} {sha256(statement.encode()).hexdigest()}"
    literals = TAKEN_APART.get(key)
    if literals is not None:
        return literals, []
    literals, problems = _taken_apart(statement, role)
    if not problems:
        TAKEN_APART.put(key, literals)
    return literals, problems


def _taken_apart(statement: str, role: str) -> tuple[list[str], list[str]]:
    """The literals of a statement, and what wall 2 lacks in it. Both follow from the text and the tenants' tables."""
    dialect = sqlglot.Dialect.get_or_raise("postgres")
    tokens = dialect.tokenize(statement)
    literals = [
        token.text
        for token in tokens
        if token.token_type
        in (TokenType.STRING, TokenType.HEREDOC_STRING, TokenType.RAW_STRING, TokenType.NATIONAL_STRING)
    ]
    if role != "steward_app" or not _mentions_tenants(statement):
        return literals, []
    return literals, list(_unscoped(statement, dialect.parser().parse(tokens, statement)))


def _is_json_of_ours(text: str) -> bool:
    """Whether a literal is what plans are made of: JSON's punctuation between names that the catalogue declares, or
    the key of a form's field."""
    if text.isidentifier():
        return camel(text) in _declared_names()
    return bool(_JSON_WORDS.search(text)) and all(
        word in constants() or word in _camel_names() or word in _declared_names() or _FINGERPRINT.fullmatch(word)
        for word in _JSON_WORDS.split(text)
        if word
    )


@cache
def _camel_names() -> frozenset[str]:
    return frozenset(camel(name) for name in constants() if name.isidentifier())


@cache
def _declared_names() -> frozenset[str]:
    """The names of all types and their fields, those of plugins included, which are put together."""
    api = api_for(industries())
    fields = frozenset(field.name for entity in api.entities.values() for field in entity.fields)
    return fields | api.entities.keys() | api.schema.type_map.keys()


@cache
def tenant_tables() -> frozenset[str]:
    """The names of all floors' tenant tables."""
    load_floors()
    return frozenset(table.name for table in tenant_metadata.tables.values())


def _mentions_tenants(statement: str) -> bool:
    words = set(re.findall(r"\w+", statement.lower()))
    return "app" in words or bool(words & (tenant_tables() | {"doorbell"})) or "audit_event_" in statement


def _unscoped(statement: str, trees: Sequence[exp.Expr | None]) -> Iterator[str]:
    if len(trees) != 1 or trees[0] is None:
        yield "more or less than one statement"
        return
    tree = trees[0]
    if not isinstance(tree, exp.Query | exp.DML | exp.Copy) and not _transaction_words(statement):
        yield f"this kind of statement ({type(tree).__name__}) cannot be checked"
        return
    checker = _Checker(tree)
    yield from checker.run()


def _transaction_words(statement: str) -> bool:
    return bool(re.match(r"\s*(savepoint|release|rollback|commit|begin)\b", statement, re.IGNORECASE))


class _Checker:
    """Goes through the queries of one statement and the tables that each of them names."""

    def __init__(self, tree: exp.Expr) -> None:
        self.tree = tree
        self.names = {cte.alias.lower(): cte.this for cte in tree.find_all(exp.CTE)}
        self.placed: set[int] = set()

    def run(self) -> Iterator[str]:
        for node in self.tree.walk():
            if isinstance(node, exp.Select):
                yield from self._select(node)
            elif isinstance(node, exp.Update):
                yield from self._update(node)
            elif isinstance(node, exp.Delete):
                yield from self._scoped([(node.this, None), *_listed(node.args.get("using"))], node)
            elif isinstance(node, exp.Insert):
                yield from self._insert(node)
        for table in self.tree.find_all(exp.Table):
            if id(table) not in self.placed and table.find_ancestor(exp.Lock) is None and self._tenants(table):
                yield f"{table.sql()} stands where the checker cannot see its condition"

    def _tenants(self, table: exp.Table) -> bool:
        schema, name = table.db.lower(), table.name.lower()
        if schema:
            return schema == "app"
        return name not in self.names and (name in tenant_tables() or name.startswith("audit_event_"))

    def _select(self, node: exp.Select) -> Iterator[str]:
        if node.args.get("into"):
            yield "SELECT … INTO makes a table"
        yield from self._scoped(_sources(node), node)

    def _update(self, node: exp.Update) -> Iterator[str]:
        yield from self._scoped([(node.this, None), *_sources(node)], node)
        yield from _moves(node.expressions)

    def _scoped(self, sources: list[tuple[exp.Expr, exp.Expr | None]], node: exp.Expr) -> Iterator[str]:
        where = node.args.get("where")
        conditions = list(_conjuncts(where.this)) if where else []
        expanded = [inner for source in sources for inner in _flattened(*source)]
        alone = len(expanded) == 1
        for source, own in expanded:
            if not isinstance(source, exp.Table):
                continue
            self.placed.add(id(source))
            if self._tenants(source) and not any(
                _is_tenant_condition(condition, source, alone)
                for condition in (*conditions, *(_conjuncts(own) if own is not None else ()))
            ):
                yield f"{source.sql()} has no tenant_id = <parameter> of its own"

    def _insert(self, node: exp.Insert) -> Iterator[str]:
        schema = node.this
        table = schema.this if isinstance(schema, exp.Schema) else schema
        self.placed.add(id(table))
        if not self._tenants(table) and (table.db.lower(), table.name.lower()) not in OUTSIDE:
            return
        columns = [c.name.lower() for c in schema.expressions] if isinstance(schema, exp.Schema) else []
        if "tenant_id" not in columns:
            yield f"INSERT into {table.sql()} names no tenant_id"
            return
        if not self._gives_tenant(node.expression, columns.index("tenant_id")):
            yield f"INSERT into {table.sql()}: tenant_id is neither a parameter nor a scoped query's"
        conflict = node.args.get("conflict")
        if conflict is not None:
            keys = [key.name.lower() for key in conflict.args.get("conflict_keys") or ()]
            if keys and "tenant_id" not in keys:
                yield f"ON CONFLICT of {table.sql()} on a key without tenant_id"
            yield from _moves(conflict.expressions)

    def _gives_tenant(self, source: exp.Expr | None, index: int) -> bool:
        """Whether column `index` of a query or of VALUES is the session's tenant."""
        if isinstance(source, exp.Subquery):
            return self._gives_tenant(source.this, index)
        if isinstance(source, exp.SetOperation):
            return self._gives_tenant(source.left, index) and self._gives_tenant(source.right, index)
        if isinstance(source, exp.Values):
            return all(
                isinstance(row, exp.Tuple) and index < len(row.expressions) and _is_parameter(row.expressions[index])
                for row in source.expressions
            )
        if isinstance(source, exp.Select):
            projections = source.expressions
            return index < len(projections) and self._is_tenant(projections[index], source)
        return False

    def _is_tenant(self, value: exp.Expr, query: exp.Select) -> bool:
        value = _bare(value)
        if _is_parameter(value):
            return True
        if not isinstance(value, exp.Column):
            return False
        candidates = [
            source
            for outer in _sources(query)
            for source, _ in _flattened(*outer)
            if not value.table or source.alias_or_name.lower() == value.table.lower()
        ]
        return len(candidates) == 1 and self._column_is_tenant(candidates[0], value.name.lower())

    def _column_is_tenant(self, source: exp.Expr, column: str) -> bool:
        if isinstance(source, exp.Table):
            if self._tenants(source):
                return column == "tenant_id"
            inner = None if source.db else self.names.get(source.name.lower())
            return inner is not None and self._output_is_tenant(inner, column)
        if isinstance(source, exp.Values):
            names = [name.name.lower() for name in source.args["alias"].columns]
            return column in names and self._gives_tenant(source, names.index(column))
        if isinstance(source, exp.Subquery):
            return self._output_is_tenant(source.this, column)
        return False

    def _output_is_tenant(self, query: exp.Expr, column: str) -> bool:
        """Whether what a CTE or subquery calls `column` is the session's tenant."""
        if isinstance(query, exp.Insert | exp.Update | exp.Delete):
            returning = query.args.get("returning")
            names = [_bare(item).name.lower() for item in returning.expressions] if returning else []
            return column == "tenant_id" and column in names
        if isinstance(query, exp.Select):
            names = [item.alias_or_name.lower() for item in query.expressions]
            return column in names and self._gives_tenant(query, names.index(column))
        return False


def _sources(node: exp.Expr) -> list[tuple[exp.Expr, exp.Expr | None]]:
    """What FROM and the joins name, each with the condition that only this join may bring."""
    start = node.args.get("from_")
    found: list[tuple[exp.Expr, exp.Expr | None]] = [(start.this, None)] if start else []
    found.extend(_joined(node))
    return found


def _joined(node: exp.Expr) -> Iterator[tuple[exp.Expr, exp.Expr | None]]:
    for join in node.args.get("joins") or ():
        yield join.this, None if join.side in ("RIGHT", "FULL") else join.args.get("on")


def _listed(items: list[exp.Expr] | None) -> list[tuple[exp.Expr, exp.Expr | None]]:
    return [(item, None) for item in items or ()]


def _flattened(source: exp.Expr, own: exp.Expr | None) -> Iterator[tuple[exp.Expr, exp.Expr | None]]:
    """A table with joins of its own, in parentheses or not, opened."""
    if isinstance(source, exp.Subquery) and isinstance(source.this, exp.Table):
        yield from _flattened(source.this, own)
    else:
        yield source, own
    for inner, condition in _joined(source):
        yield from _flattened(inner, condition)


def _conjuncts(condition: exp.Expr) -> Iterator[exp.Expr]:
    if isinstance(condition, exp.And):
        yield from _conjuncts(condition.left)
        yield from _conjuncts(condition.right)
    elif isinstance(condition, exp.Paren):
        yield from _conjuncts(condition.this)
    else:
        yield condition


def _is_tenant_condition(condition: exp.Expr, table: exp.Table, alone: bool) -> bool:
    if not isinstance(condition, exp.EQ):
        return False
    for column, value in (
        (condition.left, condition.right),
        (condition.right, condition.left),
    ):
        if isinstance(column, exp.Column) and column.name.lower() == "tenant_id" and _is_parameter(value):
            names_it = column.table.lower() == table.alias_or_name.lower() if column.table else alone
            if names_it:
                return True
    return False


def _moves(assignments: list[exp.Expr]) -> Iterator[str]:
    for assignment in assignments:
        if isinstance(assignment, exp.EQ) and any(
            column.name.lower() == "tenant_id" for column in assignment.left.find_all(exp.Column, exp.Identifier)
        ):
            yield "SET tenant_id moves a row between tenants"


def _bare(value: exp.Expr) -> exp.Expr:
    while isinstance(value, exp.Cast | exp.Paren | exp.Alias):
        value = value.this
    return value


def _is_parameter(value: exp.Expr) -> bool:
    return isinstance(_bare(value), exp.Placeholder | exp.Parameter)


def observe(statement: str, role: str) -> None:
    """Check one statement that is about to be sent."""
    if role in ROLES and SEEN.heeded and _UNCHECKED.get() is None:
        problems = problems_of(statement, role)
        if problems:
            SEEN.add(problems, statement)


def _before_execute(
    connection: Connection, _cursor: Any, statement: str, _parameters: Any, _context: Any, _many: bool
) -> None:
    observe(statement, connection.engine.url.username or "")


class _WatchedCursor(psycopg.AsyncCursor[Any]):
    """COPY goes to the driver past SQLAlchemy."""

    def copy(self, statement: Any, *arguments: Any, **options: Any) -> Any:
        text = statement.as_string(self.connection) if isinstance(statement, sql.Composable) else statement
        observe(text.decode() if isinstance(text, bytes) else text, self.connection.info.user)
        return super().copy(statement, *arguments, **options)


class _WatchedPipelines:
    """Compiled reads go to the driver past SQLAlchemy, and so do those of a mutation's payload."""

    fetch = Pipelines.fetch
    write = Pipelines.write
    execute = psycopg.AsyncRawCursor.execute

    @classmethod
    def install(cls) -> None:
        async def fetch(self: Pipelines, plan_sql: bytes, *arguments: Any, **options: Any) -> Any:
            observe(plan_sql.decode(), make_url(self.database.settings.application_url).username or "")
            return await cls.fetch(self, plan_sql, *arguments, **options)

        async def write(self: Pipelines, statements: Any, *arguments: Any, **options: Any) -> Any:
            for sql_text, _ in statements:
                observe(sql_text.decode(), make_url(self.database.settings.application_url).username or "")
            return await cls.write(self, statements, *arguments, **options)

        async def execute(self: psycopg.AsyncRawCursor[Any], query: Any, *arguments: Any, **options: Any) -> Any:
            observe(query.decode() if isinstance(query, bytes) else str(query), self.connection.info.user)
            return await cls.execute(self, query, *arguments, **options)

        Pipelines.fetch = fetch  # type: ignore[method-assign]
        Pipelines.write = write  # type: ignore[method-assign]
        psycopg.AsyncRawCursor.execute = execute  # type: ignore[method-assign,assignment]


def _connected(adapted: Any, _record: Any) -> None:
    driver = getattr(adapted, "driver_connection", adapted)
    if isinstance(driver, psycopg.AsyncConnection):
        driver.cursor_factory = _WatchedCursor


def remember_in(folder: Path) -> None:
    """Recall what earlier runs found out, by a watch of this text over these tables."""
    watch = (Path(__file__).read_text(encoding="utf-8"), metadata.version("sqlglot"), *sorted(tenant_tables()))
    TAKEN_APART.open(folder, sha256("\n".join(watch).encode()).hexdigest())
    STRINGS.open(folder, sys.version)


def keep() -> None:
    """Keep it for later runs."""
    TAKEN_APART.save()
    STRINGS.save()


def install() -> None:
    """Watch every engine of this process from now on."""
    if not event.contains(Engine, "before_cursor_execute", _before_execute):
        event.listen(Engine, "before_cursor_execute", _before_execute)
        event.listen(Pool, "connect", _connected)
        _WatchedPipelines.install()
