"""Which policy holds for a client, when its next visit is due, and what that puts into a month."""

from __future__ import annotations

from datetime import date
from itertools import pairwise, permutations
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steward_core.clients.policies import MONTHLY, QUARTERLY, FreshnessRule
from steward_core.clients.rules import confirm_by
from steward_core.industry.registry import industries
from steward_core.visits.actions import last_of, month_of
from steward_core.visits.rules import (
    PROFILE_SOURCE,
    ClientClass,
    ConfirmedProfile,
    Resolved,
    VisitedClient,
    added,
    applies,
    due,
    due_actions,
    profile_action,
    resolve,
    resolved_rows,
    visits_in,
)
from steward_core.visits.templates import (
    FLOOR_KEY,
    CadencePolicy,
    Interval,
    IntervalUnit,
    VisitFigures,
    VisitTemplate,
    policies_in_force,
    template_of,
)

NOVEMBER = month_of(date(2026, 11, 5))
FIGURES = VisitFigures()
SHOP = ClientClass("tobacco", "retailer", "star_5")
DAYS = st.dates(date(2024, 1, 1), date(2028, 12, 31))


def every(number: int, unit: str) -> Interval:
    return Interval.model_validate({"every": number, "unit": unit})


def policy(key: str, interval: Interval | None = None, **values: Any) -> CadencePolicy:
    return CadencePolicy(
        key=key, title_zh=f"规则{key}", title_en=f"Policy {key}", interval=interval or every(1, "month"), **values
    )


def shipped(industry: str) -> VisitTemplate:
    return template_of(industries()[industry].industry)


def held(interval: Interval, first_visit_days: int = 7) -> Resolved:
    return Resolved(policy("p", interval), interval, first_visit_days, ())


def client(**values: Any) -> VisitedClient:
    return VisitedClient(uuid4(), SHOP, **values)


INTERVALS = st.one_of(
    st.builds(every, st.integers(1, 60), st.just("day")),
    st.builds(every, st.integers(1, 12), st.just("week")),
    st.builds(every, st.integers(1, 12), st.just("month")),
    st.builds(every, st.integers(1, 28), st.just("times_a_month")),
)
POLICIES = st.lists(
    st.builds(
        policy,
        st.text("abcdef", min_size=1, max_size=6),
        INTERVALS,
        industry=st.sampled_from([None, "tobacco", "telecom"]),
        kinds=st.sampled_from([(), ("retailer",), ("retailer", "industry_client")]),
        tiers=st.sampled_from([(), ("star_5",), ("star_5", "A"), ("A", "B")]),
        own=st.booleans(),
    ),
    max_size=6,
    unique_by=lambda one: one.key,
)
CLASSES = [
    ClientClass(industry, kind, tier)
    for industry, kind in (("tobacco", "retailer"), ("telecom", "industry_client"), (None, "association"))
    for tier in ("star_5", "A", "B", None)
]


@pytest.mark.parametrize(
    ("tier", "interval"),
    [
        ("star_5", every(1, "week")),
        ("star_4", every(2, "week")),
        ("star_3", every(1, "month")),
        ("star_2", every(2, "month")),
        ("star_1", every(2, "month")),
        (None, every(1, "month")),
    ],
)
def test_retailers_are_visited_by_star(tier: str | None, interval: Interval) -> None:
    """5★ weekly, 4★ every two weeks, 3★ monthly, 1–2★ every two months; without a star the floor holds."""
    one = ClientClass("tobacco", "retailer", tier)
    assert resolve(shipped("tobacco").policies, [one], FIGURES)[one].interval == interval


@pytest.mark.parametrize("tier", ["key", "A", "B", "C", None])
def test_telecom_clients_are_visited_once_a_month(tier: str | None) -> None:
    one = ClientClass("telecom", "industry_client", tier)
    found = resolve(shipped("telecom").policies, [one], FIGURES)[one]
    assert (found.interval, found.policy.key) == (every(1, "month"), "telecom.monthly")


def test_every_client_has_the_floor_of_a_visit_a_month() -> None:
    """[000#5]"""
    one = ClientClass(None, "association", None)
    found = resolve([], [one], FIGURES)[one]
    assert (found.policy.key, found.interval, found.first_visit_days) == (FLOOR_KEY, every(1, "month"), 7)
    assert [line.zh for line in found.lines] == ["按“每户最低频次”，每月一次走访", "没有更具体的规则"]


