"""Pinyin readings of names: without tones, by pypinyin's phrases where a phrase changes a character's usual reading.

What pinyin does not know (Latin, digits, emoji, characters without a reading) stays as itself; ü is written v.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

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


@dataclass(frozen=True)
class _Dictionary:
    """What is kept of the library's dictionary. `readings`: each character's first; `phrases`: each phrase's syllables,
    None where they are those of its characters one by one; `longest`: the longest phrase that begins with a character;
    `telling_pairs`: the first two characters of every phrase that reads otherwise than one by one."""

    readings: Mapping[str, str]
    phrases: Mapping[str, tuple[str, ...] | None]
    longest: Mapping[str, int]
    telling_pairs: frozenset[str]


@cache
def _dictionary() -> _Dictionary:
    """The dictionary, when a name is first read: its 30 MB are not for processes that merely could read names. The
    library's own form takes half as much again beside them, and is let go."""
    from pypinyin.constants import PHRASES_DICT, PINYIN_DICT  # noqa: PLC0415
    from pypinyin.contrib.tone_convert import to_normal  # noqa: PLC0415

    known: dict[str, str] = {}

    def without_tone(syllable: str) -> str:
        if syllable not in known:
            plain = to_normal(syllable)
            known[syllable] = sys.intern(plain if plain.isascii() else "e")
        return known[syllable]

    readings = {chr(number): without_tone(given.split(",", 1)[0]) for number, given in PINYIN_DICT.items()}
    readings |= _USUAL
    phrases: dict[str, tuple[str, ...] | None] = {}
    longest: dict[str, int] = {}
    telling = {phrase[:2] for phrase in _PHRASES}
    for phrase, given in PHRASES_DICT.items():
        syllables = tuple(without_tone(syllable[0]) for syllable in given)
        one_by_one = all(readings.get(c, c) == syllable for c, syllable in zip(phrase, syllables, strict=True))
        # A copy, for a string of the library's would keep the memory around it from being given back.
        phrases[phrase.encode().decode()] = None if one_by_one else syllables
        if not one_by_one:
            telling.add(phrase[:2].encode().decode())
    phrases |= _PHRASES
    for phrase in phrases:
        longest[phrase[0]] = max(longest.get(phrase[0], 0), len(phrase))
    for name in [name for name in sys.modules if name.partition(".")[0] == "pypinyin"]:
        del sys.modules[name]
    del PHRASES_DICT, PINYIN_DICT
    gc.collect()
    return _Dictionary(readings, phrases, longest, frozenset(telling))


def _reading(character: str) -> str:
    return _dictionary().readings.get(character, character)


def _telling_pairs() -> frozenset[str]:
    return _dictionary().telling_pairs


def _by_phrases(text: str) -> list[str]:
    """Readings by the longest phrase from left to right."""
    dictionary = _dictionary()
    syllables: list[str] = []
    at = 0
    while at < len(text):
        for size in range(min(dictionary.longest.get(text[at], 1), len(text) - at), 1, -1):
            phrase = text[at : at + size]
            if phrase in dictionary.phrases:
                syllables += dictionary.phrases[phrase] or map(_reading, phrase)
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
        phrases = _dictionary().phrases
        if not any(pair in phrases and pair not in _BOTH for pair in around if len(pair) == 2):
            return at, other
    return None


def syllables_of_person(name: str) -> list[str]:
    """Readings of a person's name, the family name read as one (单 → shan, 曾 → zeng)."""
    syllables = syllables_of(name)
    if name and name[0] in _SURNAMES:
        syllables[0] = _SURNAMES[name[0]]
    return syllables
