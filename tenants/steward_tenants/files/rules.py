"""Which files are taken: their names, their types, and whether the first bytes fit the type."""

from __future__ import annotations

import unicodedata

LONGEST_NAME = 200
"""Characters of a file's name, its ending included."""
HEAD_BYTES = 512
"""How many bytes at the start decide on the type."""

_FORBIDDEN = frozenset('/\\:*?"<>|')
_RESERVED = frozenset({"con", "prn", "aux", "nul", *(f"com{n}" for n in range(10)), *(f"lpt{n}" for n in range(10))})

_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_OLE = (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",)
_OFFICE = "application/vnd.openxmlformats-officedocument."
MAGIC: dict[str, tuple[bytes, ...]] = {
    "application/pdf": (b"%PDF-",),
    "image/png": (b"\x89PNG\r\n\x1a\n",),
    "image/jpeg": (b"\xff\xd8\xff",),
    "image/gif": (b"GIF87a", b"GIF89a"),
    "image/webp": (b"RIFF",),
    "application/zip": _ZIP,
    _OFFICE + "wordprocessingml.document": _ZIP,
    _OFFICE + "spreadsheetml.sheet": _ZIP,
    _OFFICE + "presentationml.presentation": _ZIP,
    "application/msword": _OLE,
    "application/vnd.ms-excel": _OLE,
    "application/vnd.ms-powerpoint": _OLE,
    "text/plain": (),
    "text/csv": (),
    "application/json": (),
}
"""The types that are taken, and how their bytes begin; none: it must look like text."""

_NOT_TEXT = (
    *(magic for magics in MAGIC.values() for magic in magics if magic != b"RIFF"),
    b"\x7fELF",
    b"MZ\x90",
    b"\x1f\x8b",
)


def clean_name(name: str) -> str:
    """A name that is safe on every file system and in every header: no path, no control or direction characters.

    Never empty, at most `LONGEST_NAME` characters, the ending kept.
    """
    last = unicodedata.normalize("NFC", name).replace("\\", "/").rsplit("/", 1)[-1]
    kept = "".join(
        "_" if character in _FORBIDDEN else character
        for character in last
        if unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Zl", "Zp") or character == "\u200d"  # joins emoji
    )
    kept = kept.strip(" .")
    stem, dot, ending = kept.rpartition(".")
    if dot and len(ending) > 20:
        stem, dot, ending = kept, "", ""
    if not dot:
        stem, ending = kept, ""
    if stem.casefold() in _RESERVED:
        stem = "_" + stem
    stem = stem[: LONGEST_NAME - len(dot) - len(ending)]
    return (stem + dot + ending) or "file"


def plain_media_type(media_type: str) -> str:
    """The type without parameters, in lower case (`text/csv; charset=utf-8` → `text/csv`)."""
    return media_type.partition(";")[0].strip().lower()


def fits(media_type: str, head: bytes) -> bool:
    """Whether a file of this (plain) type may begin with `head`. False for types that are not on the list."""
    if media_type not in MAGIC:
        return False
    magics = MAGIC[media_type]
    if not magics:
        utf16 = head.startswith((b"\xff\xfe", b"\xfe\xff"))
        return not head.startswith(_NOT_TEXT) and (utf16 or b"\0" not in head)
    if media_type == "image/webp":
        return head.startswith(b"RIFF") and head[8:12] == b"WEBP"
    return head.startswith(magics)
