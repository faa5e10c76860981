"""CSV read as a stream: encodings, separators, quotes, damage named by row, going on where reading stopped."""

from __future__ import annotations

import codecs
import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steward_core.spreadsheets.errors import (
    BadEncoding,
    DuplicateColumns,
    NoHeader,
    NulInText,
    PositionLost,
    RecordTooLong,
    SpreadsheetRefused,
    SpreadsheetTooLarge,
    SpreadsheetUnreadable,
    TooManyColumns,
)
from steward_core.spreadsheets.readers import Cell, Limits, Position, Row, read_table

TEXT = "名称,编码,备注\r\n华信网络,001,𠮷\r\n恒达商行,002,\r\n"


def rows_of(data: bytes, **options: object) -> list[Row]:
    with read_table(data, "客户.csv", **options) as table:  # type: ignore[arg-type]
        return list(table)


def cells_of(data: bytes) -> list[list[Cell]]:
    return [row.cells for row in rows_of(data)]


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (TEXT.encode(), "utf-8"),
        (codecs.BOM_UTF8 + TEXT.encode(), "utf-8-sig"),
        (codecs.BOM_UTF16_LE + TEXT.encode("utf-16-le"), "utf-16-le"),
        (codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"), "utf-16-be"),
        (TEXT.encode("gb18030"), "gb18030"),
        (TEXT.replace("\r\n", "\n").encode(), "utf-8"),
        (TEXT.replace("\r\n", "\r").encode("gb18030"), "gb18030"),
        (TEXT.rstrip().encode(), "utf-8"),
    ],
)
def test_encodings_and_line_ends(data: bytes, encoding: str) -> None:
    with read_table(data, "x.csv") as table:
        assert (table.kind, table.encoding, table.header) == ("csv", encoding, ["名称", "编码", "备注"])
        assert list(table.rows) == [
            Row(2, ["华信网络", "001", "𠮷"]),
            Row(3, ["恒达商行", "002", None]),
        ]


def test_a_long_file_is_decoded_across_pieces() -> None:
    line = "甲" * 999 + ",1\n"
    data = ("名称,数\n" + line * 1200).encode()
    assert len(data) > 3 * 1024 * 1024
    with read_table(data, "x.csv") as table:
        assert table.encoding == "utf-8"
        assert sum(1 for _ in table) == 1200
    with read_table(("名称,数\n" + line * 1200).encode("gb18030"), "x.csv") as table:
        assert table.encoding == "gb18030"
        assert sum(1 for _ in table) == 1200


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_separators(delimiter: str) -> None:
    assert cells_of(f'名称{delimiter}"a,b;c"\n华信{delimiter}"x{delimiter}y"\n'.encode()) == [
        ["华信", f"x{delimiter}y"]
    ]


def test_a_separator_line_is_obeyed() -> None:
    with read_table("sep=|\n名称|编码\n华信|1\n".encode(), "x.csv") as table:
        assert table.header == ["名称", "编码"]
        assert [row.cells for row in table] == [["华信", "1"]]


def test_quotes_and_line_ends_inside_cells() -> None:
    data = '名称,备注\n"华""信","一\r\n二"\n恒达,三\n'.encode()
    assert rows_of(data) == [Row(2, ['华"信', "一\r\n二"]), Row(3, ["恒达", "三"])]


def test_blank_rows_are_left_out_but_counted() -> None:
    assert [row.number for row in rows_of("\n\n名称,备注\n\n华信,\n,\n恒达,x\n".encode())] == [5, 7]
    with read_table("客户表,\n名称,备注\n华信,\n".encode(), "x.csv", header_row=2) as table:
        assert table.header == ["名称", "备注"]
        assert table.header_row == 2


def test_wide_rows_have_a_problem_and_short_ones_are_filled() -> None:
    wide, short = rows_of("名称,备注\n华信,a,b,,c\n恒达\n".encode())
    assert wide.cells == ["华信", "a"]
    assert [problem.code for problem in wide.problems] == ["row_too_wide"]
    assert short == Row(3, ["恒达", None])


def test_a_row_whose_quotes_do_not_pair_is_a_problem_of_that_row() -> None:
    first, second = rows_of('名称,备注\n"华"信,a\n恒达,b\n'.encode())
    assert [problem.code for problem in first.problems] == ["row_unreadable"]
    assert first.cells == [None, None]
    assert second == Row(3, ["恒达", "b"])
    *_, last = rows_of('名称,备注\n华信,a\n恒达,"b\n'.encode())
    assert [problem.code for problem in last.problems] == ["row_unreadable"]


def test_a_quote_that_is_never_closed_refuses_the_file() -> None:
    data = '名称,备注\n华信,"a\n'.encode() + "恒达,b\n".encode() * 40_000
    with pytest.raises(RecordTooLong) as refused:
        rows_of(data)
    assert refused.value.values["row"] == 2
    with pytest.raises(RecordTooLong):
        rows_of(b"a,b\n" + b"x" * 5000, limits=Limits(record=4000))


def test_long_cells_are_problems_of_their_row() -> None:
    long, longer, fine = rows_of(
        f"名称,备注\n华信,{'x' * 32_768}\n华信,{'y' * 140_000}\n恒达,{'z' * 32_767}\n".encode()
    )
    assert (long.cells[1], long.problems[0].code, long.problems[0].path) == (None, "cell_too_long", ("备注",))
    assert longer.problems[0].code == "cell_too_long"
    assert not fine.problems


