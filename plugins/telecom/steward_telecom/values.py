"""Kinds of values of the telecom forms, each checked with words for people."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from steward_core.forms.fields import Refused

SEPARATORS = re.compile(r"[\s:.\-：－]")
HEXADECIMAL = re.compile(r"[0-9A-F]{12}")


def normalised_mac(text: str) -> str:
    """A device's MAC address as `00:1A:2B:3C:4D:5E`, however it was separated. Raises Refused."""
    digits = SEPARATORS.sub("", text).upper()
    if not HEXADECIMAL.fullmatch(digits):
        raise Refused(
            "应为 12 位十六进制 MAC 地址，例如 00:1A:2B:3C:4D:5E。",
            "Give 12 hexadecimal digits, such as 00:1A:2B:3C:4D:5E.",
        )
    if int(digits, 16) == 0 or int(digits[:2], 16) & 1:
        raise Refused(
            "这是全零、广播或组播地址，不是设备的 MAC 地址。",
            "This is an all-zero, broadcast or group address, not a device's.",
        )
    return ":".join(digits[place : place + 2] for place in range(0, 12, 2))


def _short_number(text: str) -> str:
    if not re.fullmatch(r"\d{2,8}", text, re.ASCII):
        raise Refused("短号应为 2 至 8 位数字。", "A short number has 2 to 8 digits.")
    return text


def _phone_number(text: str) -> str:
    digits = re.sub(r"[\s\-－]", "", text)
    if not re.fullmatch(r"\+?\d{5,15}", digits, re.ASCII):
        raise Refused("应为电话号码，例如 13800001234。", "Give a phone number, such as 13800001234.")
    return digits


MacAddress = Annotated[str, Field(min_length=1, max_length=40), AfterValidator(normalised_mac)]
ShortNumber = Annotated[str, StringConstraints(max_length=20, strip_whitespace=True), AfterValidator(_short_number)]
PhoneNumber = Annotated[str, Field(min_length=1, max_length=40), AfterValidator(_phone_number)]
Rate = Annotated[Decimal, Field(gt=0, le=1_000_000, max_digits=10, decimal_places=3)]
"""In Mbit/s."""
AddressCount = Annotated[int, Field(ge=1, le=65_536)]


def percent_off(standard: int, asked: int) -> Decimal | None:
    """By how many percent `asked` lies below `standard` (both in fen), to two places, rounded half up; None where there
    is no price."""
    if standard <= 0:
        return None
    return (Decimal(standard - asked) * 100 / standard).quantize(Decimal("0.01"), ROUND_HALF_UP)
