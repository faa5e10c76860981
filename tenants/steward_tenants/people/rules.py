"""Pure decisions on people's data: what is accepted, how it is written down."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import date
from typing import Any

from steward_tenants.errors import FieldProblem, InvalidInput
from steward_tenants.texts import LOCALES, Bilingual

PHONE_TAIL = 4
PERSONAL = ("login", "name", "employee_number", "phone", "phone_tail", "email", "identity_number")
"""Fields that the audit log keeps as digests."""

_JOINERS = "‌‍"
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECK_DIGITS = "10X98765432"
_MOBILE = re.compile(r"1[3-9]\d{9}")
_LANDLINE = re.compile(r"0\d{2,3}\d{7,8}")
_ABROAD = re.compile(r"\+[1-9]\d{6,14}")
_LOGIN = re.compile(r"[a-z0-9](?:[a-z0-9._@+-]{1,126})[a-z0-9]")
_EMAIL = re.compile(r"[^\s@]{1,64}@[^\s@.]+(?:\.[^\s@.]+)+")


class Unacceptable(ValueError):
    """A value that is refused: a code and the reason in both languages."""

    def __init__(self, code: str, zh: str, en: str) -> None:
        super().__init__(code)
        self.code = code
        self.message = Bilingual(zh, en)


def line_of_text(value: Any, longest: int) -> str:
    """One visible line, NFC, blanks at the ends gone. Rare characters and combining marks are welcome; control,
    direction and line characters are not. Raises Unacceptable."""
    if not isinstance(value, str):
        raise Unacceptable("text", "应为文本。", "Give text.")
    text = unicodedata.normalize("NFC", value).strip()
    if not 1 <= len(text) <= longest:
        raise Unacceptable("length", f"应为 1 到 {longest} 个字符。", f"Use 1 to {longest} characters.")
    for character in text:
        unseen = unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp")
        if unseen and character not in _JOINERS:
            raise Unacceptable("control", "含有不可见的控制字符。", "It contains invisible control characters.")
    return text


def normalise_login(value: Any) -> str:
    """A login as it is stored: ASCII, lower case. Raises Unacceptable.

    A phone or identity number is no login: logins are shown in lists to everyone who sees the person.
    """
    login = unicodedata.normalize("NFKC", value).strip().casefold() if isinstance(value, str) else ""
    if not _LOGIN.fullmatch(login):
        raise Unacceptable(
            "login",
            "登录名为 3 到 128 个字母、数字或 . _ @ + -，以字母或数字开头和结尾。",
            "Use 3 to 128 letters, digits or . _ @ + -, with a letter or digit at both ends.",
        )
    if _MOBILE.fullmatch(login.removeprefix("86")) or is_identity_number(login.upper()):
        raise Unacceptable(
            "login_is_personal",
            "登录名会显示在列表中，不能使用手机号或证件号。",
            "Logins are shown in lists: use no phone or identity number.",
        )
    return login


def normalise_phone(value: Any) -> str:
    """A phone number as it is stored: 11 digits for a mainland mobile, digits for a landline, +digits for abroad.

    Takes +86, 86 and 0086, blanks, hyphens, brackets and full-width forms. Raises Unacceptable.
    """
    text = unicodedata.normalize("NFKC", value) if isinstance(value, str) else ""
    digits = re.sub(r"[\s()\-‐-―−.]", "", text)
    digits = re.sub(r"^00", "+", digits)
    home = re.sub(r"^(?:\+86|86(?=1\d{10}$))", "", digits)
    for candidate in (home, "0" + home if home != digits else home):
        if candidate.isascii() and (_MOBILE.fullmatch(candidate) or _LANDLINE.fullmatch(candidate)):
            return candidate
    if _ABROAD.fullmatch(digits) and digits.isascii() and not digits.startswith("+86"):
        return digits
    raise Unacceptable(
        "phone",
        "请填写 11 位手机号、带区号的固定电话或以 + 开头的国际号码。",
        "Give an 11-digit mobile, a landline with area code, or an international number with +.",
    )


def is_identity_number(text: str) -> bool:
    """Whether it is an 18-character resident identity number: real birth date, right check character (GB 11643)."""
    if not re.fullmatch(r"[1-9]\d{16}[\dX]", text, re.ASCII):
        return False
    try:
        born = date(int(text[6:10]), int(text[10:12]), int(text[12:14]))
    except ValueError:
        return False
    total = sum(int(digit) * weight for digit, weight in zip(text, _WEIGHTS, strict=False))
    return born.year >= 1850 and _CHECK_DIGITS[total % 11] == text[17]


def normalise_identity_number(value: Any) -> str:
    """An identity number in its stored form, an X in capitals. Raises Unacceptable."""
    text = unicodedata.normalize("NFKC", value) if isinstance(value, str) else ""
    text = re.sub(r"\s", "", text).upper()
    if not is_identity_number(text):
        raise Unacceptable(
            "identity_number",
            "不是有效的 18 位身份证号（出生日期或校验码不符）。",
            "Not a valid 18-digit identity number (birth date or check character is wrong).",
        )
    return text


def normalise_email(value: Any) -> str:
    """An e-mail address with its domain in lower case. Raises Unacceptable."""
    text = line_of_text(value, 254)
    if not _EMAIL.fullmatch(text):
        raise Unacceptable("email", "不是有效的邮箱地址。", "Not a valid e-mail address.")
    local, _, domain = text.rpartition("@")
    return f"{local}@{domain.lower()}"


def _employee_number(value: Any) -> str:
    text = line_of_text(value, 32)
    if any(character.isspace() for character in text):
        raise Unacceptable("blank", "工号不能含空格。", "An employee number has no blanks.")
    return text


def _locale(value: Any) -> str:
    if value not in LOCALES:
        raise Unacceptable("locale", "语言应为 zh-CN 或 en。", "The locale is zh-CN or en.")
    return str(value)


def _joined_on(value: Any) -> date:
    if isinstance(value, str):
        with suppress(ValueError):
            value = date.fromisoformat(value.strip())
    if not isinstance(value, date) or not date(1950, 1, 1) <= value <= date(2100, 1, 1):
        raise Unacceptable("day", "入职日期超出范围。", "The joining day is out of range.")
    return value


_CLEANERS: Mapping[str, Callable[[Any], Any]] = {
    "login": normalise_login,
    "name": lambda value: line_of_text(value, 64),
    "employee_number": _employee_number,
    "title": lambda value: line_of_text(value, 64),
    "phone": normalise_phone,
    "email": normalise_email,
    "identity_number": normalise_identity_number,
    "locale": _locale,
    "joined_on": _joined_on,
}
PROFILE = frozenset(_CLEANERS) - {"login"}
"""The fields of a person that `update` may change."""

_REQUIRED = ("login", "name")


def clean_person(values: Mapping[str, Any], *, allowed: frozenset[str] = PROFILE) -> dict[str, Any]:
    """The given fields in stored form; None or a blank text empties an optional one.

    Raises InvalidInput naming every bad or unknown field at once.
    """
    clean: dict[str, Any] = {}
    problems = []
    for field, value in values.items():
        if field not in allowed:
            problems.append(FieldProblem((field,), "unknown", Bilingual("没有此字段。", "There is no such field.")))
            continue
        empty = value is None or (isinstance(value, str) and not value.strip())
        if empty and field not in _REQUIRED:
            clean[field] = None
            continue
        try:
            clean[field] = _CLEANERS[field](value)
        except Unacceptable as refused:
            problems.append(FieldProblem((field,), refused.code, refused.message))
    if problems:
        raise InvalidInput(problems=problems)
    if "phone" in clean:
        clean["phone_tail"] = clean["phone"][-PHONE_TAIL:] if clean["phone"] else None
    return clean
