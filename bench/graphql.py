"""The GraphQL path against PostGraphile 5 and against a bare handler over asyncpg.

200 tenants with 500 clients, 3 contacts and 10 notes each; 16 clients, one server process each, rounds in turn. Steward
authenticates, presents a signed tenant, scopes and masks; PostGraphile reads a bare setting and does none of the rest;
the bare handler presents the signed tenant and runs Steward's own statement, fixed, in a transaction of its own.
"""

from __future__ import annotations

import json
import random
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from statistics import median
from uuid import UUID

from bench import graphql_peers as peers
from bench.cluster import DATABASE, TENANT_KEYS, BenchCluster, bench_cluster
from bench.graphql_data import Company, fill
from bench.graphql_plans import bare_plan
from bench.http_load import Connection, Side, post, rate, seconds_of
from bench.report import Ratio, at_least, at_most
from steward_server.embedded import EmbeddedHome, EmbeddedValkey
from steward_tenants.database.database import Database
from steward_tenants.database.floors import load_floors
from steward_tenants.database.identifiers import new_id

CLIENTS = 16
PAGE = 50
MEGABYTES = 150.0
LIST = """query List($first: Int!) {
  clients(first: $first) { nodes { id name status
    contacts(first: 10) { nodes { id name phone } }
    notes(first: 5, orderBy: [{field: CREATED_AT, direction: DESC}]) { totalCount nodes { id body createdAt } } } } }"""
ONE = """query One($id: ID!) {
  client(id: $id) { id name status phone contacts(first: 10) { nodes { id name phone } } } }"""
WRITE = """mutation Write($id: ID!, $body: String!) {
  writeNote(input: {clientId: $id, body: $body}) { note { id body } userErrors { code } } }"""
FAR = "query Far($after: String) { clients(first: 50, after: $after) { nodes { id name } pageInfo { endCursor } } }"
PEER_LIST = """query List($first: Int!) {
  allClients(first: $first, orderBy: NAME_ASC) { nodes { rowId name status
    contactsByTenantIdAndClientId(first: 10) { nodes { rowId name phone } }
    clientNotesByTenantIdAndClientId(first: 5, orderBy: CREATED_AT_DESC) {
      totalCount nodes { rowId body createdAt } } } } }"""
PEER_ONE = """query One($tenant: UUID!, $id: UUID!) {
  clientByTenantIdAndRowId(tenantId: $tenant, rowId: $id) { rowId name status phone
    contactsByTenantIdAndClientId(first: 10) { nodes { rowId name phone } } } }"""
PEER_WRITE = """mutation Write($note: ClientNoteInput!) {
  createClientNote(input: {clientNote: $note}) { clientNote { rowId body } } }"""
Next = Callable[[], bytes]


async def run(*, rounds: int = 7, seconds: float = 1.5) -> list[Ratio]:
    """Fill, start the three, measure in turn."""
    load_floors()
    peers.install()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="steward-bench-")))
        cluster = stack.enter_context(bench_cluster({"shared_buffers": "1GB"}))
        companies = await _filled(cluster)
        valkey = stack.enter_context(EmbeddedValkey(EmbeddedHome(folder / "home")))
        ports = [peers.free_port() for _ in range(3)]
        ours = stack.enter_context(peers.steward(cluster, valkey.url, ports[0], folder))
        stack.enter_context(peers.postgraphile(cluster, ports[1]))
        plan = folder / "bare.json"
        plan.write_text(json.dumps(await _bare(cluster, companies)))
        stack.enter_context(peers.bare_handler(plan, ports[2]))
        ratios = await _reads(companies, ports, rounds, seconds)
        ratios.append(await _writes(companies, ports, rounds, seconds))
        ratios += await _shapes(companies, ports[0])
        memory = peers.resident_megabytes(ours)
        detail = f"{memory:.0f} MB of {MEGABYTES:.0f}"
        ratios.append(at_most("memory of the worker after all that", memory / MEGABYTES, 1.0, detail))
    return ratios


