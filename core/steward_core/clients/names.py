"""Names of clients compared: a key without what people write differently, and which keys are nearly equal."""

from __future__ import annotations

import re
import unicodedata

LONGEST_DELETED = 24
"""Keys up to this length get blocks by deletion, longer ones by halves (`name_blocks`)."""

SHORTEST_NEAR = 5
"""Keys shorter than this are near-equal only when they are the same."""

_BESIDE_CHINESE = re.compile(" (?=[⺀-\U0003ffff])|(?<=[⺀-\U0003ffff]) ")
_LATIN_FORMS = re.compile(
    r"(?<=\S)(?: +(?:co|company|ltd|limited|inc|incorporated|corp|corporation|llc|plc|gmbh|group))+ *$"
)
_FORMS = (
    "个人独资企业",
    "特殊普通合伙",
    "股份有限公司",
    "有限责任公司",
    "个体工商户",
    "有限总公司",
    "有限分公司",
    "合伙企业",
    "有限合伙",
    "普通合伙",
    "有限公司",
    "股份公司",
    "集团",
    "总公司",
    "分公司",
    "公司",
)
_INNER_FORM = re.compile("(?<=.)(?:集团)?(?:股份有限|有限责任|股份|有限)公司")
_FORM = re.compile("(?:股份有限|有限责任|股份|有限)公司")
_PROVINCE = re.compile(
    "^(北京|上海|天津|重庆)市(?![政场民区容])"
    "|^(河北|山西|辽宁|吉林|黑龙江|江苏|浙江|安徽|福建|江西|山东|河南|湖北|湖南|广东|海南|四川|贵州|云南|陕西|甘肃|青海)省"
)
_ORDERING = (frozenset("甲乙丙丁戊己庚辛"), frozenset("东西南北中"), frozenset("前后左右上下"), frozenset("大中小"))
_NUMERALS = frozenset("零〇一二三四五六七八九十百千万亿两壹贰叁肆伍陆柒捌玖拾")
_SEPARATING = frozenset({"Cc", "Zs", "Zl", "Zp", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "Sm", "Sc", "Sk"})
_UNSEEN = frozenset({"Cf", "Cs"})
_MARKS_OF_TRADE = frozenset("®©℗")


class _Characters(dict[int, str]):
    """What stands for a code point in a spaced name: itself, a blank, or nothing. Filled as characters are met."""

    def __missing__(self, point: int) -> str:
        character = chr(point)
        category = unicodedata.category(character)
        selector = 0xFE00 <= point <= 0xFE0F or 0xE0100 <= point <= 0xE01EF
        noncharacter = point & 0xFFFE == 0xFFFE or 0xFDD0 <= point <= 0xFDEF
        if category in _UNSEEN or selector or noncharacter:
            stands = ""
        elif category in _SEPARATING or character in _MARKS_OF_TRADE:
            stands = " "
        else:
            stands = character
        if point < 0x10000:
            self[point] = stands
        return stands


_CHARACTERS = _Characters()


def spaced_name(text: str) -> str:
    """A name in NFKC and lower case, invisible characters gone, blanks, punctuation and signs one blank between Latin
    words and nothing beside Chinese.

    Rare and private-use characters, combining marks and emoji stay. Empty when nothing else was there.
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    spaced = folded.translate(_CHARACTERS)
    if not spaced.isascii():
        # What was dropped may have stood between a letter and its mark.
        spaced = unicodedata.normalize("NFKC", spaced)
    return _BESIDE_CHINESE.sub("", " ".join(spaced.split()))


def without_legal_form(spaced: str, *, shortest: int = 2) -> str:
    """A spaced name without its legal-form endings (有限公司, 集团, Co Ltd), never cut below `shortest` characters."""
    if _FORM.fullmatch(spaced):
        return spaced
    name = spaced
    latin = _LATIN_FORMS.search(name)
    if latin is not None and latin.start() >= shortest:
        name = name[: latin.start()]
    cutting = True
    while cutting:
        cutting = False
        for form in _FORMS:
            if name.endswith(form) and len(name) - len(form) >= shortest:
                name = name[: -len(form)].rstrip()
                cutting = True
                break
    return name if len(name) >= shortest else spaced


def name_key(name: str) -> str:
    """The key under which equal names meet: without blanks, signs, brackets, case, width and legal-form endings.

    `（北京）华信网络有限公司` and `北京市华信网络有限责任公司` have the same key. A branch keeps its place: the legal
    form inside `华信有限公司上海分公司` is only shortened. Empty for a name of signs only.
    """
    core = without_legal_form(spaced_name(name)).replace(" ", "")
    core = _INNER_FORM.sub("公司", core)
    return _PROVINCE.sub(lambda found: found.group(1) or found.group(2), core)


def near_equal(a_key: str, b_key: str) -> bool:
    """Whether two keys of `name_key` may be one client: the same, or one character apart from five characters on.

    Keys that differ in a numeral, or in what tells branches apart (东/西, 甲/乙, a single Latin letter), are not.
    """
    if a_key == b_key:
        return bool(a_key)
    if min(len(a_key), len(b_key)) < SHORTEST_NEAR or abs(len(a_key) - len(b_key)) > 1:
        return False
    longer, shorter = (a_key, b_key) if len(a_key) >= len(b_key) else (b_key, a_key)
    at = next((i for i, pair in enumerate(zip(longer, shorter, strict=False)) if pair[0] != pair[1]), len(shorter))
    if len(longer) > len(shorter):
        return longer[at + 1 :] == shorter[at:] and not _counts(longer, at)
    if longer[at + 1 :] != shorter[at + 1 :] or _counts(longer, at) or _counts(shorter, at):
        return False
    return not any(longer[at] in order and shorter[at] in order for order in _ORDERING)


def name_blocks(key: str) -> frozenset[str]:
    """Texts of which two near-equal keys always share at least one, for a search by equality.

    Up to `LONGEST_DELETED` characters: `=` and the key, and the key with each one character left out that is no
    numeral. Above: `<` and `>` with its two beginnings and ends of about half its length. Empty for an empty key.
    """
    if not key:
        return frozenset()
    size = len(key)
    blocks = {"=" + key}
    if SHORTEST_NEAR <= size <= LONGEST_DELETED:
        blocks.update("=" + key[:at] + key[at + 1 :] for at in range(size) if not _is_numeral(key[at]))
    if size >= LONGEST_DELETED:
        for half in {size // 2, (size - 1) // 2}:
            blocks.add("<" + key[:half])
            blocks.add(">" + key[-half:])
    return frozenset(blocks)


def _is_numeral(character: str) -> bool:
    return character in _NUMERALS or character.isdigit()


def _counts(key: str, at: int) -> bool:
    """Whether the character tells one of several apart: a numeral, or a Latin letter that stands alone (A店)."""
    character = key[at]
    if _is_numeral(character):
        return True
    neighbours = key[max(at - 1, 0) : at] + key[at + 1 : at + 2]
    latin = character.isascii() and character.isalpha()
    return latin and not any(other.isascii() and other.isalpha() for other in neighbours)
