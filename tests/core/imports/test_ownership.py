"""Owners that a file changes: what was owned when neither overlaps nor leaves gaps, whatever happened in between."""

from __future__ import annotations

import itertools
from collections import defaultdict
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from steward_core.clients.hand_over import HandOverSelection, plan_hand_over, reverse_hand_over
from steward_core.clients.merge import merge_clients
from steward_core.clients.models import ClientOwnership
from steward_core.clients.ownership import FOREVER
from steward_core.clients.ownership_errors import NothingToHandOver
from steward_core.imports.clients import ClientWork
from steward_core.imports.edge import Request, apply_batch, check_file
from tests.core.imports.conftest import TODAY, World, csv_of
from tests.factories import TESTS

HEADER = ["客户编码", "客户名称", "客户类型", "客户经理"]


async def ownerships(world: World) -> dict[Any, list[Any]]:
    """The rows of each client, checked: one after the other, the last one open and in the client's own hands."""
    found: dict[Any, list[Any]] = defaultdict(list)
    for row in await world.all(ClientOwnership):
        found[row.client_id].append(row)
    clients = {client.id: client for client in (await world.clients()).values()}
    for client_id, rows in found.items():
        rows.sort(key=lambda row: row.valid_from)
        for one, other in itertools.pairwise(rows):
            assert one.valid_until == other.valid_from
        assert rows[-1].valid_until == FOREVER
        assert (rows[-1].owner_id, rows[-1].unit_id) == (clients[client_id].owner_id, clients[client_id].unit_id)
    return found


async def test_an_import_that_goes_on_days_later_hands_over_on_that_day(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.send(csv_of(HEADER, [["C1", "甲公司", "company", "1001"]]))
    batch = await check_file(world.place, csv_of(HEADER, [["C1", "", "", "1002"]]), "a.csv", Request("client"))
    with monkeypatch.context() as patch:

        async def failing(self: ClientWork, rows: Any) -> None:
            raise OSError("the machine went away")

        patch.setattr(ClientWork, "apply", failing)
        with pytest.raises(OSError, match="went away"):
            await apply_batch(world.place, batch.id)
    client_id = (await world.clients())["C1"].id
    tomorrow = TODAY + timedelta(days=1)
    async with world.database.write(world.place.tenant_id, TESTS) as session:
        chosen = HandOverSelection(client_ids=(client_id,))
        await plan_hand_over(session, chosen, None, effective_on=tomorrow, reason="轮岗", today=tomorrow)
    later = replace(world.place, today=TODAY + timedelta(days=3))
    await apply_batch(later, batch.id)
    rows = (await ownerships(world))[client_id]
    assert [row.valid_from for row in rows] == [TODAY, tomorrow, later.today]
    assert rows[-1].owner_id == world.users["qian"]


async def test_an_import_asked_for_yesterday_rewrites_what_began_since(world: World) -> None:
    await world.send(csv_of(HEADER, [["C1", "甲公司", "company", "1001"]]))
    client_id = (await world.clients())["C1"].id
    tomorrow = TODAY + timedelta(days=1)
    async with world.database.write(world.place.tenant_id, TESTS) as session:
        chosen = HandOverSelection(client_ids=(client_id,))
        await plan_hand_over(session, chosen, None, effective_on=tomorrow, reason="轮岗", today=tomorrow)
    await world.send(csv_of(HEADER, [["C1", "", "", "1002"]]))
    rows = (await ownerships(world))[client_id]
    assert [row.owner_id for row in rows] == [world.users["zhao"], world.users["qian"]]


async def test_a_hand_over_of_the_same_day_is_not_reversed_after_a_file_changed_the_owner(world: World) -> None:
    await world.send(csv_of(HEADER, [["C1", "甲公司", "company", "1001"]]))
    client_id = (await world.clients())["C1"].id
    async with world.database.write(world.place.tenant_id, TESTS) as session:
        chosen = HandOverSelection(client_ids=(client_id,))
        done = await plan_hand_over(session, chosen, None, effective_on=TODAY, reason="轮岗", today=TODAY)
    await world.send(csv_of(HEADER, [["C1", "", "", "1002"]]))
    await ownerships(world)
    with pytest.raises(NothingToHandOver):
        async with world.database.write(world.place.tenant_id, TESTS) as session:
            await reverse_hand_over(session, done.id, effective_on=TODAY, reason="退回", today=TODAY)


async def test_what_was_merged_into_a_client_goes_with_it(world: World) -> None:
    await world.send(csv_of(HEADER, [[f"C{n}", f"甲{n}公司", "company", "1001"] for n in (1, 2, 3)]))
    ids = {code: client.id for code, client in (await world.clients()).items()}
    async with world.database.write(world.place.tenant_id, TESTS) as session:
        await merge_clients(session, ids["C2"], ids["C3"], reason="重复", today=TODAY)
        await merge_clients(session, ids["C1"], ids["C2"], reason="重复", today=TODAY)
    later = replace(world, place=replace(world.place, today=TODAY + timedelta(days=2)))
    await later.send(csv_of(HEADER, [["C1", "", "", "1002"]]))
    found = await ownerships(world)
    assert {rows[-1].owner_id for rows in found.values()} == {world.users["qian"]}
    assert {len(rows) for rows in found.values()} == {2}
