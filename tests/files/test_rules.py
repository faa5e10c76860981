"""Names and types of files."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steward_tenants.files.rules import LONGEST_NAME, clean_name, fits


@pytest.mark.parametrize(
    ("given_name", "clean"),
    [
        ("合同.pdf", "合同.pdf"),
        ("𠮷😀.txt", "𠮷😀.txt"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\x\\报表.xlsx", "报表.xlsx"),
        ("a\r\nSet-Cookie: x.txt", "aSet-Cookie_ x.txt"),
        ("\u202egnp.exe", "gnp.exe"),
        ("..", "file"),
        ("", "file"),
        ("nul.txt", "_nul.txt"),
        (" .hidden. ", "hidden"),
    ],
)
def test_names_are_made_safe(given_name: str, clean: str) -> None:
    assert clean_name(given_name) == clean


@given(st.text(max_size=600))
def test_no_name_is_empty_long_or_a_path(name: str) -> None:
    clean = clean_name(name)
    assert 1 <= len(clean) <= LONGEST_NAME
    assert not set(clean) & set('/\\\0\r\n"')
    assert clean not in (".", "..")
    assert clean.encode()


@pytest.mark.parametrize(
    ("media_type", "head", "taken"),
    [
        ("application/pdf", b"%PDF-1.7", True),
        ("application/pdf", b"<html>", False),
        ("image/png", b"\x89PNG\r\n\x1a\n", True),
        ("image/png", b"\xff\xd8\xff", False),
        ("image/webp", b"RIFF\0\0\0\0WEBP", True),
        ("image/webp", b"RIFF\0\0\0\0WAVE", False),
        ("text/csv", "姓名,电话\n".encode("gb18030"), True),
        ("text/csv", b"a\0b", False),
        ("text/plain", b"\x7fELF", False),
        ("text/plain", b"", True),
        ("text/html", b"<html>", False),
        ("application/x-msdownload", b"MZ", False),
    ],
)
def test_the_first_bytes_must_fit_the_type(media_type: str, head: bytes, taken: bool) -> None:
    assert fits(media_type, head) is taken