async def _filled(cluster: BenchCluster) -> list[Company]:
    database = Database(cluster.settings(pool_size=8))
    companies = await fill(cluster, database)
    await database.dispose()  # a database is cloned only while nobody is in it
    peers.copy_with_bare_setting(cluster)
    return companies


async def _bare(cluster: BenchCluster, companies: Sequence[Company]) -> dict[str, object]:
    plans = await bare_plan(companies[:-1], {"list": (LIST, {"first": PAGE}), "one": (ONE, {"id": str(new_id())})})
    return {
        "url": cluster.url("steward_app", DATABASE),
        "keys": peers.encoded(TENANT_KEYS),
        "tenants": [str(company.tenant_id) for company in companies[:-1]],
        "operations": plans,
    }


def _ours(company: Company, document: str, variables: dict[str, object]) -> bytes:
    body = json.dumps({"query": document, "variables": variables}).encode()
    return post("/graphql", body, {"Authorization": f"Bearer {company.token}"})


def _theirs(company: Company, document: str, variables: dict[str, object]) -> bytes:
    body = json.dumps({"query": document, "variables": variables}).encode()
    return post("/graphql", body, {"x-tenant": str(company.tenant_id)})


def _fixed(number: int, operation: str, row_id: UUID | None = None) -> bytes:
    headers = {"x-company": str(number), "x-operation": operation, "x-id": str(row_id or "")}
    return post("/", b"{}", headers)


def _drawn(requests: list[bytes]) -> Next:
    return lambda: random.choice(requests)


async def _reads(companies: list[Company], ports: list[int], rounds: int, seconds: float) -> list[Ratio]:
    small = list(enumerate(companies[:-1]))[:CLIENTS]
    """Each of the clients works in a company of its own, as people do."""
    rows = [(n, company, client) for n, company in small for client in random.sample(company.client_ids, 60)]
    sides = {
        "list of 50 clients, their contacts and newest notes": (
            Side("steward", ports[0], _drawn([_ours(c, LIST, {"first": PAGE}) for _, c in small])),
            Side("postgraphile", ports[1], _drawn([_theirs(c, PEER_LIST, {"first": PAGE}) for _, c in small])),
            Side("bare", ports[2], _drawn([_fixed(n, "list") for n, _ in small])),
        ),
        "one client with its contacts": (
            Side("steward", ports[0], _drawn([_ours(c, ONE, {"id": str(i)}) for _, c, i in rows])),
            Side(
                "postgraphile",
                ports[1],
                _drawn([_theirs(c, PEER_ONE, {"tenant": str(c.tenant_id), "id": str(i)}) for _, c, i in rows]),
            ),
            Side("bare", ports[2], _drawn([_fixed(n, "one", i) for n, _, i in rows])),
        ),
    }
    ratios = []
    for name, compared in sides.items():
        found = await _compare(compared, rounds, seconds)
        ratios.append(_ratio(f"{name}, against PostGraphile", found, "postgraphile", 2.5))
        ratios.append(_ratio(f"{name}, against a bare asyncpg handler", found, "bare", 1.2))
    return ratios


async def _writes(companies: list[Company], ports: list[int], rounds: int, seconds: float) -> Ratio:
    small = companies[:CLIENTS]

    def ours() -> bytes:
        company = random.choice(small)
        client = str(random.choice(company.client_ids))
        return _ours(company, WRITE, {"id": client, "body": "电话回访：续约意向明确，下周上门。"})

    def theirs() -> bytes:
        company = random.choice(small)
        note = {
            "tenantId": str(company.tenant_id),
            "rowId": str(new_id()),
            "clientId": str(random.choice(company.client_ids)),
            "authorId": str(company.user_id),
            "body": "电话回访：续约意向明确，下周上门。",
        }
        return _theirs(company, PEER_WRITE, {"note": note})

    compared = (Side("steward", ports[0], ours), Side("postgraphile", ports[1], theirs))
    found = await _compare(compared, rounds, seconds)
    return _ratio("a note with audit, against PostGraphile's plain insert", found, "postgraphile", 1.0)


Rates = list[dict[str, float]]