@pytest.mark.parametrize(
    ("data", "row", "encoding"),
    [
        ("名称,备注\n华信网络,a\n".encode() + b"\xff\xfe,b\n", 3, "UTF-8"),
        ("名称,备注\n华信网络,a\n恒达,".encode() + b"\xe5\x8d\n", 3, "UTF-8"),
        ('名称,备注\n"华信\n网络",a\n'.encode("gb18030") + b"\xff,b\n", 3, "GB18030"),
        ("名称,备注\n".encode("gb18030") + b"abc\x80,b\n", 2, "GB18030"),
        (codecs.BOM_UTF16_LE + "名称,备注\n华".encode("utf-16-le") + b"\x00\xd8\n\x00", 2, "UTF-16"),
        (codecs.BOM_UTF8 + "名称\n华信\n".encode("gb18030"), 1, "UTF-8"),
    ],
)
def test_bytes_that_are_no_text_name_their_row(data: bytes, row: int, encoding: str) -> None:
    with pytest.raises(BadEncoding) as refused:
        read_table(data, "x.csv")
    assert refused.value.values == {"row": row, "encoding": encoding}
    assert str(row) in refused.value.text.zh


def test_damaged_utf8_is_not_taken_for_gb18030() -> None:
    damaged = "名称,备注\n华信网络科技,甲\n".encode() + b"\xe5\x8d,\n" + "恒达商行,乙\n".encode()
    with pytest.raises(BadEncoding):
        read_table(damaged, "x.csv")


def test_nul_is_refused() -> None:
    with pytest.raises(NulInText) as refused:
        rows_of(b"a,b\n1,\x002\n")
    assert refused.value.values["row"] == 2
    with pytest.raises(NulInText):
        rows_of("名称,备注\n".encode("utf-16-le").replace("名称".encode("utf-16-le"), b"a\x00b\x00"))


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", SpreadsheetUnreadable),
        (codecs.BOM_UTF8, NoHeader),
        (b"\n\n \n"[:2], NoHeader),
        (b",,\n", NoHeader),
        ("名称,编码,名称\n".encode(), DuplicateColumns),
        (b"Name,name\n", DuplicateColumns),
        (",".join(f"c{at}" for at in range(201)).encode(), TooManyColumns),
    ],
)
def test_headers_that_are_refused(data: bytes, error: type[SpreadsheetRefused]) -> None:
    with pytest.raises(error):
        read_table(data, "x.csv")


def test_titles_are_tidied_and_may_be_missing_inside() -> None:
    with read_table('" 名 \n 称 ",,备注,,\n'.encode(), "x.csv") as table:
        assert table.header == ["名 称", "", "备注"]


def test_too_many_cells_refuse_the_file_when_they_say_something() -> None:
    assert len(rows_of(b"a,b\n1,2" + b"," * 300 + b"\n")) == 1
    with pytest.raises(TooManyColumns):
        rows_of(b"a,b\n" + b"1," * 300 + b"\n")


def test_a_file_above_the_limit_is_not_read() -> None:
    with pytest.raises(SpreadsheetTooLarge):
        read_table(b"a,b\n" * 100, "x.csv", limits=Limits(file=100))


def test_paths_and_files_are_sources_too(tmp_path: Path) -> None:
    path = tmp_path / "客户.csv"
    path.write_bytes(TEXT.encode())
    with read_table(path, path.name) as table:
        assert len(list(table)) == 2
    file = io.BytesIO(TEXT.encode())
    with read_table(file, "x.csv") as table:
        assert len(list(table)) == 2
    assert file.closed
    with pytest.raises(SpreadsheetUnreadable):
        read_table(tmp_path / "none.csv", "none.csv")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_reading_goes_on_where_it_stopped(encoding: str, end: str) -> None:
    text = end.join(["名称,备注", *(f'华信{at},"a{end}b"' for at in range(20)), ""])
    data = text.encode(encoding)
    whole = rows_of(data)
    assert len(whole) == 20
    for stop in (0, 1, 7, 20):
        with read_table(data, "x.csv") as table:
            first = [next(table) for _ in range(stop)]
            stored = json.loads(json.dumps(table.position()))
        with read_table(data, "x.csv", at=Position(*stored)) as table:
            assert table.header == ["名称", "备注"]
            assert first + list(table) == whole


def test_a_position_of_another_file_is_refused() -> None:
    for at in (Position(9, 10_000, "utf-8"), Position(0, 30, "utf-8"), Position(5, 0, "utf-8")):
        with pytest.raises(PositionLost):
            read_table(TEXT.encode(), "x.csv", at=at)


def test_skipping() -> None:
    with read_table("名称\n一\n二\n\n四\n".encode(), "x.csv") as table:
        table.skip_to(4)
        assert [row.number for row in table] == [5]
        table.skip_to(100)
        assert list(table) == []


@given(st.binary(max_size=300))
def test_no_bytes_break_it(data: bytes) -> None:
    try:
        table = read_table(data, "x.csv")
    except SpreadsheetRefused:
        return
    with table:
        try:
            for row in table:
                assert len(row.cells) == len(table.header)
        except SpreadsheetRefused:
            return


@given(
    st.lists(
        st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=5), max_size=4),
        max_size=5,
    )
)
def test_no_text_breaks_it(lines: list[list[str]]) -> None:
    data = "\n".join([",".join(line) for line in lines]).encode()
    try:
        rows_of(data)
    except SpreadsheetRefused:
        return
