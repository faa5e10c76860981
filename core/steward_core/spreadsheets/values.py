"""Cells parsed as Chinese spreadsheets write them.

Every function takes a cell and the path under which its problem is named, and returns the value, None for a blank
cell, or a FieldProblem that says what was read and what is expected. Blank are also `-`, `—`, `/` and the like.

| function | value | unit |
|---|---|---|
| `read_text` | str | NFC, ends stripped |
| `read_date` | date | a day, whatever time stood beside it |
| `read_number` | Decimal | as written; 万 and 亿 multiplied out, 12% is 0.12 |
| `read_integer` | int | as written |
| `read_money` | int | fen; written in yuan |
| `read_boolean` | bool | |
| `read_phone` | str | digits as `people.rules.normalise_phone` stores them |
| `read_choice` | str | the key of the choice |
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Literal

from steward_core.spreadsheets.tables import Cell
from steward_tenants.errors import FieldProblem
from steward_tenants.people.rules import Unacceptable, normalise_phone
from steward_tenants.texts import Bilingual

FieldPath = tuple[str, ...]

EARLIEST = date(1900, 1, 1)
LATEST = date(2100, 12, 31)
LARGEST_FEN = 2**63 - 1

_NEVER_KEPT = re.compile("[\x00\ud800-\udfff]")
_SHOWN = 40
_LONGEST_NUMBER = 64
_EXACT_DIGITS = 15
_BLANK = frozenset({"", "-", "--", "—", "——", "–", "/", "\\", "无数据", "n/a", "null", "#n/a"})
_SCIENTIFIC = re.compile(r"[+-]?\d(?:\.\d+)?E[+-]?\d{1,3}", re.IGNORECASE | re.ASCII)
_DAY = re.compile(r"(\d{4})([-/.年])(\d{1,2})([-/.月])(\d{1,2})日?", re.ASCII)
_COMPACT_DAY = re.compile(r"(\d{4})(\d{2})(\d{2})", re.ASCII)
_MONTH = re.compile(r"(\d{4})(?:年(\d{1,2})月|[-/.](\d{1,2}))", re.ASCII)
_SHORT_YEAR = re.compile(r"\d{1,2}[-/.年]\d{1,2}[-/.月]\d{1,2}日?|\d{1,2}[-/.]\d{1,2}[-/.]\d{4}", re.ASCII)
_TIME_OF_DAY = re.compile(r"[ T]+\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?$", re.ASCII)
_SERIAL = re.compile(r"(\d{4,6})(?:\.\d+)?", re.ASCII)
_SERIALS = range(7_306, 109_575)
"""Serial numbers taken for days: 1920 to 2199. Smaller ones are rather years or counts."""
_FIRST_SERIAL = date(1899, 12, 30)

_SIGNS = str.maketrans({"−": "-", "﹣": "-", "–": "-", "¥": "", "￥": "", "，": ",", "（": "(", "）": ")"})
_NUMBER = re.compile(
    r"(?P<sign>[+-]?)(?P<whole>\d{1,3}(?:,\d{3})+|\d+)?(?P<part>\.\d+)?(?P<unit>百万|千万|万亿|[百千万亿])?(?P<percent>%)?",
    re.ASCII,
)
_UNITS = {"百": 10**2, "千": 10**3, "万": 10**4, "百万": 10**6, "千万": 10**7, "亿": 10**8, "万亿": 10**12}
_YES = frozenset(["是", "有", "对", "y", "yes", "true", "1", "√", "✓", "✔", "☑", "启用"])
_NO = frozenset(["否", "无", "错", "没有", "n", "no", "false", "0", "×", "✗", "✘", "✕", "☒", "停用"])


def is_blank(cell: Cell) -> bool:
    """Whether the cell says nothing: empty, blanks, or a dash or slash that stands for nothing."""
    return cell is None or (isinstance(cell, str) and _plain(cell).casefold() in _BLANK)


def read_text(cell: Cell, path: FieldPath, *, longest: int = 32_767) -> str | FieldProblem | None:
    """One cell as text. A number is written out without a fraction of zeros; one of more than 15 digits is refused,
    since the spreadsheet has lost the others. Dashes and slashes stay what they are."""
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        if not math.isfinite(cell) or abs(cell) >= 10**_EXACT_DIGITS:
            return _digits_lost(cell, path)
        cell = str(int(cell)) if cell == int(cell) else repr(cell)
    text = unicodedata.normalize("NFC", shown_value(cell)).strip() if cell is not None else ""
    if _NEVER_KEPT.search(text):
        return FieldProblem(
            path, "control", Bilingual("含有无法保存的字符。", "It has characters that cannot be kept.")
        )
    if len(text) > longest:
        return _problem(path, "text_too_long", text, f"最多 {longest} 个字符", f"at most {longest} characters")
    return text or None


def read_code(cell: Cell, path: FieldPath, *, longest: int = 64) -> str | FieldProblem | None:
    """A code or number that is a name (client code, card, licence): text, but no scientific notation."""
    if is_blank(cell):
        return None
    if isinstance(cell, str) and _SCIENTIFIC.fullmatch(_plain(cell)):
        return _scientific(cell, path)
    return read_text(cell, path, longest=longest)


def read_date(
    cell: Cell, path: FieldPath, *, month_as: Literal["first", "last"] | None = "first"
) -> date | FieldProblem | None:
    """A day from 1900 to 2100: 2026-11-22, 2026/11/22, 2026.11.22, 20261122, 2026年11月22日, a serial number (46348).

    A month alone (2026年11月) is its first or last day by `month_as`, or refused. Two-digit years and day-first dates
    are refused as ambiguous.
    """
    if is_blank(cell):
        return None
    found: date | None = None
    if isinstance(cell, datetime):
        found = cell.date()
    elif isinstance(cell, date):
        found = cell
    elif isinstance(cell, str | int | float) and not isinstance(cell, bool):
        text = _plain(shown_value(cell))
        if _SHORT_YEAR.fullmatch(_TIME_OF_DAY.sub("", text)):
            return _problem(
                path,
                "date_ambiguous",
                text,
                "四位年份的日期，如 2026-11-22；该写法有多种理解",
                "a date with a four-digit year such as 2026-11-22; this one can be read in several ways",
            )
        found = _day_in(text, month_as)
    if found is None:
        return _problem(path, "date", cell, "日期，如 2026-11-22 或 2026年11月22日", "a date such as 2026-11-22")
    if not EARLIEST <= found <= LATEST:
        return _problem(path, "date_range", found, "1900 至 2100 年之间的日期", "a date from 1900 to 2100")
    return found


def read_number(cell: Cell, path: FieldPath) -> Decimal | FieldProblem | None:
    """A number: 1,234.56, １２３４．５６, ￥1,234.5, 1.2万, 3亿, 12% (0.12), (1,234) and -1,234.

    A number cell is rounded to the 15 digits that a spreadsheet keeps.
    """
    if is_blank(cell):
        return None
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        number = _exact(cell)
        return number if number is not None else _digits_lost(cell, path)
    if not isinstance(cell, str):
        return _no_number(cell, path)
    text = _plain(cell)
    if _SCIENTIFIC.fullmatch(text):
        return _scientific(cell, path)
    found = _number_in(text)
    return _no_number(cell, path) if found is None else found


def read_integer(cell: Cell, path: FieldPath) -> int | FieldProblem | None:
    """A whole number, written as `read_number` takes it."""
    number = read_number(cell, path)
    if not isinstance(number, Decimal):
        return number
    if number != number.to_integral_value():
        return _problem(path, "integer", cell, "整数", "a whole number")
    return int(number)


def read_money(cell: Cell, path: FieldPath) -> int | FieldProblem | None:
    """An amount written in yuan, as fen. More than two decimals are refused, percentages too."""
    if isinstance(cell, str) and "%" in unicodedata.normalize("NFKC", cell):
        return _problem(path, "money", cell, "以元为单位的金额", "an amount in yuan")
    number = read_number(cell, path)
    if not isinstance(number, Decimal):
        return number
    fen = number * 100
    if fen != fen.to_integral_value():
        return _problem(
            path, "money_decimals", cell, "最多两位小数的金额（元）", "an amount in yuan with at most two decimals"
        )
    if abs(fen) > LARGEST_FEN:
        return _problem(path, "money_range", cell, "范围内的金额", "an amount within the range")
    return int(fen)


def read_boolean(cell: Cell, path: FieldPath) -> bool | FieldProblem | None:
    """是/否, 有/无, 对/错, Y/N, yes/no, true/false, 1/0, √/×. A slash or dash is blank."""
    if is_blank(cell):
        return None
    word = _plain(shown_value(cell)).casefold()
    if cell is True or word in _YES:
        return True
    if cell is False or word in _NO:
        return False
    return _problem(path, "boolean", cell, "“是”或“否”", "yes or no")


def read_phone(cell: Cell, path: FieldPath) -> str | FieldProblem | None:
    """A phone in its stored form: 11-digit mobile, landline with area code, or + and a number abroad."""
    if is_blank(cell):
        return None
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    text = shown_value(cell)
    if _SCIENTIFIC.fullmatch(_plain(text)):
        return _scientific(text, path)
    try:
        return normalise_phone(text)
    except Unacceptable:
        return _problem(
            path,
            "phone",
            text,
            "11 位手机号、带区号的固定电话或以 + 开头的国际号码（列格式设为“文本”可保留开头的 0）",
            "an 11-digit mobile, a landline with area code, or + and an international number "
            "(format the column as text to keep a leading 0)",
        )


def read_choice(cell: Cell, path: FieldPath, choices: Mapping[str, Bilingual]) -> str | FieldProblem | None:
    """The key of the choice whose key, Chinese or English title was written; case, width and blanks do not count."""
    exact = shown_value(cell).strip() if cell is not None else ""
    by_word = {_word(title): key for key, both in choices.items() for title in both}
    by_word |= {_word(key): key for key in choices}
    if exact in choices:
        return exact
    if _word(exact) in by_word:
        return by_word[_word(exact)]
    if is_blank(cell):
        return None
    few = list(choices.values())[:8]
    more = len(choices) > len(few)
    return _problem(
        path,
        "choice",
        cell,
        "下列之一：" + "、".join(title.zh for title in few) + ("……" if more else ""),
        "one of: " + ", ".join(title.en for title in few) + (", …" if more else ""),
    )


def shown_value(cell: Cell) -> str:
    """A cell as a person would write it; None is empty."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "是" if cell else "否"
    if isinstance(cell, float) and math.isfinite(cell) and cell == int(cell) and abs(cell) < 10**_EXACT_DIGITS:
        return str(int(cell))
    if isinstance(cell, datetime):
        return cell.isoformat(" ", "seconds")
    if isinstance(cell, date | time):
        return cell.isoformat()
    return str(cell)


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text[:1000]).strip()


