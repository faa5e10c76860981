"""What a tenant's facts may be."""

from __future__ import annotations

import pytest

from steward_tenants.configuration.rules import (
    MOST_ORIGINS,
    key_problem,
    locale_problem,
    name_problem,
    origin_problems,
    time_zone_problem,
)


@pytest.mark.parametrize("key", ["ab", "telecom-1", "a" * 31])
def test_good_keys(key: str) -> None:
    assert key_problem(key) is None


@pytest.mark.parametrize("key", ["", "a", "1a", "A1", "a_b", "a" * 32, "公司", "ab\n", "-ab"])
def test_bad_keys(key: str) -> None:
    assert key_problem(key) is not None


@pytest.mark.parametrize("name", ["", "  ", "x" * 101, "a\nb", "a\0b", "\ud800"])
def test_bad_names(name: str) -> None:
    assert name_problem(name) is not None


def test_rare_characters_are_welcome_in_names() -> None:
    assert name_problem("𠮷野家😀有限公司") is None


@pytest.mark.parametrize(
    ("zone", "good"),
    [("Asia/Shanghai", True), ("UTC", True), ("Asia/Nowhere", False), ("../etc/passwd", False), ("", False)],
)
def test_time_zones(zone: str, good: bool) -> None:
    assert (time_zone_problem(zone) is None) is good


def test_locales() -> None:
    assert locale_problem("zh-CN") is None
    assert locale_problem("zh") is not None


@pytest.mark.parametrize(
    "origin", ["https://a.example", "https://a-b.example:8443", "https://xn--fiq228c.example", "https://[::1]:8443"]
)
def test_good_origins(origin: str) -> None:
    assert origin_problems([origin]) == []


@pytest.mark.parametrize(
    "origin",
    [
        "http://a.example",
        "https://a.example/",
        "https://a.example/path",
        "https://a.example?x",
        "https://a.example#x",
        "https://*.example",
        "https://A.example",
        "https://user@a.example",
        "https://a.example:443",
        "https://a.example:99999",
        "https://a.example:",
        "https://",
        "https://a..example",
        "https://a.example\n",
        " https://a.example",
        "https://中国.example",
        "null",
        "*",
    ],
)
def test_bad_origins(origin: str) -> None:
    assert [problem.path for problem in origin_problems([origin])] == [("allowed_origins", "0")]


def test_origins_stand_once_and_are_not_endless() -> None:
    assert [problem.code for problem in origin_problems(["https://a.example"] * 2)] == ["repeated"]
    many = [f"https://a{n}.example" for n in range(MOST_ORIGINS + 1)]
    assert [problem.code for problem in origin_problems(many)] == ["too_many"]
