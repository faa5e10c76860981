"""Guessing which column is which field, from the headings alone."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from steward_core.imports.fields import ImportField
from steward_core.imports.plans import ADDED
from steward_core.industry.declarations import Importer

EXACT, ALIAS, BARE, LIKE = 1.0, 0.9, 0.8, 0.6
_LIKE_ENOUGH = 0.8
_BRACKETED = re.compile(r"[(\[【].*?[)\]】]")
_SIGNS = re.compile(r"[\W_]+")
_FEWEST = 3
"""Headings that a ready-made mapping must name before it is taken for the file's own."""


@dataclass(frozen=True)
class Guess:
    """A column, the field it probably is (None: none), and how sure that is (0 to 1)."""

    header: str
    field: str | None
    confidence: float


def guess(header: Sequence[str], fields: Iterable[ImportField], importers: Iterable[Importer] = ()) -> list[Guess]:
    """The best field for each column, each field at most once; surer pairs first."""
    known = _words(fields, importers)
    pairs: list[tuple[float, int, str]] = []
    titles = [title for title in header if title]
    for at, title in enumerate(titles):
        if title in ADDED:
            continue
        pairs += [(sure, at, key) for key, sure in _candidates(title, known).items()]
    chosen: dict[int, tuple[str, float]] = {}
    used: set[str] = set()
    for sure, at, key in sorted(pairs, key=lambda pair: (-pair[0], pair[1], pair[2])):
        if at not in chosen and key not in used:
            chosen[at] = (key, sure)
            used.add(key)
    return [Guess(title, *chosen.get(at, (None, 0.0))) for at, title in enumerate(titles)]


def ready_made(header: Sequence[str], importers: Iterable[Importer]) -> Importer | None:
    """The ready-made mapping whose every column this file has, if there is one: the one that names most of them."""
    titles = set(header)
    fitting = [
        importer for importer in importers if len(importer.columns) >= _FEWEST and set(importer.columns) <= titles
    ]
    return max(fitting, key=lambda importer: (len(importer.columns), importer.key), default=None)


def _words(fields: Iterable[ImportField], importers: Iterable[Importer]) -> Mapping[str, tuple[str, float]]:
    words: dict[str, tuple[str, float]] = {}
    all_fields = list(fields)
    for field in all_fields:
        for exact in (field.title.zh, field.title.en, field.key):
            words.setdefault(_word(exact), (field.key, EXACT))
    for field in all_fields:
        for alias in field.aliases:
            words.setdefault(_word(alias), (field.key, ALIAS))
    keys = {field.key for field in all_fields}
    for importer in importers:
        for title, key in importer.columns.items():
            if key in keys:
                words.setdefault(_word(title), (key, ALIAS))
    words.pop("", None)
    return words


def _candidates(title: str, known: Mapping[str, tuple[str, float]]) -> dict[str, float]:
    word = _word(title)
    if word in known:
        key, sure = known[word]
        return {key: sure}
    bare = _word(_BRACKETED.sub("", unicodedata.normalize("NFKC", title)))
    if bare in known:
        return {known[bare][0]: BARE}
    found: dict[str, float] = {}
    for other, (key, _) in known.items():
        if min(len(other), len(bare)) >= _FEWEST and SequenceMatcher(None, bare, other).ratio() >= _LIKE_ENOUGH:
            found[key] = LIKE
    return found


def _word(text: str) -> str:
    return _SIGNS.sub("", unicodedata.normalize("NFKC", text[:200]).casefold())