def _word(text: str) -> str:
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", text).casefold())


def _day_in(text: str, month_as: Literal["first", "last"] | None) -> date | None:
    text = re.sub(r"\s*([年月日/.])\s*", r"\1", text)
    text = _TIME_OF_DAY.sub("", text)
    try:
        if found := _DAY.fullmatch(text):
            year, first, month, second, day = found.groups()
            paired = first == second or (first == "年" and second == "月")
            return date(int(year), int(month), int(day)) if paired else None
        if found := _COMPACT_DAY.fullmatch(text):
            return date(*(int(part) for part in found.groups()))
        if found := _MONTH.fullmatch(text):
            return _day_of_month(int(found.group(1)), int(found.group(2) or found.group(3)), month_as)
    except ValueError:
        return None
    serial = _SERIAL.fullmatch(text)
    if serial and int(serial.group(1)) in _SERIALS:
        return _FIRST_SERIAL + timedelta(days=int(serial.group(1)))
    return None


def _day_of_month(year: int, month: int, which: Literal["first", "last"] | None) -> date | None:
    if which is None:
        return None
    first = date(year, month, 1)
    if which == "first":
        return first
    return (first.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)


def _number_in(text: str) -> Decimal | None:
    if len(text) > _LONGEST_NUMBER:
        return None
    bare = re.sub(r"(?<!\d)\s+|\s+(?!\d)", "", text.translate(_SIGNS))
    bare = re.sub(r"^([+-]?)(?:RMB|CNY)", r"\1", bare, flags=re.IGNORECASE).removesuffix("元")
    bracketed = bare.startswith("(") and bare.endswith(")")
    bare = bare[1:-1] if bracketed else bare
    found = _NUMBER.fullmatch(bare)
    if (
        found is None
        or not (found["whole"] or found["part"])
        or (bracketed and found["sign"])
        or (found["unit"] and found["percent"])
    ):
        return None
    unit = found["unit"]
    number = Decimal((found["whole"] or "0").replace(",", "") + (found["part"] or "")) * (_UNITS[unit] if unit else 1)
    if found["percent"]:
        number = number.scaleb(-2)
    return -number if bracketed or found["sign"] == "-" else number


