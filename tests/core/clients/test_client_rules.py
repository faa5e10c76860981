"""Pure decisions on clients: the life cycle, the tree, freshness by calendar months, what values are accepted."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Date, Integer, cast, func, literal, select

from steward_core.clients.models import ClientStatus
from steward_core.clients.policies import MONTHLY, QUARTERLY, FreshnessRule, freshness_in_force
from steward_core.clients.rules import (
    clean_client,
    clean_contact,
    confirm_by,
    latest_due,
    levels_after,
    makes_cycle,
    profile_due,
    status_move_allowed,
)
from steward_tenants.database.database import Database
from steward_tenants.database.identifiers import new_id
from tests.factories import TESTS, make_tenant

days = st.dates(date(2000, 1, 1), date(2100, 12, 31))
months = st.integers(1, 60)


@pytest.mark.parametrize(
    ("before", "after", "allowed"),
    [
        ("prospect", "active", True),
        ("prospect", "closed", True),
        ("prospect", "dormant", False),
        ("active", "dormant", True),
        ("active", "closed", True),
        ("active", "prospect", False),
        ("dormant", "active", True),
        ("dormant", "closed", True),
        ("closed", "active", True),
        ("closed", "dormant", False),
        ("active", "merged", False),
        ("merged", "active", False),
        ("active", "active", False),
    ],
)
def test_the_life_cycle(before: str, after: str, allowed: bool) -> None:
    assert status_move_allowed(before, after) is allowed


@given(st.sampled_from(ClientStatus), st.sampled_from(ClientStatus))
def test_nothing_leads_to_or_from_a_merge(before: ClientStatus, after: ClientStatus) -> None:
    if ClientStatus.MERGED in (before, after):
        assert not status_move_allowed(before, after)


@pytest.mark.parametrize(
    ("confirmed", "after_months", "by"),
    [
        (date(2026, 1, 15), 1, date(2026, 2, 15)),
        (date(2026, 1, 31), 1, date(2026, 2, 28)),
        (date(2028, 1, 31), 1, date(2028, 2, 29)),
        (date(2026, 11, 30), 3, date(2027, 2, 28)),
        (date(2026, 3, 31), 3, date(2026, 6, 30)),
        (date(2026, 12, 31), 2, date(2027, 2, 28)),
        (date(2026, 9, 30), 4, date(2027, 1, 30)),
    ],
)
def test_calendar_months_end_at_the_months_end(confirmed: date, after_months: int, by: date) -> None:
    assert confirm_by(confirmed, after_months) == by
    assert profile_due(confirmed, after_months, by)
    assert not profile_due(confirmed, after_months, by - timedelta(days=1))


def test_the_figures_of_the_source() -> None:
    """Key, A, B: basic every month, personal every 2; C: every quarter and every 4 months [003]."""
    rules = freshness_in_force(None, [])
    assert [(rule.tiers, rule.basic_months, rule.personal_months) for rule in rules] == [
        (("key", "A", "B"), 1, 2),
        ((), 3, 4),
    ]
    confirmed = date(2026, 4, 1)
    assert profile_due(confirmed, MONTHLY.basic_months, date(2026, 5, 1))
    assert not profile_due(confirmed, QUARTERLY.basic_months, date(2026, 6, 30))
    assert profile_due(confirmed, QUARTERLY.basic_months, date(2026, 7, 1))
    assert profile_due(confirmed, MONTHLY.personal_months, date(2026, 6, 1))
    assert not profile_due(confirmed, QUARTERLY.personal_months, date(2026, 7, 31))
    assert profile_due(None, 1, confirmed)


def test_an_industry_says_how_its_tiers_are_kept_fresh_unless_the_tenant_does() -> None:
    stars = FreshnessRule(tiers=("star5", "A"), basic_months=2, personal_months=3)
    rest = FreshnessRule(basic_months=6, personal_months=12)
    rules = freshness_in_force(None, [stars, rest])
    assert [rule.tiers for rule in rules] == [("star5", "A"), ("key", "B"), ()]
    assert rules[-1] == rest
    own = (FreshnessRule(basic_months=9, personal_months=9),)
    assert freshness_in_force(own, [stars, rest]) == own


@given(days, months, days)
def test_the_latest_day_that_is_due(confirmed: date, count: int, today: date) -> None:
    if today.year * 12 + today.month - count < 1:
        return
    assert profile_due(confirmed, count, today) is (confirmed <= latest_due(today, count))


async def test_postgresql_counts_months_alike(database: Database) -> None:
    start = date(2027, 10, 25)
    cases = [(start + timedelta(days=day), count) for day in range(140) for count in (1, 2, 3, 4, 12)]
    tenant_id = await make_tenant(database)
    async with database.read(tenant_id, TESTS) as session:
        for day, count in cases:
            moved = cast(literal(day, Date) + func.make_interval(0, literal(count, Integer)), Date)
            assert await session.scalar(select(moved)) == confirm_by(day, count), (day, count)


def test_trees() -> None:
    one, two, three = new_id(), new_id(), new_id()
    assert makes_cycle(one, [three, two, one])
    assert not makes_cycle(one, [three, two])
    assert levels_after([two, three], 4) == 7


def problems(values: dict[str, Any], **options: Any) -> dict[str, str]:
    return {problem.path[0]: problem.code for problem in clean_client(values, new=True, **options).problems}


def test_every_bad_field_is_named_at_once() -> None:
    bad = {
        "name": "华信\x07网络",
        "kind": None,
        "code": "x" * 65,
        "credit_code": "91350100M000100Y44",
        "phone": "12",
        "latitude": 91,
        "longitude": "abc",
        "address": "路" * 501,
        "potential_needs": "需" * 4001,
        "nonsense": 1,
    }
    assert problems(bad) == {
        "name": "control",
        "kind": "missing",
        "code": "length",
        "credit_code": "credit_code_checksum",
        "phone": "phone",
        "latitude": "degrees",
        "longitude": "degrees",
        "address": "length",
        "potential_needs": "length",
        "nonsense": "unknown",
    }
    assert problems({}) == {"name": "missing", "kind": "missing"}
    assert problems({"name": "华信", "kind": "company"}, code_required=True) == {"code": "missing"}
    assert problems({"name": "华信", "kind": "company", "latitude": 30}) == {"latitude": "place"}


@pytest.mark.parametrize("value", ["\ud800", "a\0b", 7, [], {"a": 1}, "x" * 100_000, True])
def test_odd_values_are_refused_not_crashed_on(value: Any) -> None:
    fields = dict.fromkeys(("name", "kind", "code", "credit_code", "phone", "latitude", "longitude", "address"), value)
    found = {problem.path[0] for problem in clean_client(fields, new=True).problems}
    assert {"name", "credit_code", "phone", "address"} <= found


def test_values_are_stored_in_one_form() -> None:
    clean = clean_client(
        {
            "name": "  𠮷野家e\u0301（北京）有限公司 ",
            "kind": "company",
            "credit_code": "９１３５０１００ m000100y43",
            "phone": "+86 138-0000-1234",
            "latitude": "39.9042",
            "longitude": 116.4074,
            "address": "   ",
        },
        new=True,
    )
    assert not clean.problems
    assert clean.values["name"] == "𠮷野家é（北京）有限公司"
    assert clean.values["credit_code"] == "91350100M000100Y43"
    assert clean.values["phone"] == "13800001234"
    assert str(clean.values["latitude"]) == "39.904200"
    assert clean.values["address"] is None


def test_contacts_have_known_roles_in_order() -> None:
    clean = clean_contact({"name": "钱𠮷", "roles": ["clerk", "key_person"], "phone": "13900001234"}, new=True)
    assert clean.values["roles"] == ["key_person", "clerk"]
    assert clean.values["phone_tail"] == "1234"
    bad = clean_contact(
        {"name": "钱", "roles": ["king"], "birthday": "1850-01-01", "main": "yes", "email": "x"}, new=True
    )
    assert {problem.path[0] for problem in bad.problems} == {"roles", "birthday", "main", "email"}
    assert clean_contact({"name": "钱", "roles": [["x"]]}, new=True).problems
