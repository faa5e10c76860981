"""Clients of one tenant, a million of them: finding one, and the nightly scan over all.

A search is compared with a read by primary key through the same kit. The nightly scan (stale profiles and contracts
that end, as the triggers find them for whoever sees everything, figures included) is compared with one bare scan of the
same clients as superuser, which knows no row-level security.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import date, timedelta
from itertools import islice
from statistics import median
from typing import Any
from uuid import UUID

import psycopg
from sqlalchemy import func, select

from bench.cluster import BenchCluster, bench_cluster
from bench.report import Ratio, at_most
from steward_core.clients.models import Client
from steward_core.clients.search import search_clients
from steward_core.clients.search_keys import keys_of_client
from steward_core.industry.evaluation import trigger_select, triggers
from steward_tenants.database.actor import system
from steward_tenants.database.database import Database
from steward_tenants.database.floors import load_floors
from steward_tenants.database.identifiers import new_id
from steward_tenants.directory.models import Tenant

BENCH = system("bench")
CLIENTS = int(os.environ.get("STEWARD_BENCH_CLIENTS", "1000000"))
SEARCH_BAR, SCAN_BAR = 20.0, 3.0
TODAY = date(2026, 11, 16)
# fmt: off
PLACES = (
    "北京", "上海", "广州", "深圳", "成都", "杭州", "武汉", "西安", "南京", "重庆",
    "天津", "苏州", "长沙", "郑州", "青岛", "宁波", "昆明", "大连", "厦门", "合肥",
)
WORDS = (
    "华信", "云岭", "恒通", "瑞丰", "金桥", "明德", "安泰", "东方", "新元", "海川",
    "宏图", "嘉禾", "立诚", "博远", "中联", "天成", "永兴", "长青", "百汇", "德润",
)
TRADES = (
    "网络", "酒店", "商贸", "物流", "科技", "电子", "食品", "建材",
    "医药", "传媒", "餐饮", "印务", "机械", "服饰", "家居",
)
FORMS = ("有限公司", "有限责任公司", "股份有限公司", "中心", "店")
# fmt: on
Work = Callable[[], Awaitable[None]]


def name_of(number: int) -> str:
    """An invented company's name; different numbers give different names."""
    place, rest = PLACES[number % 20], number // 20
    word, rest = WORDS[rest % 20], rest // 20
    other, rest = WORDS[rest % 20][0] + WORDS[rest // 20 % 20][1], rest // 400
    return f"{place}{word}{other}{TRADES[rest % 15]}{FORMS[number % 5]}"


async def run(*, rounds: int = 9) -> list[Ratio]:
    """Fill one tenant, then measure in turn."""
    load_floors()
    with bench_cluster() as cluster:
        database = Database(cluster.settings(pool_size=4))
        tenant_id = new_id()
        async with database.directory() as directory:
            directory.add(Tenant(id=tenant_id, key="bench", name="测量公司"))
        ids = _fill(cluster, tenant_id)
        try:
            return [
                await _search(database, tenant_id, ids, what, text_of=text_of, rounds=rounds)
                for what, text_of in (
                    ("initials", _initials),
                    ("a part of the name", lambda number: name_of(number)[2:6]),
                    ("the last four digits of a phone", lambda number: f"{number % 10_000:04}"),
                    ("the code", lambda number: f"C{number:07}"),
                )
            ] + [await _scan(cluster, database, tenant_id, rounds)]
        finally:
            await database.dispose()


def _initials(number: int) -> str:
    keys = keys_of_client(name_of(number))
    return max((key[2:] for key in keys if key.startswith("i:")), key=len)


def _fill(cluster: BenchCluster, tenant_id: UUID) -> list[UUID]:
    owner, manager = new_id(), new_id()
    ids = [new_id() for _ in range(CLIENTS)]
    with psycopg.connect(cluster.superuser()) as connection:
        connection.execute("set session_replication_role = replica")  # what refers is made here, and known to be there
        for table, columns, lines in (
            ("client", _CLIENT_COLUMNS, _client_lines(tenant_id, ids, manager)),
            ("client_search_key", "tenant_id, key, client_id, source_id", _key_lines(tenant_id, ids)),
            ("contract", _CONTRACT_COLUMNS, _contract_lines(tenant_id, ids, owner)),
        ):
            with connection.cursor().copy(f"copy app.{table} ({columns}) from stdin".encode()) as copy:
                while block := "".join(islice(lines, 5_000)):
                    copy.write(block)
    with psycopg.connect(cluster.superuser(), autocommit=True) as connection:
        connection.execute("vacuum analyze app.client, app.client_search_key, app.contract")
    return ids


_CLIENT_COLUMNS = (
    "tenant_id, id, code, name, kind, tier, status, owner_id, basic_confirmed_on, personal_confirmed_on, phone,"
    " created_by"
)
_CONTRACT_COLUMNS = "tenant_id, id, client_id, number, title, start_on, end_on, amount, created_by"


def _client_lines(tenant_id: UUID, ids: list[UUID], owner: UUID) -> Iterator[str]:
    for number, client_id in enumerate(ids):
        tier = ["key", "A", "B", "C"][number % 4]
        # One client in twenty has a stale profile.
        confirmed = TODAY - timedelta(days=200 if number % 20 == 0 else number % 25)
        yield (
            f"{tenant_id}\t{client_id}\tC{number:07}\t{name_of(number)}\tcompany\t{tier}\tactive\t{owner}\t{confirmed}"
            f"\t{confirmed}\t0100000{number % 10_000:04}\t{owner}\n"
        )


def _key_lines(tenant_id: UUID, ids: list[UUID]) -> Iterator[str]:
    for number, client_id in enumerate(ids):
        for key in keys_of_client(name_of(number), code=f"C{number:07}", phone_tails=[f"{number % 10_000:04}"]):
            yield f"{tenant_id}\t{key}\t{client_id}\t{client_id}\n"


def _contract_lines(tenant_id: UUID, ids: list[UUID], owner: UUID) -> Iterator[str]:
    for number, client_id in enumerate(ids):
        end = TODAY + timedelta(days=number % 2_000)
        days = f"{end - timedelta(days=730)}\t{end}"
        yield f"{tenant_id}\t{new_id()}\t{client_id}\tHT{number:07}\t合同\t{days}\t100000\t{owner}\n"


async def _search(
    database: Database, tenant_id: UUID, ids: list[UUID], what: str, *, text_of: Callable[[int], str], rounds: int
) -> Ratio:
    async def search() -> None:
        number = random.randrange(len(ids))
        async with database.read(tenant_id, BENCH) as session:
            found = await search_clients(session, text_of(number), today=TODAY)
        assert found

    async def read() -> None:
        async with database.read(tenant_id, BENCH) as session:
            assert await session.get(Client, random.choice(ids)) is not None

    ratio, search_ms, read_ms = await _in_turn(search, read, rounds, times=20)
    return at_most(
        f"search among {len(ids):,} clients by {what}, against a read by key",
        ratio,
        SEARCH_BAR,
        f"{search_ms:.1f} ms against {read_ms:.1f} ms",
    )


async def _scan(cluster: BenchCluster, database: Database, tenant_id: UUID, rounds: int) -> Ratio:
    async def nightly() -> None:
        async with database.read(tenant_id, BENCH) as session:
            declared = await triggers(session)
            for key, least in (("clients.profile_stale", CLIENTS // 25), ("clients.contract_ending", CLIENTS // 40)):
                due = trigger_select(session, declared[key], TODAY).subquery()
                found = await session.rows(
                    select(func.count(due.c.client_id), func.min(due.c.due_on), func.count(due.c.figures))
                )
                assert found[0][0] >= least

    with psycopg.connect(cluster.superuser(), autocommit=True) as bare:

        async def scan() -> None:
            row: Any = bare.execute(
                "select count(*), count(name), count(tier), min(basic_confirmed_on), min(personal_confirmed_on)"
                " from app.client where tenant_id = %s and status <> 'merged'",
                [tenant_id],
            ).fetchone()
            assert row[0] == CLIENTS

        ratio, nightly_ms, scan_ms = await _in_turn(nightly, scan, rounds, times=1)
    return at_most(
        f"nightly scan of {CLIENTS:,} clients and their contracts, against one bare scan",
        ratio,
        SCAN_BAR,
        f"{nightly_ms:,.0f} ms against {scan_ms:,.0f} ms",
    )


async def _in_turn(one: Work, other: Work, rounds: int, *, times: int) -> tuple[float, float, float]:
    """The median ratio of the two, measured in turn, and the median milliseconds of a call of each."""
    for warm in (one, other):
        await _milliseconds(warm, times)
    pairs = []
    for number in range(rounds):
        first, second = (one, other) if number % 2 else (other, one)
        spent = {first: await _milliseconds(first, times)}
        spent[second] = await _milliseconds(second, times)
        pairs.append((spent[one], spent[other]))
    return (
        median(a / b for a, b in pairs),
        median(a for a, _ in pairs),
        median(b for _, b in pairs),
    )


async def _milliseconds(work: Work, times: int) -> float:
    start = time.perf_counter()
    for _ in range(times):
        await work()
    return (time.perf_counter() - start) * 1000 / times
