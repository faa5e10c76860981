"""The figures and decisions of sign-in."""

from __future__ import annotations

import unicodedata
from dataclasses import fields
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from zxcvbn.frequency_lists import FREQUENCY_LISTS
from zxcvbn.matching import RANKED_DICTIONARIES

from steward_tenants.directory.models import PasswordProfile
from steward_tenants.signin.accounts import login_name
from steward_tenants.signin.rules import (
    ACCOUNT_LIMITS,
    PROFILES,
    SignInPolicy,
    Step,
    classes_of,
    fits,
    next_step,
    normalised,
    password_expired,
    password_problems,
    session_ended,
    strictest,
)

MODERN, DJBH3 = PROFILES[PasswordProfile.MODERN], PROFILES[PasswordProfile.DJBH3]
NOW = datetime(2026, 7, 1, tzinfo=UTC)

policies = st.builds(
    SignInPolicy,
    min_length=st.integers(1, 30),
    max_length=st.integers(30, 200),
    max_bytes=st.integers(100, 900),
    classes=st.integers(1, 4),
    max_age_days=st.none() | st.integers(1, 400),
    remembered=st.integers(0, 24),
    idle_seconds=st.integers(60, 90_000),
    absolute_seconds=st.integers(60, 9_000_000),
)
MORE_IS_STRICTER = {"min_length", "classes", "remembered"}


def at_least_as_strict(one: SignInPolicy, other: SignInPolicy) -> bool:
    for item in fields(SignInPolicy):
        mine, theirs = getattr(one, item.name), getattr(other, item.name)
        if theirs is None:
            continue
        if mine is None or (mine < theirs if item.name in MORE_IS_STRICTER else mine > theirs):
            return False
    return True


@given(st.lists(policies, min_size=1, max_size=5))
def test_the_strictest_policy_is_as_strict_as_each_and_no_figure_is_invented(all_of: list[SignInPolicy]) -> None:
    result = strictest(all_of)
    assert all(at_least_as_strict(result, policy) for policy in all_of)
    for item in fields(SignInPolicy):
        assert getattr(result, item.name) in {getattr(policy, item.name) for policy in all_of}


@given(policies, policies, policies)
def test_the_order_of_tenants_does_not_matter(one: SignInPolicy, two: SignInPolicy, three: SignInPolicy) -> None:
    assert strictest([one, two, three]) == strictest([three, strictest([two, one])])
    assert strictest([one, one]) == one


def test_an_account_of_no_tenant_has_the_modern_policy() -> None:
    assert strictest([]) == MODERN


def test_the_figures_of_the_profiles() -> None:
    assert (MODERN.min_length, MODERN.max_length, MODERN.classes, MODERN.max_age_days) == (12, 128, 1, None)
    assert (MODERN.idle_seconds, MODERN.absolute_seconds) == (8 * 3600, 30 * 86400)
    assert (DJBH3.min_length, DJBH3.classes, DJBH3.max_age_days, DJBH3.remembered) == (10, 3, 90, 5)
    assert (DJBH3.idle_seconds, DJBH3.absolute_seconds) == (1800, 12 * 3600)
    assert ACCOUNT_LIMITS.attempts == 5
    both = strictest([MODERN, DJBH3])
    assert (both.min_length, both.classes, both.max_age_days) == (12, 3, 90)


def codes(password: str, policy: SignInPolicy = MODERN, words: tuple[str, ...] = ()) -> set[str]:
    return {problem.code for problem in password_problems(normalised(password), policy, words)}


@pytest.mark.parametrize(
    ("password", "policy", "code"),
    [
        ("k7!Vq2zRp0x", MODERN, "too_short"),
        ("x" * 60 + "Yq7!" * 17 + "z", MODERN, "too_long"),
        ("𠮷" * 127 + "é9", MODERN, "too_long"),
        ("password1234", MODERN, "known_password"),
        ("PassWord1234", MODERN, "known_password"),
        ("qwertyuiopasdfgh", MODERN, "keyboard_run"),
        ("1234567890987654", MODERN, "keyboard_run"),
        ("aaaaaaaaaaaabbbb", MODERN, "keyboard_run"),
        ("Password@123!", MODERN, "easily_guessed"),
        ("P@ssw0rd2024!", MODERN, "easily_guessed"),
        ("k7!Vq2zRp0x\x07", MODERN, "control_character"),
        ("Vq2zRp0xk", DJBH3, "too_short"),
        ("vq2zrp0xk7mw", DJBH3, "too_few_classes"),
        ("VQZRPXKMWTTL", DJBH3, "too_few_classes"),
    ],
)
def test_each_rule_refuses(password: str, policy: SignInPolicy, code: str) -> None:
    assert code in codes(password, policy)