def _exact(number: int | float) -> Decimal | None:
    """A number cell as a decimal of the 15 digits that spreadsheets keep; None when it is not finite."""
    if not math.isfinite(number):
        return None
    if isinstance(number, int):
        return Decimal(number)
    return Decimal(f"{number:.{_EXACT_DIGITS}g}")


def _shown(cell: Cell) -> str:
    text = "".join(character if character.isprintable() else "�" for character in shown_value(cell)[: _SHOWN + 1])
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


def _problem(path: FieldPath, code: str, cell: Cell, zh: str, en: str) -> FieldProblem:
    read = _shown(cell)
    return FieldProblem(path, code, Bilingual(f"读到“{read}”，应为{zh}。", f"“{read}” was read; expected is {en}."))


def _no_number(cell: Cell, path: FieldPath) -> FieldProblem:
    return _problem(path, "number", cell, "数字，如 1,234.56、1.2万 或 12%", "a number such as 1,234.56 or 12%")


def _scientific(cell: Cell, path: FieldPath) -> FieldProblem:
    read = _shown(cell)
    return FieldProblem(
        path,
        "scientific_notation",
        Bilingual(
            f"读到“{read}”：表格程序已把号码变成科学计数法，原有数字已丢失。请把该列格式设为“文本”后重新填写。",
            f"“{read}” was read: the spreadsheet turned the number into scientific notation and lost its digits. "
            "Format the column as text and enter it again.",
        ),
    )


def _digits_lost(cell: Cell, path: FieldPath) -> FieldProblem:
    read = _shown(cell)
    return FieldProblem(
        path,
        "digits_lost",
        Bilingual(
            f"读到“{read}”：表格程序只保留 15 位数字，其余已丢失。请把该列格式设为“文本”后重新填写。",
            f"“{read}” was read: the spreadsheet keeps 15 digits and lost the others. "
            "Format the column as text and enter it again.",
        ),
    )
