"""What a tenant's facts may be: key, name, locale, time zone, origins."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from steward_tenants.errors import FieldProblem
from steward_tenants.texts import LOCALES, Bilingual

TENANT_KEY = re.compile(r"[a-z][a-z0-9-]{1,30}")
LONGEST_NAME = 100
MOST_ORIGINS = 50
_HOST = re.compile(r"(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset(zone for zone in available_timezones() if "/" in zone or zone == "UTC")


def key_problem(key: str, path: str = "key") -> FieldProblem | None:
    """What is wrong with a tenant's short name."""
    if TENANT_KEY.fullmatch(key):
        return None
    return _problem(
        path,
        "format",
        "租户标识须以小写字母开头，由 2 到 31 个小写字母、数字或连字符组成。",
        "A key is 2 to 31 lower-case letters, digits or hyphens and begins with a letter.",
    )


def name_problem(name: str, path: str = "name") -> FieldProblem | None:
    """What is wrong with a name that people read: empty, too long, or with control characters."""
    if not name.strip() or len(name) > LONGEST_NAME:
        return _problem(
            path, "length", f"名称应为 1 到 {LONGEST_NAME} 个字。", f"A name has 1 to {LONGEST_NAME} characters."
        )
    if any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in name):
        return _problem(path, "characters", "名称含有控制字符。", "The name contains control characters.")
    return None


def locale_problem(locale: str, path: str = "locale") -> FieldProblem | None:
    """What is wrong with a locale."""
    if locale in LOCALES:
        return None
    known = "、".join(LOCALES)
    return _problem(path, "unknown", f"语言须为 {known} 之一。", f"The locale is one of {', '.join(LOCALES)}.")


def time_zone_problem(time_zone: str, path: str = "time_zone") -> FieldProblem | None:
    """What is wrong with a time zone."""
    if time_zone in _zones():
        return None
    return _problem(
        path,
        "unknown",
        "未知的时区，请使用 IANA 名称，例如 Asia/Shanghai。",
        "Unknown time zone; use an IANA name such as Asia/Shanghai.",
    )


def origin_problems(origins: Iterable[str], path: str = "allowed_origins") -> list[FieldProblem]:
    """What is wrong with the web origins of a tenant: each is exactly `https://host[:port]`, in lower case."""
    listed = list(origins)
    problems = []
    if len(listed) > MOST_ORIGINS:
        problems.append(_problem(path, "too_many", f"最多 {MOST_ORIGINS} 个来源。", f"At most {MOST_ORIGINS} origins."))
    for index, origin in enumerate(listed):
        if not _is_origin(origin):
            problems.append(
                _problem(
                    f"{path}.{index}",
                    "format",
                    "来源须为 https://主机[:端口]，不含路径、通配符和大写字母。",
                    "An origin is https://host[:port] without path, wildcard or capital letters.",
                )
            )
        elif origin in listed[:index]:
            problems.append(_problem(f"{path}.{index}", "repeated", "来源重复。", "The origin stands twice."))
    return problems


def _is_origin(origin: str) -> bool:
    try:
        parts = urlsplit(origin)
        port = parts.port
    except ValueError:
        return False
    host = parts.hostname or ""
    if parts.scheme != "https" or port in (0, 443):
        return False
    shown = f"[{host}]" if ":" in host else host
    if origin != f"https://{shown}" + (f":{port}" if port else ""):
        return False
    if ":" in host:
        try:
            ip_address(host)
        except ValueError:
            return False
        return True
    return _HOST.fullmatch(host) is not None


def _problem(path: str, code: str, zh: str, en: str) -> FieldProblem:
    return FieldProblem(tuple(path.split(".")), code, Bilingual(zh, en))
