"""Bad files: refused as a whole with a typed error, or row by row; nothing half-written."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import pytest
from openpyxl import load_workbook

from steward_core.clients.models import Client
from steward_core.imports import error_workbook
from steward_core.imports.edge import Request, check_file, head_of, store_file
from steward_core.imports.edge import begin as begin_import
from steward_core.imports.options import options_of
from steward_core.runs.service import drive
from steward_core.spreadsheets.errors import (
    DuplicateColumns,
    MacrosInSpreadsheet,
    SpreadsheetInflates,
    SpreadsheetRefused,
)
from steward_tenants.errors import InvalidInput
from steward_tenants.files.models import StoredFile
from tests.core.imports.conftest import World, csv_of, problems_of

HEADER = ["客户编码", "客户名称", "客户类型"]


def zip_bomb() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/workbook.xml", "<workbook/>")
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * 50_000_000)
    return content.getvalue()


@pytest.mark.parametrize(
    ("content", "name", "error"),
    [
        (zip_bomb(), "a.xlsx", SpreadsheetInflates),
        (b"PK\x03\x04 macros", "a.xlsm", MacrosInSpreadsheet),
        (csv_of(["名称", "编码", "名称"], []), "a.csv", DuplicateColumns),
        (b"", "a.csv", SpreadsheetRefused),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "a.xls", SpreadsheetRefused),
    ],
    ids=["zip bomb", "macros", "headings twice", "empty", "old excel"],
)
async def test_a_file_that_is_none_is_refused_before_it_is_kept(
    world: World, content: bytes, name: str, error: Any
) -> None:
    with pytest.raises(error):
        await world.send(content, name=name)
    assert await world.count(StoredFile) == 0


async def test_bytes_that_are_no_text_far_down_write_nothing(world: World) -> None:
    lines = csv_of(HEADER, [[f"C{n}", f"甲乙丙{n}", "company"] for n in range(13)], "utf-8")
    damaged = lines.replace("甲乙丙11".encode(), b"\xff\xfe\xfa\x81")
    with pytest.raises(SpreadsheetRefused) as caught:
        head_of(damaged, "a.csv", sheet=None, options=options_of({}))
    assert caught.value.values.get("row") == 13
    file = await store_file(world.place, damaged, "a.csv")
    with pytest.raises(SpreadsheetRefused):
        await begin_import(world.place, file.id, Request("client"))
    assert await world.count(Client) == 0


async def test_encodings_of_chinese_spreadsheets(world: World) -> None:
    for number, encoding in enumerate(["utf-8-sig", "utf-8", "gb18030", "utf-16"]):
        batch = await world.send(csv_of(HEADER, [[f"C{number}", "华信𠮷商行", "company"]], encoding))
        assert batch.counts["created"] == 1, encoding
    assert {one.name for one in await world.all(Client)} == {"华信𠮷商行"}


async def test_wrong_options_and_columns_are_named_at_once(world: World) -> None:
    content = csv_of(["甲", "乙"], [["C1", "一"]])
    with pytest.raises(InvalidInput) as caught:
        await world.send(content, columns={"甲": "code", "丙": "name"}, options={"constants": {"kind": "nothing"}})
    assert {(".".join(one.path), one.code) for one in caught.value.problems} == {
        ("columns.丙", "no_such_column"),
        ("options.constants.kind", "choice"),
    }
    with pytest.raises(InvalidInput) as caught:
        await world.send(content, columns={"甲": "code"}, options={"mode": "sideways", "surprise": 1})
    assert {one.path for one in caught.value.problems} == {("options", "mode"), ("options", "surprise")}
    with pytest.raises(InvalidInput):
        await world.send(csv_of(["没有", "用处"], [["a", "b"]]))
    with pytest.raises(InvalidInput) as caught:
        await world.send(csv_of(["客户编码", "月收入"], [["C1", 1]]))
    assert {one.path for one in caught.value.problems} == {("options", "fact_period")}


async def test_the_workbook_lists_so_many_rows_and_says_so(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(error_workbook, "MOST_ROWS", 7)
    lines = [[f"C{n}", "甲", "nothing"] for n in range(11)]
    batch = await check_file(world.place, csv_of(HEADER, lines), "a.csv", Request("client"))
    assert batch.counts["refused"] == 11
    assert len(problems_of(batch)) == 11
    content = b"".join(
        [one async for one in world.place.tools.files.read(world.place.tenant_id, batch.error_file_id)]  # type: ignore[arg-type]
    )
    sheet: Any = load_workbook(io.BytesIO(content)).worksheets[0]
    assert sheet.max_row == 9
    assert "11" in sheet["E9"].value
    assert "7" in sheet["E9"].value


async def test_a_check_that_broke_begins_anew(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from steward_core.imports.clients import ClientWork  # noqa: PLC0415

    lines = [[f"C{n}", "甲", "company" if n else "nothing"] for n in range(12)]
    file = await store_file(world.place, csv_of(HEADER, lines), "a.csv")
    batch, run = await begin_import(world.place, file.id, Request("client"))
    resolve, calls = ClientWork.resolve, []

    async def failing(self: ClientWork, rows: Any) -> None:
        calls.append(rows)
        if len(calls) == 2:
            raise OSError("away")
        await resolve(self, rows)

    monkeypatch.setattr(ClientWork, "resolve", failing)
    place = world.place
    with pytest.raises(OSError, match="away"):
        await drive(place.database, place.tenant_id, place.actor, run.id, place.tools)
    done = await drive(place.database, place.tenant_id, place.actor, run.id, place.tools)
    assert done.counts == {"rows": 12, "created": 11, "refused": 1}
    assert (await world.effects(batch)).keys() == {2}