def test_a_floor_that_binds_shortens_what_is_rarer() -> None:
    binding = VisitFigures(floor_binds=True)
    one = ClientClass("tobacco", "retailer", "star_1")
    found = resolve(shipped("tobacco").policies, [one, SHOP], binding)
    assert found[one].interval == every(1, "month")
    assert "below the floor" in found[one].lines[-1].en
    assert found[SHOP].interval == every(1, "week")
    # Every 4 weeks is more than once a month, every 31 days is not.
    for interval, kept in ((every(4, "week"), True), (every(31, "day"), False), (every(1, "times_a_month"), True)):
        held_now = resolve([policy("x", interval)], [SHOP], binding)[SHOP]
        assert (held_now.interval == interval) is kept


def test_a_named_tier_goes_before_a_kind_and_that_before_an_industry() -> None:
    tier, kind = policy("tier", tiers=("star_5",)), policy("kind", kinds=("retailer",), industry="tobacco")
    industry, everyone = policy("industry", industry="tobacco"), policy("everyone")
    order = [tier, kind, industry, everyone]
    for left in range(len(order)):
        for given_policies in permutations(order[left:]):
            assert resolve(given_policies, [SHOP], FIGURES)[SHOP].policy == order[left]
    lines = resolve(order, [SHOP], FIGURES)[SHOP].lines
    assert lines[1].zh == "先于“规则kind”，因为指定了客户等级"
    assert lines[1].en == "It goes before “Policy kind” because it names the tier"


@pytest.mark.parametrize(
    ("winner", "loser", "why"),
    [
        (policy("z", own=True), policy("a"), "tenant's own"),
        (policy("z", tiers=("star_5",)), policy("a", tiers=("star_5", "A")), "fewer tiers"),
        (policy("z", kinds=("retailer",)), policy("a", kinds=("retailer", "x")), "fewer kinds"),
        (policy("z", every(2, "week")), policy("a", every(1, "month")), "interval is shorter"),
        (policy("a"), policy("b"), "key comes first"),
        (policy("a"), policy("b", tiers=("A",)), "names the industry"),
    ],
)
def test_ties_are_decided_and_explained(winner: CadencePolicy, loser: CadencePolicy, why: str) -> None:
    for both in ([winner, loser], [loser, winner]):
        found = resolve(both, [SHOP], FIGURES)[SHOP]
        assert found.policy == winner
        if applies(loser, SHOP):
            assert why in found.lines[1].en


@given(POLICIES, st.randoms(use_true_random=False), st.booleans())
def test_the_order_of_policies_does_not_matter(policies: list[CadencePolicy], random: Any, binds: bool) -> None:
    figures = VisitFigures(floor_binds=binds)
    shuffled = list(policies)
    random.shuffle(shuffled)
    found = resolve(policies, CLASSES, figures)
    assert found == resolve(shuffled, CLASSES, figures)
    assert set(found) == set(CLASSES)
    for one, decision in found.items():
        about = [candidate for candidate in policies if applies(candidate, one)]
        assert decision.policy in about or (not about and decision.policy.key == FLOOR_KEY)
        if any(candidate.tiers for candidate in about):
            assert decision.policy.tiers
        elif any(candidate.kinds for candidate in about):
            assert decision.policy.kinds
        if binds:
            assert decision.interval.mean_days <= figures.floor.mean_days


def test_the_tenants_own_policies_replace_and_switch_off() -> None:
    declared = shipped("tobacco").policies
    own = [
        policy("tobacco.star_5", every(3, "times_a_month"), tiers=("star_5",), industry="tobacco"),
        policy("tobacco.star_4", active=False),
    ]
    found = policies_in_force(declared, own)
    four = ClientClass("tobacco", "retailer", "star_4")
    now = resolve(found, [SHOP, four], FIGURES)
    assert now[SHOP].interval == every(3, "times_a_month")
    assert now[SHOP].policy.own
    assert now[four].policy.key == FLOOR_KEY
    assert len(found) == len(declared) - 1


def test_the_table_that_sql_joins_has_one_row_for_each_class() -> None:
    classes = [SHOP, ClientClass("tobacco", "retailer", None), ClientClass(None, "association", "A")]
    own = [policy("thrice", every(3, "times_a_month"), tiers=("A",), first_visit_days=3)]
    rows = resolved_rows(resolve([*shipped("tobacco").policies, *own], classes, FIGURES))
    assert [tuple(row) for row in rows] == [
        ("", "association", "A", "thrice", 0, 9, 3, 3),
        ("tobacco", "retailer", "", FLOOR_KEY, 1, 0, None, 7),
        ("tobacco", "retailer", "star_5", "tobacco.star_5", 0, 7, None, 7),
    ]


