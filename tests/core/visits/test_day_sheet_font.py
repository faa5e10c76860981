"""The font that a printed sheet brings along."""

from __future__ import annotations

from fontTools.ttLib import TTFont

from steward_core.visits import day_sheet_words as words
from steward_core.visits.day_sheet_font import UNKNOWN, font_for
from steward_tenants.texts import Bilingual

SAID = [one for one in vars(words).values() if isinstance(one, Bilingual)] + list(words.COLUMNS)


def test_it_has_every_character_of_the_sheets_own_words_and_of_names() -> None:
    texts = [text for one in SAID for text in (one.zh, one.en)] + [
        "滇池鑫喆堃",
        "••••1234",
        "䶮㛃",
        "𠅤",
        "约 3.5 公里（¥）",
    ]
    with TTFont(font_for(texts)) as font:
        assert {ord(one) for text in texts for one in text} <= set(font.getBestCmap())


def test_its_glyphs_are_outlines_of_truetype_with_the_widths_of_chinese() -> None:
    with TTFont(font_for(["客户 a"])) as font:
        assert font.sfntVersion == "\0\1\0\0"
        names = font.getBestCmap()
        for sign in "客户a":
            assert font["glyf"][names[ord(sign)]].numberOfContours > 0
        full = font["head"].unitsPerEm
        assert font["hmtx"][names[ord("客")]][0] == full
        assert 0 < font["hmtx"][names[ord("a")]][0] < full
        assert font["glyf"][names[ord(" ")]].numberOfContours == 0


def test_a_character_it_has_not_is_left_to_the_box() -> None:
    with TTFont(font_for(["李🙂"])) as font:
        assert ord("🙂") not in font.getBestCmap()
        assert font["glyf"][UNKNOWN].numberOfContours > 0


def test_it_depends_on_the_characters_alone() -> None:
    assert font_for(["客户", "经理"]).getvalue() == font_for(["理经户客客"]).getvalue()
    assert font_for(["客户"]).getvalue() != font_for(["经理"]).getvalue()
