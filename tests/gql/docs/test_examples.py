"""Every example of docs/graphql.md does what the guide says, over the demo companies and a running application."""

from __future__ import annotations

import asyncio
import json
import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

import steward_graphql.errors
import steward_graphql.http.errors
import steward_graphql.limits.errors
from steward_core.runs.service import RunTools
from steward_core.trusted_documents import errors as trusted_errors
from steward_graphql.compiler import conditions, nodes, orders
from steward_graphql.execution.metrics import EngineMetrics
from steward_graphql.http import endpoint, sockets, streams
from steward_graphql.limits import budget, cost, filters, shape
from steward_graphql.mutations.bulk import MOST_ITEMS
from steward_server import demo
from steward_server.cli.up import FIRST_QUERY
from steward_tenants import errors as tenant_errors
from steward_tenants.database.database import Database
from steward_tenants.errors import StewardError
from steward_tenants.files.store import LocalFileStore
from tests.cluster import SECRET_KEYS, TENANT_KEYS, Addresses
from tests.gql.docs.asking import PASSWORD, Asking
from tests.gql.docs.guide import GUIDE, Example, at, differs, filled, read_examples
from tests.server.api.live import as_text, serving
from tests.server.cli.console import Console, in_thread

TEXT = GUIDE.read_text(encoding="utf-8")
EXAMPLES = read_examples(TEXT)


@pytest.fixture(scope="module")
def reader(addresses: Addresses, worker_id: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    """The application over the demo companies with their clients, and somebody who goes through the guide."""
    name = f"steward_guide_{worker_id}"
    addresses.clone(name)
    folder = tmp_path_factory.mktemp("guide")
    (folder / "spool").mkdir()
    tools = RunTools(LocalFileStore(folder / "files"), folder / "spool")

    async def make() -> None:
        database = Database(addresses.settings(name))
        try:
            await demo.ensure(database, PASSWORD, tools)
        finally:
            await database.dispose()

    in_thread(lambda: asyncio.run(make()))
    environment = {
        "DATABASE_URL": addresses.url("steward_app", name),
        "DIRECTORY_URL": addresses.url("steward_directory", name),
        "REDIS_URL": addresses.redis_url,
        "TENANT_KEYS": as_text(TENANT_KEYS),
        "SECRET_KEYS": as_text(SECRET_KEYS),
        "PUBLIC_URL": "http://127.0.0.1:8000",
        "FILES_PATH": str(folder / "files"),
        "PASSWORD": PASSWORD,
    }
    with pytest.MonkeyPatch.context() as patched:
        for variable, value in environment.items():
            patched.setenv(f"STEWARD_{variable}", value)
        patched.delenv("STEWARD_LOGIN", raising=False)
        with serving(addresses, name, folder) as live:
            yield Asking(live.url)
    addresses.drop(name)


def test_the_guide_is_true_from_beginning_to_end(reader: Asking, addresses: Addresses, worker_id: str) -> None:
    console = Console(addresses.settings(f"steward_guide_{worker_id}"))
    assert len(EXAMPLES) > 30
    wrong = []
    for example in EXAMPLES:
        try:
            _try(example, reader, console)
        except Exception as error:
            wrong.append(f"docs/graphql.md:{example.line}: {error}")
    assert wrong == []


def _try(example: Example, reader: Asking, console: Console) -> None:
    if example.kind == "graphql":
        _try_document(example, reader)
    elif example.kind == "sh":
        for line in example.text.splitlines():
            if line.startswith("./steward"):
                printed = console(*shlex.split(line)[1:])
                assert printed.code == 0, printed.out + printed.err
            else:
                _try_curl(example, line, reader)
    else:
        assert (example.kind, example.words) == ("text", ("websocket",))
        wrong = reader.socket(example.text)
        assert wrong is None, wrong


def _try_document(example: Example, reader: Asking) -> None:
    query = filled(example.text, reader.kept)
    variables = json.loads(filled(example.variables, reader.kept)) if example.variables else None
    body = reader.document(example.options["as"], query, variables)
    codes = [one["extensions"]["code"] for one in body.get("errors", ())]
    expected = [example.options[name] for name in ("error", "partial") if name in example.options]
    assert codes == expected, body
    assert ("data" in body) == ("error" not in example.options)
    if "twice" in example.options:
        assert reader.document(example.options["as"], query, variables) == body
    if "error" not in example.options:
        _keep(example, body["data"], reader)
        if example.answer is None:
            _assert_done(body["data"])
        _compare(example, body["data"], reader)


def _try_curl(example: Example, line: str, reader: Asking) -> None:
    status, body = reader.curl(line, int(example.options.get("events", 0)))
    assert status == int(example.options.get("status", 200)), body
    assert ("errors" in body) == (status != 200), body
    _keep(example, body, reader)
    _compare(example, body, reader)


def _keep(example: Example, body: Any, reader: Asking) -> None:
    reader.kept |= {name: at(body, path) for name, path in example.keeps.items()}


def _compare(example: Example, body: Any, reader: Asking) -> None:
    if example.answer is not None:
        wrong = differs(json.loads(filled(example.answer, reader.kept)), body)
        assert wrong is None, wrong


def _assert_done(data: Any) -> None:
    for payload in data.values():
        if isinstance(payload, dict):
            assert payload.get("userErrors", []) == []


def test_an_answer_is_told_from_another() -> None:
    assert differs({"a": ["…"], "b": "x…z"}, {"a": [1, 2], "b": "xyz"}) is None
    assert differs([{"a": 1}, "…"], [{"a": 1}]) is None
    for expected, actual in (
        ({"a": 1}, {"a": 2}),
        ({"a": 1}, {"a": 1, "b": 2}),
        ({"a": "…"}, {"a": None}),
        ([1], [1, 2]),
        ([1, 2, "…"], [1]),
        ("x…", "yx"),
        ([], None),
    ):
        assert differs(expected, actual) is not None


def test_every_error_stands_in_the_table() -> None:
    told = _codes_in(_section("Errors"))
    modules = (steward_graphql.errors, steward_graphql.http.errors, steward_graphql.limits.errors, trusted_errors)
    kinds = [
        kind
        for module in modules
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, StewardError) and kind.__module__ == module.__name__
    ]
    assert {kind.code for kind in kinds} - told - {"document_refused"} == set()
    known = {kind.code for kind in (*kinds, *_below(StewardError)) if hasattr(kind, "code")}
    assert told - known == set()
    assert tenant_errors.Forbidden.code in told