@pytest.mark.parametrize(
    ("interval", "on"),
    [
        (every(1, "week"), date(2026, 11, 7)),
        (every(2, "week"), date(2026, 11, 14)),
        (every(1, "month"), date(2026, 11, 30)),
        (every(2, "month"), date(2026, 12, 31)),
        (every(10, "day"), date(2026, 11, 10)),
        (every(2, "times_a_month"), date(2026, 11, 14)),
        (every(1, "times_a_month"), date(2026, 11, 30)),
    ],
)
def test_due_is_the_last_done_visit_and_the_interval(interval: Interval, on: date) -> None:
    last = date(2026, 10, 31)
    found = due(client(last_done=last, installed_on=date(2020, 1, 1)), held(interval), NOVEMBER)
    assert found.on == on
    assert found.line.en == f"Last visit 2026-10-31, {interval.text.en}: due {on}"


def test_the_first_visit_is_a_week_after_installation_then_monthly() -> None:
    """[000#5]"""
    monthly = held(every(1, "month"))
    first = due(client(installed_on=date(2026, 11, 3)), monthly, NOVEMBER)
    assert first.on == date(2026, 11, 10)
    assert first.line.zh == "2026-11-03 装机，7 天后首访：2026-11-10 到期"
    after = client(last_done=date(2026, 11, 10), done_in_its_month=1, installed_on=date(2026, 11, 3))
    assert due(after, monthly, month_of(date(2026, 12, 1))).on == date(2026, 12, 10)


def test_a_new_installation_never_puts_a_visit_off() -> None:
    monthly = held(every(1, "month"))
    soon = client(last_done=date(2026, 10, 6), installed_on=date(2026, 11, 3))
    assert due(soon, monthly, NOVEMBER).on == date(2026, 11, 6)
    later = client(last_done=date(2026, 10, 30), installed_on=date(2026, 11, 3))
    assert due(later, monthly, NOVEMBER).on == date(2026, 11, 10)
    same_day = client(last_done=date(2026, 11, 3), installed_on=date(2026, 11, 3))
    assert due(same_day, monthly, NOVEMBER).on == date(2026, 11, 10)


def test_who_was_never_visited_is_due_at_once() -> None:
    found = due(client(), held(every(2, "month")), NOVEMBER)
    assert found.on == date(2026, 11, 1)
    assert "Never visited" in found.line.en


@pytest.mark.parametrize(
    ("interval", "on", "days"),
    [
        (every(1, "week"), date(2026, 10, 20), [1, 8, 15, 22, 29]),
        (every(1, "week"), date(2026, 11, 5), [5, 12, 19, 26]),
        (every(2, "week"), date(2026, 11, 5), [5, 19]),
        (every(1, "month"), date(2026, 11, 30), [30]),
        (every(1, "month"), date(2026, 12, 1), []),
        (every(2, "month"), date(2026, 6, 1), [1]),
        (every(4, "times_a_month"), date(2026, 11, 1), [1, 8, 15, 22]),
    ],
)
def test_visits_of_the_month(interval: Interval, on: date, days: list[int]) -> None:
    assert [day.day for day in visits_in(NOVEMBER, on, interval)] == days


@given(DAYS, INTERVALS, DAYS)
def test_visits_lie_in_the_month_a_step_apart(on: date, interval: Interval, within: date) -> None:
    month = month_of(within)
    days = visits_in(month, on, interval)
    assert all(month.start <= day < month.end and day >= on for day in days)
    assert list(days) == sorted(set(days))
    assert bool(days) is (on < month.end)
    if len(days) > 1:
        assert {(after - before).days for before, after in pairwise(days)} == {interval.step.days}
    most = interval.most_in_month
    if most is None and days:
        assert added(days[-1], interval.step) >= month.end or interval.step.months
    elif most is not None:
        assert len(days) <= most


@given(st.integers(1, 28), DAYS, st.integers(2, 14))
def test_who_is_visited_in_time_is_visited_n_times_in_every_month(times: int, start: date, months: int) -> None:
    """Neither February nor a month of 31 days has more or fewer."""
    rule = held(every(times, "times_a_month"))
    month = month_of(start)
    last, done = None, 0
    for number in range(months):
        found = due(client(last_done=last, done_in_its_month=done), rule, month)
        days = visits_in(month, found.on, rule.interval)
        assert len(days) == times, (number, month.name)
        last, done = days[-1], len(days)
        month = month_of(month.end)


