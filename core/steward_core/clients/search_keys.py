"""Keys under which a client is found: plain texts, tagged by kind, searched by ranges of their beginnings.

| tag | what stands behind it | length |
|---|---|---|
| `n:` | the name from each place where its core part may be entered, in lower case without blanks and signs | 16 |
| `p:` | the same in pinyin without tones | 24 |
| `i:` | the same in initials (hxwl) | 16 |
| `t:` | the last four digits of a phone | 4 |
| `c:` | the client's own code | 40 |
| `u:` | the unified social credit code in lower case | 18 |

Legal-form endings (有限公司) belong to the keys but start none. A `p:` or `i:` that equals its `n:` is left out:
Latin queries look under all three. The ranges are of code points: the column compares by the "C" collation.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection
from typing import NamedTuple

from steward_core.clients.credit_code import normalise_credit_code
from steward_core.clients.names import spaced_name, without_legal_form
from steward_core.clients.readings import other_reading, syllables_of, syllables_of_person
from steward_tenants.errors import InvalidInput, invalid

NAME_LENGTH = 16
PINYIN_LENGTH = 24
INITIALS_LENGTH = 16
CODE_LENGTH = 40
TAIL_LENGTH = 4
LONGEST_QUERY = 200
AFTER_ALL = "\U0010ffff"
"""No key contains this noncharacter: a beginning followed by it is greater than every key with that beginning."""

_CREDIT_CODE = range(2, 19)


class KeyRange(NamedTuple):
    """Keys from `low` on and below `high`."""

    low: str
    high: str


def keys_of_name(name: str) -> frozenset[str]:
    """The `n:`, `p:` and `i:` keys of a client's name. Empty for a name of signs only."""
    spaced = spaced_name(name)
    text = spaced.replace(" ", "")
    core = len(without_legal_form(spaced, shortest=1).replace(" ", ""))
    starts = _starts(spaced, core)
    syllables = syllables_of(text)
    keys = {"n:" + text[at : at + NAME_LENGTH] for at in starts}
    keys |= _sound_keys(text, syllables, starts)
    other = other_reading(text, syllables, core)
    if other is not None:
        place, reading = other
        syllables[place] = reading
        keys |= _sound_keys(text, syllables, [at for at in starts if at <= place])
    return frozenset(keys)


def keys_of_contact(name: str) -> frozenset[str]:
    """The `n:`, `p:` and `i:` keys of a person's name from its beginning, the family name read as one."""
    text = spaced_name(name).replace(" ", "")
    if not text:
        return frozenset()
    return frozenset({"n:" + text[:NAME_LENGTH]} | _sound_keys(text, syllables_of_person(text), [0]))


def keys_of_client(
    name: str,
    *,
    code: str | None = None,
    credit_code: str | None = None,
    contact_names: Collection[str] = (),
    phone_tails: Collection[str] = (),
) -> frozenset[str]:
    """All keys of a client. `phone_tails` are the last four digits of its phones; other lengths are left out."""
    keys = set(keys_of_name(name))
    if code and (folded := _folded_code(code)):
        keys.add("c:" + folded)
    if credit_code and (normal := normalise_credit_code(credit_code)):
        keys.add("u:" + normal.lower()[: _CREDIT_CODE[-1]])
    for contact in contact_names:
        keys |= keys_of_contact(contact)
    keys.update("t:" + tail for tail in phone_tails if len(tail) == TAIL_LENGTH and _digits(tail))
    return frozenset(keys)


def ranges_of_query(text: str) -> list[KeyRange]:
    """The ranges to look in for what a person typed; a client is found when one of its keys lies in any of them.

    Chinese, or Chinese mixed with letters: `n:`. Latin letters: `n:`, `i:`, `p:`, `c:`. Digits: `n:`, `c:`, and four
    of them `t:`. Letters and digits with at least one digit, up to 18: `u:` as well. Raises InvalidInput for a query
    that is empty or has one letter or digit only.
    """
    typed = text[:LONGEST_QUERY]
    name = spaced_name(typed).replace(" ", "")
    if not name:
        raise _refused("query_empty", "请输入要查找的内容。", "Type what to look for.")
    if len(name) == 1 and not _stands_alone(name):
        raise _refused(
            "query_too_short",
            "请至少输入 2 个字母或数字，或 1 个汉字。",
            "Type at least 2 letters or digits, or 1 Chinese character.",
        )
    beginnings = ["n:" + name[:NAME_LENGTH]]
    sound = _latin(typed)
    if sound.isascii() and sound.isalpha():
        beginnings += ["i:" + sound[:INITIALS_LENGTH], "p:" + sound[:PINYIN_LENGTH]]
    elif name.isascii():
        beginnings += ["i:" + name[:INITIALS_LENGTH], "p:" + name[:PINYIN_LENGTH]]
    if name.isascii():
        beginnings.append("c:" + name[:CODE_LENGTH])
        if len(name) in _CREDIT_CODE and any(character.isdigit() for character in name):
            beginnings.append("u:" + name)
        if len(name) == TAIL_LENGTH and _digits(name):
            beginnings.append("t:" + name)
    elif _folded_code(typed):
        beginnings.append("c:" + _folded_code(typed))
    return [KeyRange(beginning, beginning + AFTER_ALL) for beginning in beginnings]


def _starts(spaced: str, core: int) -> list[int]:
    """Places in the text without blanks where a search may begin: each character of a script without word ends, and
    the beginning of each Latin word and each number. Marks start nothing."""
    starts = []
    at = 0
    before = ""
    for character in spaced:
        if character == " ":
            before = ""
            continue
        if at >= core:
            break
        kind = _kind(character)
        if at == 0 or kind == "self" or kind not in (before, "mark"):
            starts.append(at)
        if kind != "mark":
            before = kind
        at += 1
    return starts


def _kind(character: str) -> str:
    if "一" <= character <= "鿿":
        return "self"
    if character.isdecimal():
        return "digit"
    category = unicodedata.category(character)
    if category.startswith("M"):
        return "mark"
    return "letter" if category in ("Ll", "Lu", "Lt") else "self"


def _sound_keys(text: str, syllables: list[str], starts: list[int]) -> set[str]:
    initials = "".join([syllable[0] for syllable in syllables])
    keys = set()
    for at in starts:
        name = text[at : at + PINYIN_LENGTH]
        sound = "".join(syllables[at : at + PINYIN_LENGTH])[:PINYIN_LENGTH]
        if sound != name:
            keys.add("p:" + sound)
        short = initials[at : at + INITIALS_LENGTH]
        if short != name[:INITIALS_LENGTH]:
            keys.add("i:" + short)
    return keys


def _latin(typed: str) -> str:
    """What was typed as pinyin: tone marks gone, ü as v, signs between syllables out."""
    text = unicodedata.normalize("NFC", typed).casefold().translate(str.maketrans("üǖǘǚǜ", "vvvvv"))
    bare = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return spaced_name(bare).replace(" ", "")


def _folded_code(code: str) -> str:
    return spaced_name(code).replace(" ", "")[:CODE_LENGTH]


def _digits(text: str) -> bool:
    return text.isascii() and text.isdecimal()


def _stands_alone(character: str) -> bool:
    return _kind(character) == "self"


def _refused(code: str, zh: str, en: str) -> InvalidInput:
    return invalid("query", code, zh, en)
