"""Unified social credit codes 统一社会信用代码 (GB 32100-2015): 18 characters, the last one a check character.

The check character is a sum with weights 3^i modulo 31. As 31 is prime and neighbouring weights differ, it finds every
single wrong character and every swap of two neighbours.
"""

from __future__ import annotations

import re
import unicodedata

from steward_tenants.errors import FieldProblem, InvalidInput
from steward_tenants.texts import Bilingual

LENGTH = 18
ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
"""The 31 characters of a code in the order of their values; I, O, S, V and Z are not used."""

_VALUES = {character: value for value, character in enumerate(ALPHABET)}
_WEIGHTS = tuple(pow(3, position, 31) for position in range(LENGTH - 1))
_REGION = range(3, 9)
_SEPARATORS = re.compile(r"[\s\-‐-―−]+")
_FIELD = ("credit_code",)


def normalise_credit_code(text: str) -> str:
    """The code as it is stored: half-width, capitals, without spaces and hyphens. Nothing is checked."""
    return _SEPARATORS.sub("", unicodedata.normalize("NFKC", text)).upper()


def check_character(first17: str) -> str:
    """The check character of the first 17 characters of a code (GB 32100-2015, 5.2).

    Raises ValueError when they are not 17 characters of the alphabet.
    """
    if len(first17) != LENGTH - 1 or not _VALUES.keys() >= set(first17):
        raise ValueError("not the first 17 characters of a credit code")
    total = sum(_VALUES[character] * weight for character, weight in zip(first17, _WEIGHTS, strict=True))
    return ALPHABET[-total % 31]


def credit_code_problem(text: str, path: tuple[str, ...] = _FIELD) -> FieldProblem | None:
    """What is wrong with a code, or None. `text` is normalised first.

    Codes of the problem: `credit_code_length`, `credit_code_character` (names the first wrong character and its place,
    counted from 1), `credit_code_checksum`. The right check character is not told: it would turn a typing error into
    somebody else's valid code.
    """
    code = normalise_credit_code(text)
    if len(code) != LENGTH:
        return FieldProblem(
            path,
            "credit_code_length",
            Bilingual(
                f"统一社会信用代码应为 {LENGTH} 位，读到 {len(code)} 位。",
                f"A unified social credit code has {LENGTH} characters; {len(code)} were read.",
            ),
        )
    for position, character in enumerate(code, start=1):
        if character not in _VALUES:
            return _wrong_character(path, position, character)
        if position in _REGION and not character.isdecimal():
            return _letter_in_region(path, position, character)
    if check_character(code[:-1]) != code[-1]:
        return FieldProblem(
            path,
            "credit_code_checksum",
            Bilingual(
                "统一社会信用代码的校验码（第 18 位）与前 17 位不符，请对照营业执照核对。",
                "The check character (the 18th) does not fit the first 17: compare it with the business licence.",
            ),
        )
    return None


def clean_credit_code(text: str, path: tuple[str, ...] = _FIELD) -> str:
    """The code in its stored form. Raises InvalidInput with the problem that `credit_code_problem` names."""
    problem = credit_code_problem(text, path)
    if problem is not None:
        raise InvalidInput(problems=[problem])
    return normalise_credit_code(text)


def _wrong_character(path: tuple[str, ...], position: int, character: str) -> FieldProblem:
    shown = character if character.isprintable() else f"U+{ord(character):04X}"
    named = shown if shown.isascii() else f"U+{ord(character):04X}"
    return FieldProblem(
        path,
        "credit_code_character",
        Bilingual(
            f"统一社会信用代码第 {position} 位“{shown}”不可用：只用数字和除 I、O、S、V、Z 以外的大写字母。",
            f"Character {position} “{named}” is not allowed: digits and capitals other than I, O, S, V, Z only.",
        ),
    )


def _letter_in_region(path: tuple[str, ...], position: int, character: str) -> FieldProblem:
    return FieldProblem(
        path,
        "credit_code_character",
        Bilingual(
            f"统一社会信用代码第 {position} 位“{character}”应为数字：第 3 至 8 位是登记机关的行政区划码。",
            f"Character {position} “{character}” must be a digit: characters 3 to 8 are the registering region's code.",
        ),
    )