def _below(kind: type[StewardError]) -> list[type[StewardError]]:
    return [kind, *(one for below in kind.__subclasses__() for one in _below(below))]


def _section(title: str) -> str:
    found = re.search(rf"^## {title}.*?(?=^## )", TEXT, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[0]


def _codes_in(section: str) -> set[str]:
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    return {code for row in rows for code in re.findall(r"`([a-z_]+)`", row)}


LIMITS: dict[str, tuple[int, ...]] = {
    "body of a request": (endpoint.MOST_BODY_BYTES,),
    "document": (shape.MOST_CHARACTERS, shape.MOST_TOKENS, shape.MOST_DEFINITIONS),
    "depth of fields": (shape.MOST_DEPTH, shape.MOST_INTROSPECTION_DEPTH),
    "aliases, directives": (shape.MOST_ALIASES, shape.MOST_DIRECTIVES_IN_PLACE),
    "fragment spreads; fields once they are spread": (shape.MOST_SPREADS, shape.MOST_FIELDS),
    "fields at the root; the same key in one place": (shape.MOST_ROOT_FIELDS, shape.MOST_REPETITIONS),
    "arguments in one place; values in a document; variables": (
        shape.MOST_ARGUMENTS,
        shape.MOST_VALUES,
        shape.MOST_VARIABLES,
    ),
    "rows of a page, ids of `nodes`, items of `in`, groups": (cost.MOST_ROWS,),
    "orders of a list": (orders.MOST_ORDERS,),
    "members of a filter": (filters.MOST_CONDITIONS, filters.MOST_DEPTH),
    "items of a bulk mutation": (MOST_ITEMS,),
    "cost of a request": (cost.MOST_POINTS,),
    "budget of a caller in a minute": (budget.PER_MINUTE,),
    "streams; websockets of a caller; operations on one socket": (
        streams.MOST_STREAMS,
        sockets.MOST_SOCKETS,
        sockets.MOST_OPERATIONS,
    ),
}


def test_the_limits_are_those_of_the_code() -> None:
    rows = dict(re.findall(r"^\| ([^|]+?) \| ([^|]+?) \|$", _section("Limits"), re.MULTILINE))
    for limit, figures in LIMITS.items():
        told = [int(figure.replace(",", "")) for figure in re.findall(r"\d[\d,]*", rows[limit])]
        assert told == list(figures), limit
    assert cost.MOST_ROWS == nodes.MOST_IDS == conditions.MOST_LISTED
    assert shape.MOST_ALIASES == shape.MOST_DIRECTIVES


def test_the_readme_shows_the_query_that_up_prints() -> None:
    assert json.dumps({"query": FIRST_QUERY}) in (GUIDE.parents[1] / "README.md").read_text(encoding="utf-8")


def test_operations_names_every_metric_of_the_engine() -> None:
    operations = (GUIDE.parent / "operations.md").read_text(encoding="utf-8")
    registry = CollectorRegistry()
    EngineMetrics(registry)
    for family in registry.collect():
        assert family.name in operations