async def _compare(sides: Sequence[Side], rounds: int, seconds: float) -> Rates:
    """The rates of each side in each round; who is first goes round. Answers are looked at once."""
    found: Rates = []
    async with _connected(sides) as connections:
        for side in sides:
            answer = json.loads(await connections[side.name][0].send(side.next_request()))
            if answer.get("errors") or not any(answer["data"].values()):
                raise RuntimeError(f"{side.name}: {str(answer)[:800]}")
            await rate(side, connections[side.name], seconds / 2)
        for number in range(rounds):
            start = number % len(sides)
            turn = [*sides[start:], *sides[:start]]
            found.append({side.name: await rate(side, connections[side.name], seconds) for side in turn})
    return found


@asynccontextmanager
async def _connected(sides: Sequence[Side]) -> AsyncIterator[dict[str, list[Connection]]]:
    connections = {side.name: [await Connection.open(side.port) for _ in range(CLIENTS)] for side in sides}
    try:
        yield connections
    finally:
        for some in connections.values():
            for connection in some:
                connection.close()


def _ratio(name: str, found: Rates, other: str, bar: float) -> Ratio:
    ratios = [rates["steward"] / rates[other] for rates in found]
    ours, theirs = (median(rates[side] for rates in found) for side in ("steward", other))
    spread = f"rounds {min(ratios):.2f}–{max(ratios):.2f}"
    return at_least(name, median(ratios), bar, f"{ours:,.0f}/s against {theirs:,.0f}/s, {spread}")


async def _shapes(companies: list[Company], port: int) -> list[Ratio]:
    """What one client waits for: new documents, long lists, far pages."""
    company, large = companies[0], companies[-1]
    connection = await Connection.open(port)
    try:
        return [
            await _uncached(connection, company, ONE, {"id": str(company.client_ids[0])}, "one client"),
            await _uncached(connection, company, LIST, {"first": PAGE}, "the list"),
            await _growth(connection, company),
            await _distance(connection, large),
        ]
    finally:
        connection.close()


async def _uncached(
    connection: Connection, company: Company, document: str, variables: dict[str, object], what: str
) -> Ratio:
    known = _ours(company, document, variables)
    await connection.send(known)
    first, again = [], []
    for number in range(40):
        alias = f"n{number}{random.randrange(10**9)}"
        new = document.replace("id name", f"id {alias}: name", 1)
        first.append(await seconds_of(connection, _ours(company, new, variables)))
        again.append(await seconds_of(connection, known))
    detail = f"{median(first) * 1000:.1f} ms against {median(again) * 1000:.1f} ms"
    return at_most(
        f"a document's first execution, {what}, against a known one", median(first) / median(again), 20, detail
    )


async def _growth(connection: Connection, company: Company) -> Ratio:
    """The cost of a row in a page of 100 against one in a page of 20."""
    times: dict[int, list[float]] = {20: [], 100: []}
    for _ in range(40):
        for size, found in times.items():
            found.append(await seconds_of(connection, _ours(company, LIST, {"first": size})))
    each = {size: median(found) / size for size, found in times.items()}
    detail = ", ".join(f"{size} rows: {median(found) * 1000:.1f} ms" for size, found in times.items())
    return at_most("cost of a row in a nested list of 100 against one of 20", each[100] / each[20], 1.2, detail)


async def _distance(connection: Connection, company: Company) -> Ratio:
    """A page near the end of a long list against the first one."""
    cursor: str | None = None
    near, far = _ours(company, FAR, {}), b""
    for _ in range(len(company.client_ids) // 50 - 2):
        answer = json.loads(await connection.send(_ours(company, FAR, {"after": cursor})))
        cursor = answer["data"]["clients"]["pageInfo"]["endCursor"]
    far = _ours(company, FAR, {"after": cursor})
    times: dict[bytes, list[float]] = {near: [], far: []}
    for _ in range(60):
        for request, found in times.items():
            found.append(await seconds_of(connection, request))
    detail = f"{median(times[far]) * 1000:.2f} ms against {median(times[near]) * 1000:.2f} ms"
    name = f"the last page of {len(company.client_ids):,} clients against the first"
    return at_most(name, median(times[far]) / median(times[near]), 1.5, detail)
