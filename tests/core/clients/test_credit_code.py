"""Unified social credit codes: the standard's example, every single slip found, problems told apart."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steward_core.clients.credit_code import (
    ALPHABET,
    check_character,
    clean_credit_code,
    credit_code_problem,
    normalise_credit_code,
)
from steward_tenants.errors import InvalidInput

STANDARD_EXAMPLE = "91350100M000100Y43"
"""The worked example that GB 32100-2015 and its commentaries compute."""


def _first17(head: str, region: int, body: str) -> str:
    return f"{head}{region:06d}{body}"


first17 = st.builds(
    _first17,
    st.text(ALPHABET, min_size=2, max_size=2),
    st.integers(0, 999_999),
    st.text(ALPHABET, min_size=9, max_size=9),
)
codes = first17.map(lambda first: first + check_character(first))


def _code_of(text: str) -> str | None:
    problem = credit_code_problem(text)
    return None if problem is None else problem.code


def test_the_standards_example() -> None:
    assert check_character(STANDARD_EXAMPLE[:-1]) == "3"
    assert credit_code_problem(STANDARD_EXAMPLE) is None


def test_the_check_character_by_hand() -> None:
    # 9·1 + 1·3 + 3·9 + 5·27 = 174 over four places, the rest zeros: 31 − 174 mod 31 = 12 → C.
    assert check_character("9135" + "0" * 13) == "C"
    assert check_character("0" * 17) == "0"


@pytest.mark.parametrize(
    "written",
    [
        "91350100m000100y43",
        " 91350100 M000100Y4 3 ",
        "９１３５０１００Ｍ０００１００Ｙ４３",
        "91350100-M000100Y4-3",
        "91350100–M000100Y43",
    ],
)
def test_ways_of_writing(written: str) -> None:
    assert normalise_credit_code(written) == STANDARD_EXAMPLE
    assert clean_credit_code(written) == STANDARD_EXAMPLE


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "credit_code_length"),
        (STANDARD_EXAMPLE[:-1], "credit_code_length"),
        (STANDARD_EXAMPLE + "0", "credit_code_length"),
        ("9135010OM000100Y43", "credit_code_character"),
        ("91350100I000100Y43", "credit_code_character"),
        ("91350100华000100Y43", "credit_code_character"),
        ("91350100\x00000100Y43", "credit_code_character"),
        ("٩1350100M000100Y43", "credit_code_character"),
        ("9135A100M000100Y43", "credit_code_character"),
        ("91350100M000100Y44", "credit_code_checksum"),
        ("x" * 100_000, "credit_code_length"),
    ],
)
def test_problems_are_told_apart(text: str, code: str) -> None:
    assert _code_of(text) == code


def test_a_wrong_character_is_named_with_its_place() -> None:
    problem = credit_code_problem("91350100I000100Y43")
    assert problem is not None
    assert "第 9 位“I”" in problem.message.zh
    assert "Character 9 “I”" in problem.message.en
    chinese = credit_code_problem("91350100华000100Y43")
    assert chinese is not None
    assert chinese.message.en.isascii() or "华" not in chinese.message.en


def test_the_right_check_character_is_not_told() -> None:
    problem = credit_code_problem(STANDARD_EXAMPLE[:-1] + "9")
    assert problem is not None
    for text in problem.message:
        assert "3" not in text


def test_the_path_is_the_callers() -> None:
    problem = credit_code_problem("", ("rows", "7", "credit_code"))
    assert problem is not None
    assert problem.path == ("rows", "7", "credit_code")
    with pytest.raises(InvalidInput) as refused:
        clean_credit_code("1")
    assert refused.value.problems[0].path == ("credit_code",)


@pytest.mark.parametrize("bad", ["", "1" * 16, "1" * 18, "I" * 17])
def test_only_17_characters_have_a_check_character(bad: str) -> None:
    with pytest.raises(ValueError, match="first 17"):
        check_character(bad)


@given(codes)
def test_computed_codes_are_valid_and_stable(code: str) -> None:
    assert credit_code_problem(code) is None
    assert normalise_credit_code(code) == code


@given(codes)
def test_every_wrong_character_is_found(code: str) -> None:
    for place in range(18):
        for other in ALPHABET:
            if other != code[place]:
                assert credit_code_problem(code[:place] + other + code[place + 1 :]) is not None


@given(codes)
def test_every_swap_of_neighbours_is_found(code: str) -> None:
    for place in range(17):
        swapped = code[:place] + code[place + 1] + code[place] + code[place + 2 :]
        if swapped != code:
            assert credit_code_problem(swapped) is not None


def test_weights_prove_that_slips_are_found() -> None:
    """A wrong character changes the sum by difference × weight, a swap by difference × (weight − next weight): neither
    is a multiple of the prime 31. The check character itself counts with weight 1."""
    weights = [pow(3, place, 31) for place in range(17)] + [1]
    assert all(weight % 31 for weight in weights)
    assert all((one - two) % 31 for one, two in pairwise(weights))


def test_two_slips_may_hide_each_other() -> None:
    """Weights 15 places apart are opposite: the same change in both leaves the sum, so the checksum cannot find it."""
    code = "11000000000000000"
    both = "21000000000000010"
    assert check_character(code) == check_character(both)
    assert credit_code_problem(both + check_character(code)) is None


@given(st.text(max_size=40))
def test_no_text_breaks_it(text: str) -> None:
    problem = credit_code_problem(text)
    assert problem is None or problem.code.startswith("credit_code_")
