"""Pinyin readings of names: without tones, by pypinyin's phrases where a phrase changes a character's usual reading.

What pinyin does not know (Latin, digits, emoji, characters without a reading) stays as itself; ü is written v.
"""

from __future__ import annotations

from functools import cache

from pypinyin.constants import PHRASES_DICT, PINYIN_DICT
from pypinyin.contrib.tone_convert import to_normal

_USUAL = {"曾": "zeng", "覃": "qin", "长": "chang", "都": "du", "茄": "qie", "薄": "bo", "莘": "xin", "么": "me"}
"""Characters whose first reading in the dictionary is not the usual one in names of companies."""

_PHRASES = {
    "朝阳": ("chao", "yang"),
    "支行": ("zhi", "hang"),
    "典当行": ("dian", "dang", "hang"),
    "拍卖行": ("pai", "mai", "hang"),
    "单县": ("shan", "xian"),
    "莘县": ("shen", "xian"),
    "新都": ("xin", "du"),
    "成长": ("cheng", "zhang"),
    "校长": ("xiao", "zhang"),
    "大夫": ("dai", "fu"),
}
"""Phrases that the dictionary lacks or reads otherwise than names of places and trades do."""

_OTHER = {
    "长": "zhang",
    "重": "chong",
    "行": "hang",
    "乐": "yue",
    "朝": "zhao",
    "厦": "xia",
    "单": "shan",
    "曾": "ceng",
    "都": "dou",
    "盛": "cheng",
    "会": "kuai",
    "调": "tiao",
    "堡": "pu",
    "参": "shen",
    "藏": "zang",
    "传": "zhuan",
    "覃": "tan",
    "解": "xie",
    "柏": "bo",
    "薄": "bao",
    "翟": "di",
    "尉": "yu",
    "车": "ju",
    "还": "huan",
    "仇": "qiu",
    "查": "zha",
    "区": "ou",
    "朴": "piao",
    "盖": "ge",
    "任": "ren",
    "弹": "dan",
    "石": "dan",
    "莘": "shen",
    "角": "jue",
}
"""The other reading, heard in names, of characters that no phrase around them settles."""

_BOTH = frozenset({"朝阳"})
"""Phrases that do not settle the reading: the district of Beijing is chaoyang, the rising sun zhaoyang."""

_SURNAMES = {
    "曾": "zeng",
    "单": "shan",
    "解": "xie",
    "仇": "qiu",
    "区": "ou",
    "覃": "qin",
    "查": "zha",
    "翟": "zhai",
    "朴": "piao",
    "盖": "ge",
    "乐": "yue",
    "员": "yun",
    "尉": "wei",
    "繁": "po",
    "种": "chong",
    "缪": "miao",
    "秘": "bi",
    "折": "she",
    "黑": "he",
    "燕": "yan",
    "任": "ren",
    "华": "hua",
}


@cache
def _reading(character: str) -> str:
    if character in _USUAL:
        return _USUAL[character]
    known = PINYIN_DICT.get(ord(character))
    return _without_tone(known.split(",", 1)[0]) if known else character


@cache
def _without_tone(syllable: str) -> str:
    plain = to_normal(syllable)
    return plain if plain.isascii() else "e"


@cache
def _longest_by_first() -> dict[str, int]:
    longest: dict[str, int] = {}
    for phrase in (*PHRASES_DICT, *_PHRASES):
        longest[phrase[0]] = max(longest.get(phrase[0], 0), len(phrase))
    return longest


@cache
def _telling_pairs() -> frozenset[str]:
    """The first two characters of every phrase that reads otherwise than its characters one by one."""
    pairs = {phrase[:2] for phrase in _PHRASES}
    for phrase, syllables in PHRASES_DICT.items():
        if any(_without_tone(syllable[0]) != _reading(c) for c, syllable in zip(phrase, syllables, strict=True)):
            pairs.add(phrase[:2])
    return frozenset(pairs)


def _by_phrases(text: str) -> list[str]:
    """Readings by the longest phrase from left to right."""
    longest = _longest_by_first()
    syllables: list[str] = []
    at = 0
    while at < len(text):
        for size in range(min(longest.get(text[at], 1), len(text) - at), 1, -1):
            phrase = text[at : at + size]
            if phrase in _PHRASES:
                syllables += _PHRASES[phrase]
                break
            if phrase in PHRASES_DICT:
                syllables += [_without_tone(syllable[0]) for syllable in PHRASES_DICT[phrase]]
                break
        else:
            size = 1
            syllables.append(_reading(text[at]))
        at += size
    return syllables


def syllables_of(text: str) -> list[str]:
    """One reading for each character of a normalised text, in order (重庆 → chong, qing)."""
    pairs = _telling_pairs()
    if any(text[at : at + 2] in pairs for at in range(len(text) - 1)):
        return _by_phrases(text)
    return [_reading(character) for character in text]


def other_reading(text: str, syllables: list[str], length: int) -> tuple[int, str] | None:
    """The place and other reading of the first character within `length` whose reading nothing around it settles."""
    for at, character in enumerate(text[:length]):
        other = _OTHER.get(character)
        if other is None or other == syllables[at]:
            continue
        around = (text[max(at - 1, 0) : at + 1], text[at : at + 2])
        if not any(pair in PHRASES_DICT and pair not in _BOTH for pair in around if len(pair) == 2):
            return at, other
    return None


def syllables_of_person(name: str) -> list[str]:
    """Readings of a person's name, the family name read as one (单 → shan, 曾 → zeng)."""
    syllables = syllables_of(name)
    if name and name[0] in _SURNAMES:
        syllables[0] = _SURNAMES[name[0]]
    return syllables
