"""Pipelined reads: walls, errors, cancels, lost connections, prepared statements."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
import pytest_asyncio

from steward_tenants.database import piped, pipeline
from steward_tenants.database.database import Database
from steward_tenants.database.errors import DatabaseUnavailable, Overloaded, QueryTimeout
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.pipeline import Pipelines, StatementFailed
from steward_tenants.directory.models import TenantStatus
from steward_tenants.errors import InvalidInput, TenantSuspended
from tests.cluster import Addresses
from tests.factories import TESTS, make_tenant, make_unit
from tests.statement_watch import SEEN, unwatched

MINE = b"select u.tenant_id::text, u.name from app.org_unit u where u.tenant_id = $1::uuid"
EVERYBODYS = b"select distinct tenant_id::text from app.org_unit"
SETTING = b"select current_setting($1::text, true)"
bypasses = pytest.mark.unwatched("wall 1 is tried alone")


@pytest_asyncio.fixture(loop_scope="session")
async def pipelines(database: Database) -> AsyncIterator[Pipelines]:
    made = Pipelines(database, 2)
    yield made
    await made.close()


async def tenant_with_unit(database: Database, name: str) -> UUID:
    tenant = await make_tenant(database)
    async with database.write(tenant, TESTS) as session:
        make_unit(session, name=name)
    return tenant


async def test_a_statement_answers_texts(database: Database, pipelines: Pipelines) -> None:
    tenant = await tenant_with_unit(database, "一部")
    rows = await pipelines.fetch(MINE, [str(tenant).encode()], tenant)
    assert rows == [[str(tenant).encode(), "一部".encode()]]
    assert await pipelines.fetch(b"select null::text, ''", [], tenant) == [[None, b""]]
    assert await pipelines.fetch(b"select 1 where false", [], tenant) == []
    zone = await pipelines.fetch(SETTING, [b"TimeZone"], tenant)
    assert zone == [[b"UTC"]]


@bypasses
async def test_wall_1_stands_alone(database: Database, pipelines: Pipelines) -> None:
    tenants = [await tenant_with_unit(database, "甲") for _ in range(3)]
    for tenant in tenants:
        assert await pipelines.fetch(EVERYBODYS, [], tenant) == [[str(tenant).encode()]]


@bypasses
@pytest.mark.parametrize("prepared", [True, False])
async def test_interleaved_tenants_with_injected_settings(database: Database, prepared: bool) -> None:
    """Whatever a statement sets for good is gone when the next tenant is presented."""
    tenants = [await tenant_with_unit(database, "乙") for _ in range(6)]
    other = Database(replace(database.settings, prepared_statements=prepared))
    made = Pipelines(other, 2)
    drawn = random.Random(11)
    try:
        forged = other.signer.token(tenants[0]).encode()

        async def one(number: int) -> None:
            tenant = tenants[number % len(tenants)]
            await asyncio.sleep(drawn.random() / 50)
            kind = number % 5
            if kind == 0:
                injected = b"select set_config('steward.tenant', $1::text, false)"
                await made.fetch(injected, [forged], tenants[0])
            elif kind == 1:
                injected = b"select set_config($1::text, $2::text, false), 1/(length($2::text) - 3)"
                with pytest.raises(StatementFailed):
                    await made.fetch(injected, [b"default_transaction_read_only", b"off"], tenant)
            elif kind == 2:
                with pytest.raises(StatementFailed) as refused:
                    await made.fetch(b"with x as (delete from app.client_tier returning 1) select 1 from x", [], tenant)
                assert refused.value.sqlstate == "25006"
            else:
                assert await made.fetch(EVERYBODYS, [], tenant) == [[str(tenant).encode()]]

        await asyncio.gather(*(one(number) for number in range(400)))
        for name in (b"steward.tenant", b"default_transaction_read_only"):
            await made.fetch(b"select set_config($1::text, 'off', false)", [name], tenants[0])
        with pytest.raises(StatementFailed) as refused:
            await made.fetch(b"insert into app.client_tier default values returning 1", [], tenants[1])
        assert refused.value.sqlstate == "25006"
    finally:
        await made.close()
        await other.dispose()


async def test_without_its_tenant_nothing_is_seen(database: Database, pipelines: Pipelines) -> None:
    mine, other = [await tenant_with_unit(database, "丙") for _ in range(2)]
    assert await pipelines.fetch(MINE, [str(other).encode()], mine) == []


async def test_a_suspended_tenant_is_let_in_no_more(database: Database, pipelines: Pipelines) -> None:
    tenant = await make_tenant(database, status=TenantStatus.SUSPENDED)
    with pytest.raises(TenantSuspended):
        await pipelines.fetch(b"select 1", [], tenant)


async def test_errors_are_typed_and_leave_the_connection_usable(database: Database, pipelines: Pipelines) -> None:
    tenant = await tenant_with_unit(database, "丁")
    bad = b"select no_such_column from app.org_unit where tenant_id = $1::uuid"
    for _ in range(2):
        with pytest.raises(StatementFailed) as refused:
            await pipelines.fetch(bad, [str(tenant).encode()], tenant)
        assert refused.value.sqlstate == "42703"
    with pytest.raises(InvalidInput):
        await pipelines.fetch(b"select $1::int", [b"99999999999"], tenant)
    answers = await asyncio.gather(
        *(pipelines.fetch(sql, [], tenant) for sql in (b"select 1/0", b"select 2", b"selec", b"select 3") * 5),
        return_exceptions=True,
    )
    for first, second, third, fourth in zip(*[iter(answers)] * 4, strict=True):
        assert isinstance(first, StatementFailed)
        assert first.sqlstate == "22012"
        assert second == [[b"2"]]
        assert isinstance(third, StatementFailed)
        assert fourth == [[b"3"]]


@pytest.mark.unwatched("settings are changed as an injection would")
@pytest.mark.parametrize("prepared", [True, False])
async def test_each_request_has_its_bounds(database: Database, prepared: bool) -> None:
    tenant = await make_tenant(database)
    other = Database(replace(database.settings, statement_timeout_ms=4321, prepared_statements=prepared))
    made = Pipelines(other, 1)
    bounds = b"select current_setting('statement_timeout'), current_setting('lock_timeout'), current_setting('jit')"
    loosened = (
        b"select set_config('statement_timeout', '0', false), set_config('lock_timeout', '9s', false),"
        b" set_config('jit', 'on', false)"
    )
    try:
        for _ in range(2):  # what one leaves to the session is gone for the next
            assert await made.fetch(bounds, [], tenant) == [[b"4321ms", b"0", b"off"]]
            assert await made.write([(bounds, []), (loosened, [])], tenant) == [
                [[b"4321ms", b"250ms", b"off"]],
                [[b"0", b"9s", b"on"]],
            ]
            await made.fetch(loosened, [], tenant)
    finally:
        await made.close()
        await other.dispose()


@pytest.mark.parametrize("prepared", [True, False])
async def test_a_slow_statement_is_stopped_and_cheap_ones_do_not_wait(database: Database, prepared: bool) -> None:
    tenant = await tenant_with_unit(database, "戊")
    hasty = Database(replace(database.settings, statement_timeout_ms=900, prepared_statements=prepared))
    made = Pipelines(hasty, 2)
    try:
        slow = [asyncio.create_task(made.fetch(b"select pg_sleep(20)", [], tenant, expensive=True)) for _ in range(2)]
        assert await made.fetch(b"select 1", [], tenant) == [[b"1"]]
        assert not any(one.done() for one in slow)
        for one in slow:
            with pytest.raises(QueryTimeout):
                await one
    finally:
        await made.close()
        await hasty.dispose()


async def test_short_requests_are_packed_and_long_ones_spread(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "PACKED_SECONDS", 0.04)  # below the slow one, far above the other on a busy machine
    tenant = await make_tenant(database)
    pipelines = Pipelines(database, 5)  # four for cheap statements
    whose = b"select pg_backend_pid()::text"
    slow = b"select pg_backend_pid()::text from (select pg_sleep(0.05)) s"
    try:
        for statement in (whose, slow):
            for _ in range(10):  # how long it takes is learned
                await pipelines.fetch(statement, [], tenant)
        await asyncio.gather(*(pipelines.fetch(slow, [], tenant) for _ in range(8)))  # all are open now
        short = await asyncio.gather(*(pipelines.fetch(whose, [], tenant) for _ in range(8)))
        assert len({rows[0][0] for rows in short}) == 1
        long = await asyncio.gather(*(pipelines.fetch(slow, [], tenant) for _ in range(8)))
        assert len({rows[0][0] for rows in long}) == 4
        waiting = [asyncio.ensure_future(pipelines.fetch(slow, [], tenant)) for _ in range(3)]
        await asyncio.sleep(0)
        (beside,) = await pipelines.fetch(whose, [], tenant)
        assert not any(one.done() for one in waiting)
        assert beside[0] not in {(await one)[0][0] for one in waiting}
    finally:
        await pipelines.close()


async def test_a_caller_that_goes_away_leaves_the_order_intact(database: Database) -> None:
    tenant = await tenant_with_unit(database, "己")
    made = Pipelines(database, 1)
    try:
        drawn = random.Random(5)

        async def one(number: int) -> None:
            asked = made.fetch(b"select $1::int, pg_sleep(0.002)", [b"%d" % number], tenant)
            if number % 3 == 0:
                with pytest.raises((asyncio.TimeoutError, TimeoutError)):
                    await asyncio.wait_for(asked, drawn.random() / 500)
                return
            assert (await asked)[0][0] == b"%d" % number

        await asyncio.gather(*(one(number) for number in range(90)))
        assert await made.fetch(b"select 7", [], tenant) == [[b"7"]]
        assert made.waiting == 0
    finally:
        await made.close()


async def backends(addresses: Addresses, database_name: str) -> list[int]:
    async with await psycopg.AsyncConnection.connect(addresses.superuser(database_name), autocommit=True) as admin:
        cursor = await admin.execute(
            "select pid from pg_stat_activity where application_name = 'steward pipeline' and datname = current_database()"
        )
        return [row[0] for row in await cursor.fetchall()]


async def end(addresses: Addresses, database_name: str, pids: list[int]) -> None:
    async with await psycopg.AsyncConnection.connect(addresses.superuser(database_name), autocommit=True) as admin:
        for pid in pids:
            await admin.execute("select pg_terminate_backend(%s, 5000)", [pid])


async def test_a_lost_connection_is_replaced_and_its_reads_repeated(
    database: Database, pipelines: Pipelines, addresses: Addresses, database_name: str
) -> None:
    tenant = await tenant_with_unit(database, "庚")
    await asyncio.gather(*(pipelines.fetch(b"select 1", [], tenant) for _ in range(8)))
    running = [asyncio.create_task(pipelines.fetch(b"select pg_sleep(0.4), 5", [], tenant)) for _ in range(3)]
    await asyncio.sleep(0.1)
    await end(addresses, database_name, await backends(addresses, database_name))
    assert [(await one)[0][1] for one in running] == [b"5"] * 3
    await end(addresses, database_name, await backends(addresses, database_name))
    assert await pipelines.fetch(b"select 1", [], tenant) == [[b"1"]]


async def test_lost_twice_is_told(
    database: Database, pipelines: Pipelines, addresses: Addresses, database_name: str
) -> None:
    tenant = await tenant_with_unit(database, "辛")
    running = asyncio.create_task(pipelines.fetch(b"select pg_sleep(10)", [], tenant))
    for _ in range(2):
        pids: list[int] = []
        while not pids:
            await asyncio.sleep(0.1)
            pids = await backends(addresses, database_name)
        await end(addresses, database_name, pids)
    with pytest.raises(DatabaseUnavailable):
        await running


async def test_first_use_at_once_opens_each_connection_once(
    database: Database, addresses: Addresses, database_name: str
) -> None:
    tenant = await tenant_with_unit(database, "壬")
    before = len(await backends(addresses, database_name))
    made = Pipelines(database, 4)
    try:
        await asyncio.gather(*(made.fetch(b"select pg_sleep(0.05)", [], tenant) for _ in range(40)))
        await asyncio.gather(*(made.fetch(b"select 1", [], tenant, expensive=True) for _ in range(40)))
        assert len(await backends(addresses, database_name)) - before == 4
    finally:
        await made.close()
    await made.close()
    with pytest.raises(DatabaseUnavailable):
        await made.fetch(b"select 1", [], tenant)


async def test_no_database_is_told(database: Database, addresses: Addresses) -> None:
    tenant = await tenant_with_unit(database, "癸")
    made = Pipelines(database, 2)
    made.conninfo = f"postgresql://nobody:x@127.0.0.1:{addresses.port}/no_such_database"
    with pytest.raises(DatabaseUnavailable):
        await made.fetch(b"select 1", [], tenant)
    await made.close()


async def test_closing_tells_who_waits(database: Database) -> None:
    tenant = await tenant_with_unit(database, "子")
    made = Pipelines(database, 1)
    running = [asyncio.create_task(made.fetch(b"select pg_sleep(5)", [], tenant)) for _ in range(9)]
    await asyncio.sleep(0.2)
    await made.close()
    assert all(isinstance(one, DatabaseUnavailable) for one in await asyncio.gather(*running, return_exceptions=True))


async def test_too_many_waiting_are_refused(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    tenant = await tenant_with_unit(database, "丑")
    monkeypatch.setattr(pipeline, "MOST_WAITING", 3)
    made = Pipelines(database, 1)
    try:
        asked = [made.fetch(b"select pg_sleep(0.05)", [], tenant) for _ in range(20)]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        assert any(isinstance(one, Overloaded) for one in answers)
        assert [] in [one for one in answers if isinstance(one, list)] or [[b""]] in answers
    finally:
        await made.close()


async def prepared_names(made: Pipelines, tenant: UUID) -> set[bytes | None]:
    return {row[0] for row in await made.fetch(b"select name from pg_prepared_statements", [], tenant)}


async def test_prepared_statements_are_bounded(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    tenant = await tenant_with_unit(database, "寅")
    monkeypatch.setattr(piped, "MOST_PREPARED", 5)
    made = Pipelines(database, 1)
    try:
        sqls = [b"select %d" % number for number in range(40)]
        for _ in range(2):
            answers = await asyncio.gather(*(made.fetch(sql, [], tenant) for sql in sqls))
            assert answers == [[[b"%d" % number]] for number in range(40)]
        # Beside the five: what forgets, what presents, and the newest, which is there before the oldest goes.
        assert len(await prepared_names(made, tenant)) <= 5 + 3
    finally:
        await made.close()


async def test_a_changed_table_is_prepared_again(
    database: Database, addresses: Addresses, database_name: str, pipelines: Pipelines
) -> None:
    tenant = await tenant_with_unit(database, "卯")
    view = f"changing_{uuid4().hex}"
    sql = f"select * from {view}.one".encode()
    async with await psycopg.AsyncConnection.connect(addresses.superuser(database_name), autocommit=True) as admin:
        made: Any = admin
        await made.execute(f"create schema {view}")
        await made.execute(f"grant usage on schema {view} to public")
        await made.execute(f"create view {view}.one as select 1 as one")
        await made.execute(f"grant select on {view}.one to public")
        try:
            assert await pipelines.fetch(sql, [], tenant) == [[b"1"]]
            await made.execute(f"drop view {view}.one")
            await made.execute(f"create view {view}.one as select 1 as one, 2 as two")
            await made.execute(f"grant select on {view}.one to public")
            answers = await asyncio.gather(*(pipelines.fetch(sql, [], tenant) for _ in range(6)))
            assert answers == [[[b"1", b"2"]]] * 6
        finally:
            await made.execute(f"drop schema {view} cascade")


async def test_what_is_piped_is_watched(database: Database, pipelines: Pipelines) -> None:
    tenant = await make_tenant(database)
    await pipelines.fetch(
        b'select \'{"id":\' || u.id || \',"unitName":"\' || u.name from app.org_unit u where u.tenant_id = $1::UUID',
        [str(tenant).encode()],
        tenant,
    )
    assert SEEN.take() == []
    await pipelines.fetch(EVERYBODYS, [], tenant)
    await pipelines.fetch(b"select '{\"nobody ever wrote this\":'", [], tenant)
    assert len(SEEN.take()) == 2


async def test_statements_that_write_stand_or_fall_together(database: Database, pipelines: Pipelines) -> None:
    tenant = await tenant_with_unit(database, "写")
    insert = (
        b"insert into app.product (tenant_id, id, code, name) values ($1::uuid, $2::uuid, $3::text, $3::text)"
        b" returning id::text"
    )
    count = b"select count(*)::text from app.product p where p.tenant_id = $1::uuid"
    one, two = str(new_id()).encode(), str(new_id()).encode()
    key = str(tenant).encode()
    with unwatched("rows of a tenant, written by hand"):
        written = await pipelines.write([(insert, [key, one, b"A1"]), (count, [key])], tenant)
        assert written == [[[one]], [[b"1"]]]
        for _ in range(2):
            with pytest.raises(StatementFailed):
                await pipelines.write(
                    [(insert, [key, two, b"A2"]), (insert, [key, one, b"A1"]), (count, [key])], tenant
                )
        assert await pipelines.fetch(count, [key], tenant) == [[b"1"]]
        with pytest.raises(StatementFailed):
            await pipelines.fetch(insert, [key, two, b"A2"], tenant)
        answers = await asyncio.gather(
            *(
                pipelines.write([(insert, [key, str(new_id()).encode(), b"B%d" % n]), (count, [key])], tenant)
                for n in range(40)
            )
        )
    assert len({answer[0][0][0] for answer in answers}) == 40
    assert await pipelines.fetch(count, [key], tenant) == [[b"41"]]


async def test_a_write_on_a_lost_connection_is_not_repeated(
    database: Database, pipelines: Pipelines, addresses: Addresses, database_name: str
) -> None:
    tenant = await tenant_with_unit(database, "失")
    running = asyncio.create_task(pipelines.write([(b"select pg_sleep(10)", [])], tenant))
    pids: list[int] = []
    while not pids:
        await asyncio.sleep(0.1)
        pids = await backends(addresses, database_name)
    await end(addresses, database_name, pids)
    with pytest.raises(DatabaseUnavailable):
        await running
    assert await pipelines.write([(b"select 1::text", [])], tenant) == [[[b"1"]]]
