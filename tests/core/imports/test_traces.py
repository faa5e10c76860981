"""What imports keep of rows: nothing that the row itself would not show, and nothing of who is erased."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from steward_core.clients.contact_erasure import erase_contact
from steward_core.clients.models import Client, ClientStatus, Contact
from steward_core.imports.edge import Request, apply_batch, check_file, undo_batch
from steward_core.imports.errors import SpoolUnsafe
from steward_core.imports.models import ImportEffect, ImportStatus
from steward_core.imports.queries import effects, imports
from steward_core.runs.service import RunTools
from steward_tenants.files.models import StoredFile
from tests.core.factories import make_client
from tests.core.imports.conftest import TODAY, World, csv_of, problems_of
from tests.factories import TESTS

HEADER = ["客户编码", "客户名称", "客户类型", "上级客户", "联系人", "联系人电话"]


async def test_effects_tell_no_values(world: World) -> None:
    await world.send(csv_of(HEADER, [["C1", "甲公司", "company", "", "张三", "13800000001"]]))
    batch = await world.send(csv_of(["客户编码", "姓名", "电话"], [["C1", "张三", "13800000002"]]), target="contact")
    async with world.database.read(world.place.tenant_id, TESTS) as session:
        (line,) = await effects(session, batch.id)
        assert (line.row_number, line.outcome) == (2, "updated")
        assert "138000" not in repr(line)
        assert len(await imports(session, status=ImportStatus.APPLIED, target="contact")) == 1
        assert await imports(session, status=ImportStatus.UNDONE) == []


async def test_who_is_erased_is_erased_here_too(world: World) -> None:
    first = await world.send(csv_of(HEADER, [["C1", "甲公司", "company", "", "张三", "13800000001"]]))
    batch = await world.send(csv_of(["客户编码", "姓名", "电话"], [["C1", "张三", "13800000002"]]), target="contact")
    (contact,) = await world.all(Contact)
    async with world.database.write(world.place.tenant_id, TESTS) as session:
        await erase_contact(session, contact.id, reason="本人要求", today=TODAY)
    kept = [(one.before, one.problems, one.values) for one in await world.all(ImportEffect)]
    assert not any(trace in json.dumps(kept, ensure_ascii=False) for trace in ("张三", "1380000", str(contact.id)))
    for one in (batch, first):
        assert (await undo_batch(world.place, one.id)).counts["undone"] == 0
    (left,) = await world.all(Contact)
    assert left.phone is None


async def test_bad_rows_skipped_a_parent_that_went_meanwhile_is_told_of(world: World) -> None:
    async with world.database.write(world.place.tenant_id, TESTS) as session:
        make_client(session, code="P")
    rows = [["C1", "甲公司", "company", "P"], ["C2", "乙公司", "company", "C1"], ["C3", "丙公司", "没有", ""]]
    batch = await check_file(world.place, csv_of(HEADER[:4], rows), "a.csv", Request("client"))
    async with world.database.write(world.place.tenant_id, TESTS) as session:
        parent = await session.find(Client, Client.code == "P", lock=True)
        assert parent is not None
        parent.status = ClientStatus.MERGED
    done = await apply_batch(world.place, batch.id, skip_bad=True)
    assert (done.status, done.counts["created"], done.counts["warnings"]) == ("applied", 2, 1)
    assert (2, "parent", "not_found") in problems_of(done)
    assert "warning" in ((await world.effects(batch))[2].problems or [{}])[0]
    clients = await world.clients()
    assert (clients["C1"].parent_id, clients["C2"].parent_id) == (None, clients["C1"].id)


async def test_copies_lie_where_nobody_else_can_put_any(world: World, tmp_path: Path) -> None:
    spool = tmp_path / "shared"
    folder = spool / f"steward-imports-{os.getuid()}"
    folder.mkdir(parents=True)
    folder.chmod(0o777)
    place = replace(world.place, tools=RunTools(world.place.tools.files, spool))
    with pytest.raises(SpoolUnsafe):
        await check_file(place, csv_of(HEADER, []), "a.csv", Request("client"))
    assert list(folder.iterdir()) == []


async def test_a_long_name_leaves_room_for_what_the_workbook_is(world: World) -> None:
    bad: list[list[Any]] = [["C1", "甲公司", "没有", "", "", ""]]
    batch = await check_file(world.place, csv_of(HEADER, bad), f"{'客户' * 120}.csv", Request("client"))
    (file,) = await world.all(StoredFile, StoredFile.id == batch.error_file_id)
    assert file.name.endswith("-错误.xlsx")