@pytest.mark.parametrize("password", ["k7!Vq2zRp0xW", "雨后的青石板路上有七只白猫", "correct horse battery staple"])
def test_good_passwords_pass_the_modern_profile(password: str) -> None:
    assert codes(password) == set()


def test_good_passwords_pass_the_other_profile() -> None:
    assert codes("vQ2zrp0xk7", DJBH3) == set()
    assert codes("青石板路7路公交车Q站", DJBH3) == set()


@pytest.mark.parametrize(
    "password",
    ["zhangwei@telecom", "ZhangWei2026!!", "河东电信张伟河东电信张伟", "张伟张伟张伟张伟123", "hd-telecom.张伟"],
)
def test_ones_own_words_are_refused(password: str) -> None:
    words = ("zhangwei@telecom.example", "张伟", "河东电信", "hd-telecom")
    assert codes(password, MODERN, words) & {"own_words", "easily_guessed"}


@given(st.sampled_from(sorted(FREQUENCY_LISTS["passwords"])), st.sampled_from([MODERN, DJBH3]))
def test_no_password_of_the_list_is_ever_taken(password: str, policy: SignInPolicy) -> None:
    assert codes(password, policy)
    assert codes(password.upper(), policy)


@given(st.text(max_size=200), st.sampled_from([MODERN, DJBH3]))
def test_any_text_gets_an_answer(text: str, policy: SignInPolicy) -> None:
    password_problems(normalised(text), policy, ("someone@example.test", "某人"))


@given(st.text(max_size=40))
def test_the_same_text_typed_in_another_form_is_the_same_password(text: str) -> None:
    assert normalised(unicodedata.normalize("NFD", text)) == normalised(text)
    assert normalised("Ｐａｓｓ　ｗ０ｒｄ") == "Pass w0rd"


def test_classes_and_bytes() -> None:
    assert [classes_of(text) for text in ("abc", "aB", "aB1", "aB1!", "aB1中", "中文")] == [1, 2, 3, 4, 4, 1]
    assert fits("中" * 128, MODERN)
    assert not fits("𠮷" * 129, MODERN)


def test_a_password_ends_on_the_day_its_age_says() -> None:
    assert not password_expired(NOW - timedelta(days=90) + timedelta(seconds=1), NOW, DJBH3)
    assert password_expired(NOW - timedelta(days=90), NOW, DJBH3)
    assert not password_expired(NOW - timedelta(days=9000), NOW, MODERN)


def test_a_session_ends_by_revocation_age_or_rest() -> None:
    later, idle = NOW + timedelta(hours=1), DJBH3.idle_seconds
    assert not session_ended(NOW, later, None, NOW, idle)
    assert session_ended(NOW, later, NOW, NOW, idle)
    assert session_ended(NOW, NOW, None, NOW, idle)
    assert session_ended(NOW - timedelta(minutes=30), later, None, NOW, idle)
    assert not session_ended(NOW - timedelta(minutes=29), later, None, NOW, idle)


@given(st.booleans(), st.booleans(), st.booleans(), st.booleans())
def test_nobody_is_done_before_every_step(has: bool, passed: bool, must: bool, required: bool) -> None:
    step = next_step(
        has_second_factor=has, passed_second_factor=passed, must_change=must, second_factor_required=required
    )
    if has and not passed:
        assert step is Step.SECOND_FACTOR
    elif must:
        assert step is Step.PASSWORD
    elif required and not has:
        assert step is Step.ENROL
    else:
        assert step is Step.DONE


@given(st.text(max_size=400))
def test_a_login_has_one_stored_form(text: str) -> None:
    name = login_name(text)
    assert login_name(name) == name
    assert name == name.lower()
    assert "\0" not in name


def test_the_words_of_one_person_are_never_compared_with_anothers_password() -> None:
    assert password_problems("Nebelwanderung-7", MODERN, ("Nebelwanderung",))
    assert "user_inputs" not in RANKED_DICTIONARIES, "what the checker keeps, other threads and tenants see"
