"""What is accepted as a person's data, and how it is written down."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steward_tenants.access.rules import MASK, mask, mask_email
from steward_tenants.errors import InvalidInput
from steward_tenants.people.disclosure import csv_of, formula_safe
from steward_tenants.people.rules import (
    PROFILE,
    Unacceptable,
    clean_person,
    is_identity_number,
    line_of_text,
    normalise_email,
    normalise_identity_number,
    normalise_login,
    normalise_phone,
)

# The standard's own worked examples: GB 11643-1999.
STANDARD_EXAMPLES = ("11010519491231002X", "440524188001010014")


@pytest.mark.parametrize(
    ("given_as", "stored"),
    [
        ("13800138000", "13800138000"),
        ("+86 138 0013 8000", "13800138000"),
        ("0086-138-0013-8000", "13800138000"),
        ("8613800138000", "13800138000"),
        ("１３８００１３８０００", "13800138000"),
        ("（010）8888 6666", "01088886666"),
        ("+86 10 8888 6666", "01088886666"),
        ("+86 0755-12345678", "075512345678"),
        ("+852 2345 6789", "+85223456789"),
        ("00 44 20 7946 0958", "+442079460958"),
    ],
)
def test_phones_are_stored_in_one_form(given_as: str, stored: str) -> None:
    assert normalise_phone(given_as) == stored
    assert normalise_phone(stored) == stored


@pytest.mark.parametrize("bad", ["12800138000", "1380013800", "••••8000", "+86 123", "phone", "=1+1", "٠١٢٣٤٥٦٧٨٩", 7])
def test_bad_phones_are_refused(bad: object) -> None:
    with pytest.raises(Unacceptable):
        normalise_phone(bad)


def test_identity_numbers_are_checked_by_the_standard() -> None:
    for number in STANDARD_EXAMPLES:
        assert is_identity_number(number)
    assert normalise_identity_number(" 110105 19491231 002x ") == "11010519491231002X"
    for bad in ("110105194912310021", "11010519490231002X", "1101051949123100", "X" * 18, "••••002X", None):
        with pytest.raises(Unacceptable):
            normalise_identity_number(bad)


@given(st.integers(0, 16), st.integers(1, 9))
def test_every_single_wrong_digit_is_found(place: int, shift: int) -> None:
    number = "440524188001010014"
    wrong = number[:place] + str((int(number[place]) + shift) % 10) + number[place + 1 :]
    assert not is_identity_number(wrong)


def test_rare_and_combining_characters_are_names_and_control_characters_are_not() -> None:
    assert line_of_text(" 𠮷𨭎·买买提 ", 64) == "𠮷𨭎·买买提"
    assert line_of_text("Nguye\u0302\u0303n", 64) == "Nguy\u1ec5n"
    assert line_of_text("葛\U000e0100飾", 64) == "葛\U000e0100飾"
    for bad in ("张\u202e三", "张\n三", "张\x00", "\u200b", "张" * 65, "  ", 5):
        with pytest.raises(Unacceptable):
            line_of_text(bad, 64)


def test_logins_are_plain_and_no_personal_number() -> None:
    assert normalise_login("  Ｚhang.San@Example.com ") == "zhang.san@example.com"
    for bad in ("ab", "张三", "-abc", "a b c", "13800138000", "8613800138000", "11010519491231002x", None):
        with pytest.raises(Unacceptable):
            normalise_login(bad)


def test_email_keeps_its_local_part() -> None:
    assert normalise_email("Zhang.San@EXAMPLE.com") == "Zhang.San@example.com"
    for bad in ("a@b", "a b@c.example", "@c.example", "a@@b.example", "••••@b.example"):
        if bad.startswith("•"):
            assert normalise_email(bad)
            continue
        with pytest.raises(Unacceptable):
            normalise_email(bad)


def test_every_bad_field_is_named_at_once_in_both_languages() -> None:
    with pytest.raises(InvalidInput) as refused:
        clean_person(
            {
                "login": "张三",
                "name": "\x07",
                "phone": "123",
                "email": "x",
                "identity_number": "1",
                "locale": "fr",
                "joined_on": date(1800, 1, 1),
                "employee_number": "a b",
                "salary": 3,
            },
            allowed=PROFILE | {"login"},
        )
    assert len(refused.value.problems) == 9
    for locale in ("zh-CN", "en"):
        texts = [problem["message"] for problem in refused.value.as_dict(locale)["problems"]]
        assert all(texts)
        assert len(set(texts)) == 9


def test_blank_optional_fields_are_emptied_and_the_tail_follows_the_phone() -> None:
    assert clean_person({"phone": " ", "title": None}) == {"phone": None, "phone_tail": None, "title": None}
    assert clean_person({"phone": "13800138000"})["phone_tail"] == "8000"
    with pytest.raises(InvalidInput):
        clean_person({"name": None})


def test_masks_keep_what_they_promise() -> None:
    assert mask("13800138000", 4) == MASK * 4 + "8000"
    assert mask("11010519491231002X", 4) == MASK * 4 + "002X"
    assert mask_email("zhang@example.com") == MASK * 4 + "@example.com"
    assert mask_email("x") == MASK * 4
    assert mask_email(None) is None


@pytest.mark.parametrize("cell", ["=1+1", "+86", "-1", "@x", "\t=1", "\r=1", "＝1", "  =1"])
def test_no_cell_starts_a_formula(cell: str) -> None:
    assert formula_safe(cell) == f"'{cell}"
    assert csv_of(["h"], [[cell]]).decode("utf-8-sig").splitlines()[1].lstrip('"').startswith("'")


def test_ordinary_cells_stay_as_they_are() -> None:
    assert csv_of(["姓名"], [['张"三'], ["a,b"]]).decode("utf-8-sig") == '姓名\r\n"张""三"\r\n"a,b"\r\n'