@given(DAYS, INTERVALS)
def test_a_visit_is_never_due_before_the_last_one(last: date, interval: Interval) -> None:
    found = due(client(last_done=last, done_in_its_month=1), held(interval), month_of(last)).on
    assert found > last
    if interval.step.months and interval.unit is IntervalUnit.MONTH:
        assert found == confirm_by(last, interval.every)


def test_one_action_for_each_client_and_policy() -> None:
    five = client(last_done=date(2026, 10, 30))
    two = VisitedClient(uuid4(), ClientClass("tobacco", "retailer", "star_2"), last_done=date(2026, 10, 30))
    old = VisitedClient(uuid4(), ClientClass("tobacco", "retailer", "star_1"), last_done=date(2026, 9, 15))
    classes = [one.client_class for one in (five, two, old)]
    resolution = resolve(shipped("tobacco").policies, classes, FIGURES)
    found = due_actions([five, two, old], resolution, NOVEMBER)
    assert [(one.client_id, one.source, one.due_on, len(one.visits)) for one in found] == [
        (five.client_id, "tobacco.star_5", date(2026, 11, 6), 4),
        (old.client_id, "tobacco.star_1_2", date(2026, 11, 15), 1),
    ]
    assert found[0].lines[0].en == "“5★: weekly” holds: a visit every week"
    assert "Last visit 2026-10-30" in found[0].lines[-1].en


CLIENT = UUID(int=7)


@pytest.mark.parametrize(
    ("tier", "basic_months", "personal_months"),
    [("key", 1, 2), ("A", 1, 2), ("B", 1, 2), ("C", 3, 4), (None, 3, 4)],
)
def test_profiles_are_confirmed_by_tier(tier: str | None, basic_months: int, personal_months: int) -> None:
    """Basic: key, A, B every month, C every quarter; personal: every 2 and 4 months [003]."""
    far = date(2026, 11, 30)
    for months, fields in ((basic_months, ("basic_on", "personal_on")), (personal_months, ("personal_on", "basic_on"))):
        asked, other = fields
        on = confirm_by(date(2026, 11, 20), -months)
        found = profile_action(
            ConfirmedProfile(CLIENT, tier, date(2020, 1, 1), **{asked: on, other: far}), (MONTHLY, QUARTERLY), NOVEMBER
        )
        assert found is not None
        assert (found.due_on, found.visits, found.source) == (date(2026, 11, 20), (date(2026, 11, 20),), PROFILE_SOURCE)
        assert f"every {months} month(s)" in found.lines[0].en
        assert len(found.lines) == 1
        fresh = ConfirmedProfile(
            CLIENT, tier, date(2020, 1, 1), **{asked: confirm_by(date(2026, 12, 1), -months), other: far}
        )
        assert profile_action(fresh, (MONTHLY, QUARTERLY), NOVEMBER) is None


def test_a_profile_that_was_never_confirmed_counts_from_its_entry() -> None:
    new = ConfirmedProfile(CLIENT, "A", date(2026, 9, 10))
    found = profile_action(new, (FreshnessRule(basic_months=1, personal_months=2),), NOVEMBER)
    assert found is not None
    assert (found.due_on, found.visits) == (date(2026, 10, 10), (date(2026, 11, 1),))
    assert [line.zh for line in found.lines] == [
        "基础档案每 1 个月复核，从未确认：2026-10-10 到期",
        "个性档案每 2 个月复核，从未确认：2026-11-10 到期",
    ]


@given(st.sampled_from(["key", "A", "C", None]), DAYS, st.none() | DAYS, st.none() | DAYS, DAYS)
def test_a_profile_is_asked_for_exactly_when_it_falls_due(
    tier: str | None, entered: date, basic: date | None, personal: date | None, within: date
) -> None:
    month = month_of(within)
    rule = MONTHLY if tier in MONTHLY.tiers else QUARTERLY
    days = [
        confirm_by(basic or entered, rule.basic_months),
        confirm_by(personal or entered, rule.personal_months),
    ]
    found = profile_action(ConfirmedProfile(CLIENT, tier, entered, basic, personal), (MONTHLY, QUARTERLY), month)
    assert (found is not None) is (min(days) <= last_of(month))
    if found is not None:
        assert found.due_on == min(days)
        assert month.start <= found.visits[0] < month.end
