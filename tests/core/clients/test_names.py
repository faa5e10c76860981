"""Names compared: keys without what people write differently, near-equal keys, blocks that find all of them."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steward_core.clients.names import (
    LONGEST_DELETED,
    SHORTEST_NEAR,
    name_blocks,
    name_key,
    near_equal,
    spaced_name,
    without_legal_form,
)

LETTERS = "华信网络北京恒达一二3号店ab东西"
anything = st.text(
    st.one_of(
        st.characters(exclude_categories=["Cs"]),
        st.sampled_from("华信网络有限责任公司集团股份（）()·-　 ａＢ１5g𠮷🐼ﬁßİ\u200d\u0301\ufe0f"),
    ),
    max_size=40,
)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("北京华信网络有限公司", "北京华信网络"),
        ("北京市华信网络有限责任公司", "北京华信网络"),
        ("（北京）华信 网络 股份有限公司", "北京华信网络"),
        ("北京华信网络集团有限公司", "北京华信网络"),
        ("北京华信网络 有限 公司", "北京华信网络"),
        ("广东省恒达贸易公司", "广东恒达贸易"),
        ("北京市政工程有限公司", "北京市政工程"),
        ("上海市场营销有限公司", "上海市场营销"),
        ("华信有限责任公司上海分公司", "华信公司上海"),
        ("华信有限公司上海分公司", "华信公司上海"),
        ("明德投资合伙企业（有限合伙）", "明德投资"),
        ("老王便利店（个体工商户）", "老王便利店"),
        ("Huaxin Network Co., Ltd.", "huaxinnetwork"),
        ("ＨＵＡＸＩＮ NETWORK LIMITED", "huaxinnetwork"),
        ("Co Ltd", "co"),
        ("公司", "公司"),
        ("责任有限", "责任有限"),
        ("有限公司", "有限公司"),
        ("大公司", "大公司"),
        ("５Ｇ网络", "5g网络"),
        ("𠮷野家", "𠮷野家"),
        ("🐼小店", "🐼小店"),
        ("———", ""),
        ("", ""),
    ],
)
def test_keys(name: str, key: str) -> None:
    assert name_key(name) == key


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("北京华信网络有限公司", "北京市华信网络有限责任公司"),
        ("北京华信网络有限公司", "北京华新网络有限公司"),
        ("北京华信网络", "北京华信网络部"),
        ("深圳恒达贸易有限公司", "深圳市恒达贸易有限公司"),
        ("Huaxin Network Co., Ltd.", "Huaxin Netwrk Limited"),
    ],
)
def test_near_equal_names(one: str, two: str) -> None:
    assert near_equal(name_key(one), name_key(two))
    assert near_equal(name_key(two), name_key(one))


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("老王便利店一分店", "老王便利店二分店"),
        ("老王便利店1号店", "老王便利店2号店"),
        ("老王便利店1号店", "老王便利店12号店"),
        ("老王便利店", "老王便利店2"),
        ("老王便利店二", "老王便利店"),
        ("老王便利店东店", "老王便利店西店"),
        ("老王便利店A店", "老王便利店B店"),
        ("老王便利甲店", "老王便利乙店"),
        ("华信网络", "华新网络"),
        ("华信", "华信网络"),
        ("华信有限公司上海分公司", "华信有限公司"),
        ("———", "…"),
    ],
)
def test_different_names(one: str, two: str) -> None:
    assert not near_equal(name_key(one), name_key(two))
    assert not near_equal(name_key(two), name_key(one))


@given(anything)
def test_keys_do_not_depend_on_the_form_of_the_text(name: str) -> None:
    key = name_key(name)
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        assert name_key(unicodedata.normalize(form, name)) == key
    assert spaced_name(spaced_name(name)) == spaced_name(name)
    assert name_key(f"  {name} ") == key


@given(anything)
def test_a_legal_form_is_cut_from_the_end_only(name: str) -> None:
    spaced = spaced_name(name)
    assert spaced.startswith(without_legal_form(spaced))
    assert bool(without_legal_form(spaced)) == bool(spaced)


def _edited(key: str, place: int, kind: str, letter: str) -> str:
    place %= len(key) + (kind == "insert")
    if kind == "insert":
        return key[:place] + letter + key[place:]
    return key[:place] + (letter if kind == "replace" else "") + key[place + 1 :]


@given(
    st.text(LETTERS, min_size=1, max_size=LONGEST_DELETED + 8),
    st.integers(0, 60),
    st.sampled_from(["insert", "delete", "replace"]),
    st.sampled_from(LETTERS),
)
def test_near_equal_keys_share_a_block(key: str, place: int, kind: str, letter: str) -> None:
    other = _edited(key, place, kind, letter)
    if near_equal(key, other):
        assert name_blocks(key) & name_blocks(other)
    assert near_equal(key, other) == near_equal(other, key)


@given(st.text("华信1", max_size=8), st.text("华信1", max_size=8))
def test_any_two_near_equal_keys_share_a_block(one: str, two: str) -> None:
    if near_equal(one, two):
        assert name_blocks(one) & name_blocks(two)


@given(st.text(LETTERS, min_size=1, max_size=200))
def test_blocks_are_few(key: str) -> None:
    assert len(name_blocks(key)) <= LONGEST_DELETED + 5


def test_short_keys_have_one_block() -> None:
    assert name_blocks("华信") == {"=华信"}
    assert name_blocks("") == frozenset()
    assert len(name_blocks("北京华信网络科技贸易")) == 11
    assert SHORTEST_NEAR == 5


def test_huge_names_do_no_harm() -> None:
    assert name_key("公司" * 50_000) == "公司"
    assert name_key("华" * 100_000) == "华" * 100_000
