"""Cells that no spreadsheet program runs as a formula: in CSV an apostrophe goes before them, and off when read."""

from __future__ import annotations

_STARTS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠", "﹢", "﹣", "﹦", "﹫", "−", "⁼", "⁺", "⁻")
_BEFORE = " \n\x0b\x0c\x00\xa0\u3000\u200b\u200c\u200d\u2060\ufeff'\"‘’“”＇＂`"
APOSTROPHE = "'"


def starts_formula(text: str) -> bool:
    """Whether a program may take it for a formula: = + - @, tab or return first, full-width too, after blanks or
    quotation marks."""
    return text.lstrip(_BEFORE).startswith(_STARTS)


def made_inert(text: str) -> str:
    """The text for a CSV cell; `as_written` gives back what it was."""
    return APOSTROPHE + text if starts_formula(text) else text


def as_written(text: str) -> str:
    """A CSV cell without the apostrophe that `made_inert` put before it."""
    return text[1:] if text.startswith(APOSTROPHE) and starts_formula(text[1:]) else text
