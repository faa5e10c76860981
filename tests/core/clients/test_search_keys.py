"""Search keys: whatever part of a name a person types, in Chinese, pinyin or initials, lies in a range of its keys."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steward_core.clients.names import spaced_name, without_legal_form
from steward_core.clients.readings import syllables_of
from steward_core.clients.search_keys import (
    AFTER_ALL,
    NAME_LENGTH,
    PINYIN_LENGTH,
    keys_of_client,
    keys_of_contact,
    keys_of_name,
    ranges_of_query,
)
from steward_tenants.errors import InvalidInput

CHARACTERS = "华信网络科技恒达金鼎重庆长沙银行大厦朝阳商贸烟酒店超市通乐会计音发药房"
chinese = st.text(CHARACTERS, min_size=1, max_size=12)
endings = st.sampled_from(["", "有限公司", "有限责任公司", "股份有限公司", "集团", "（集团）有限公司"])
anything = st.text(
    st.one_of(st.characters(), st.sampled_from("华信𠮷🐼ＡＢ５g座-—（） \u0301\u200d\ufe0f\U000e0100ﬁßİ㈱①")),
    max_size=30,
)


def found(query: str, keys: Collection[str]) -> bool:
    return any(low <= key < high for low, high in ranges_of_query(query) for key in keys)


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("hxwl", "华信网络"),
        ("hxwl", "北京华信网络有限公司"),
        ("HXWL", "北京华信网络有限公司"),
        ("hx", "北京华信网络有限公司"),
        ("hxwlyxgs", "北京华信网络有限公司"),
        ("huaxin", "北京华信网络有限公司"),
        ("hua xin", "北京华信网络有限公司"),
        ("huá xìn", "北京华信网络有限公司"),
        ("Hua'xin", "北京华信网络有限公司"),
        ("华信", "北京华信网络有限公司"),
        ("华信（北京）", "华信(北京)网络有限公司"),
        ("华信网络有限公司", "北京华信网络有限公司"),
        ("络", "北京华信网络有限公司"),
        ("chongqing", "重庆恒达商行"),
        ("cqhd", "重庆恒达商行"),
        ("changsha", "长沙银行"),
        ("csyh", "长沙银行"),
        ("hangye", "长沙行业协会"),
        ("zhihang", "恒达支行"),
        ("chaoyang", "朝阳药房"),
        ("zhaoyang", "朝阳药房"),
        ("zzx", "张长信"),
        ("zcx", "张长信"),
        ("dasha", "恒达大厦"),
        ("xiamen", "厦门恒达"),
        ("lvzhou", "绿洲酒店"),
        ("lüzhou", "绿洲酒店"),
        ("lǜzhou", "绿洲酒店"),
        ("5gwl", "5G网络"),
        ("5g", "５Ｇ网络"),
        ("网络", "5G网络"),
        ("A座", "A座咖啡"),
        ("azkf", "Ａ座咖啡"),
        ("data", "Big Data Co., Ltd."),
        ("bigdata", "Big Data Co., Ltd."),
        ("big data", "Big Data Co., Ltd."),
        ("7天", "7天酒店"),
        ("163", "网易163"),
        ("𠮷野", "𠮷野家"),
        ("野家", "𠮷野家"),
        ("yj", "𠮷野家"),
        ("🐼", "🐼小店"),
        ("xiaodian", "🐼小店"),
        ("有限公司", "有限公司"),
    ],
)
def test_found(query: str, name: str) -> None:
    assert found(query, keys_of_name(name))


@pytest.mark.parametrize(
    ("query", "name"),
    [("有限", "北京华信网络有限公司"), ("yxgs", "北京华信网络有限公司"), ("hxwl", "恒大物流"), ("华网", "华信网络")],
)
def test_not_found(query: str, name: str) -> None:
    assert not found(query, keys_of_name(name))


def test_keys_of_a_name() -> None:
    assert keys_of_name("重庆网") == {
        "n:重庆网",
        "n:庆网",
        "n:网",
        "p:chongqingwang",
        "p:qingwang",
        "p:wang",
        "i:cqw",
        "i:qw",
        "i:w",
    }


def test_keys_of_a_client() -> None:
    keys = keys_of_client(
        "华信",
        code="KH-0001",
        credit_code="91350100m000100y43",
        contact_names=["单晓明", ""],
        phone_tails=["8000", "٠١٢٣", "12345"],
    )
    assert keys == keys_of_name("华信") | {
        "c:kh0001",
        "u:91350100m000100y43",
        "n:单晓明",
        "p:shanxiaoming",
        "i:sxm",
        "t:8000",
    }
    for query in ("8000", "KH-00", "kh0001", "9135", "91350100M000100Y43", "sxm", "单晓", "hx"):
        assert found(query, keys), query
    assert keys_of_contact("曾小华") == {"n:曾小华", "p:zengxiaohua", "i:zxh"}


def test_kinds_of_query_look_where_they_can_be() -> None:
    def tags(query: str) -> set[str]:
        return {low[:2] for low, _ in ranges_of_query(query)}

    assert tags("华信") == {"n:", "c:"}
    assert tags("hxwl") == {"n:", "i:", "p:", "c:"}
    assert tags("8000") == {"n:", "i:", "p:", "c:", "u:", "t:"}
    assert tags("80001") == {"n:", "i:", "p:", "c:", "u:"}
    assert tags("M000100Y43") == {"n:", "i:", "p:", "c:", "u:"}


@pytest.mark.parametrize("query", ["", "  ", "——", "()", "\u200d", "\x00", "\ud800"])
def test_empty_queries_are_refused(query: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        ranges_of_query(query)
    assert refused.value.problems[0].code == "query_empty"


@pytest.mark.parametrize("query", ["h", "Ｈ", "8", " h ", "é"])
def test_one_letter_is_too_short(query: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        ranges_of_query(query)
    assert refused.value.problems[0].code == "query_too_short"


@given(chinese, endings, st.data())
def test_every_part_of_the_core_is_found(core: str, ending: str, data: st.DataObject) -> None:
    keys = keys_of_name(core + ending)
    core = without_legal_form(spaced_name(core + ending), shortest=1)
    start = data.draw(st.integers(0, len(core) - 1))
    stop = data.draw(st.integers(start + 1, len(core)))
    assert found(core[start:stop], keys)
    syllables = syllables_of(core + ending)[start:stop]
    pinyin = "".join(syllables)
    assert len(pinyin) < 2 or found(pinyin, keys)
    if stop - start >= 2:
        assert found("".join(syllable[0] for syllable in syllables), keys)


@given(anything)
def test_the_whole_name_finds_it(name: str) -> None:
    keys = keys_of_name(name)
    assert bool(keys) == bool(spaced_name(name))
    if len(spaced_name(name)) >= 2:
        assert found(name, keys)


@given(anything)
def test_keys_and_ranges_do_not_depend_on_the_form_of_the_text(name: str) -> None:
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        other = unicodedata.normalize(form, name)
        assert keys_of_name(other) == keys_of_name(name)
    assert keys_of_name(name.replace(" ", "  ")) == keys_of_name(name)


@given(anything)
def test_keys_can_be_stored_and_stay_below_the_end_of_their_range(name: str) -> None:
    keys = keys_of_name(name)
    assert len(keys) <= 4 * len(spaced_name(name)) * 2
    for key in keys:
        assert "\x00" not in key
        assert AFTER_ALL not in key
        key.encode()
        assert len(key) <= 2 + (PINYIN_LENGTH if key.startswith("p:") else NAME_LENGTH)


@given(anything)
def test_ranges_are_in_order(query: str) -> None:
    try:
        ranges = ranges_of_query(query)
    except InvalidInput:
        return
    assert ranges
    for low, high in ranges:
        assert low < high
        low.encode()


def test_huge_text_does_no_harm() -> None:
    assert ranges_of_query("华" * 1_000_000)[0].low == "n:" + "华" * NAME_LENGTH
    assert ranges_of_query("a" * 1_000_000)


def test_a_company_name_of_ten_characters_has_at_most_twenty_keys() -> None:
    names = ["北京华信网络有限公司", "上海恒达贸易有限公司", "重庆金鼎建材有限公司", "深圳市天成电子经营部"]
    counts = [len(keys_of_name(name)) for name in names]
    assert sum(counts) / len(counts) <= 22
    assert counts[0] == 18
