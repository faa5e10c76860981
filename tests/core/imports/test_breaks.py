"""A run that breaks at any step goes on and ends as if nothing had happened."""

from __future__ import annotations

from typing import Any

import pytest

from steward_core.clients.models import (
    Client,
    ClientChange,
    ClientFact,
    ClientOwnership,
    ClientSearchKey,
    Contact,
)
from steward_core.imports import applying, checking, opened, undoing
from steward_core.imports.edge import Request, apply_batch, begin, look, store_file, undo_batch
from steward_core.imports.models import ImportEffect
from steward_core.runs.models import Run
from steward_core.runs.service import drive
from tests.core.imports.conftest import World, csv_of

HEADER = ["客户编码", "客户名称", "客户类型", "上级客户", "联系人", "客户经理", "月收入"]
OPTIONS = {"fact_period": "2026-10"}
TABLES = (Client, Contact, ClientFact, ClientOwnership, ClientSearchKey, ClientChange)
STEPS = [
    (checking, "write_findings"),
    (checking, "_check_tree"),
    (checking, "_finish"),
    (applying, "_begin"),
    (applying, "write_effects"),
    (applying, "_look_at_tree"),
    (applying, "tie_parents"),
    (applying, "_finish"),
    (undoing, "_undo_facts"),
    (undoing, "take_back_rows"),
    (undoing, "_note"),
    (undoing, "_finish"),
]


def lines(count: int = 13) -> list[list[object]]:
    return [
        [
            f"C{n}",
            f"测试{n}公司",
            "company",
            f"C{n + 1}" if n % 2 and n < count else "",
            f"李{n}",
            "1001",
            n if n % 2 else "",
        ]
        for n in range(1, count + 1)
    ]


def break_at(patch: pytest.MonkeyPatch, module: Any, name: str, at: int) -> None:
    """Make a function fail after its work, at one of its calls."""
    inner = getattr(module, name)
    calls = []

    async def failing(*words: Any, **named: Any) -> Any:
        done = await inner(*words, **named)
        calls.append(name)
        if len(calls) == at:
            raise OSError("the machine went away")
        return done

    patch.setattr(module, name, failing)


async def again(world: World, task: Any) -> Any:
    """Do something; when it breaks, another process goes on."""
    try:
        return await task()
    except OSError:
        for run_id in list(opened._OPENED):
            opened.close(run_id)
        return await task()


@pytest.mark.parametrize(
    ("module", "name", "at"),
    [(*step, 1) for step in STEPS]
    + [(*step, 2) for step in STEPS if step[1] in ("write_findings", "write_effects", "take_back_rows")],
)
async def test_broken_anywhere_it_ends_the_same(
    world: World, monkeypatch: pytest.MonkeyPatch, module: Any, name: str, at: int
) -> None:
    await world.send(csv_of(HEADER[:3], [["C2", "原来公司", "shop"]]))
    before = [await world.count(table) for table in TABLES]
    break_at(monkeypatch, module, name, at)
    file = await store_file(world.place, csv_of(HEADER, lines()), "a.csv")
    batch, check = await begin(world.place, file.id, Request("client", options=OPTIONS))
    place = world.place
    await again(world, lambda: drive(place.database, place.tenant_id, place.actor, check.id, place.tools))
    checked = await look(place, batch.id)
    assert (checked.status, checked.counts["rows"], checked.counts["created"]) == ("checked", 13, 12)
    done = await again(world, lambda: apply_batch(place, batch.id))
    assert (done.counts["created"], done.counts["updated"], done.counts["warnings"]) == (12, 1, 6)
    clients = await world.clients()
    assert all(clients[f"C{n}"].parent_id == clients[f"C{n + 1}"].id for n in range(1, 13, 2))
    assert [await world.count(table) for table in (Client, Contact, ClientFact, ImportEffect)] == [13, 13, 7, 14]
    undone = await again(world, lambda: undo_batch(place, batch.id))
    assert (undone.status, undone.counts["undone"], undone.counts["kept"]) == ("undone", 13, 0)
    left = await world.clients()
    assert left["C2"].name == "原来公司"
    assert (left["C2"].owner_id, left["C2"].parent_id) == (None, None)
    assert await world.count(Contact) == 0
    facts = await world.all(ClientFact)
    assert len(facts) == 14
    assert {fact.withdrawn for fact in facts if fact.revision == 2} == {True}
    keys = {key.client_id for key in await world.all(ClientSearchKey) if key.key.startswith("n:")}
    assert keys == {client.id for client in await world.all(Client)}
    assert before[0] + 7 == await world.count(Client)  # closed ones, with withdrawn facts
    assert {run.status for run in await world.all(Run)} == {"done"}
