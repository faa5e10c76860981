"""Pieces of JSON text in SQL. What stands between the pieces is a constant of ours; values are columns or bound."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Text, cast, func, literal_column
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler

NULL = literal_column("'null'", Text)


class Joined(ColumnElement[str]):
    """SQL expressions of text joined by ||. NULL in one makes the whole NULL."""

    inherit_cache = False
    type = Text()

    def __init__(self, *parts: ColumnElement[Any]) -> None:
        self.parts = parts


@compiles(Joined)
def _joined(element: Joined, compiler: SQLCompiler, **options: Any) -> str:
    return "(" + " || ".join(compiler.process(part, **options) for part in element.parts) + ")"


class Constant(ColumnElement[str]):
    """A text of ours that stands in SQL as it is: punctuation of JSON, and names that the catalogue declares.

    Nothing from a request may come here (it is bound instead); a quote or backslash is refused.
    """

    inherit_cache = False
    type = Text()

    def __init__(self, text: str) -> None:
        if "'" in text or "\\" in text:
            raise ValueError("a constant of a plan has no quote or backslash")
        self.text = text


@compiles(Constant)
def _constant(element: Constant, _compiler: SQLCompiler, **_options: Any) -> str:
    return f"'{element.text}'"


def json_of(value: Any) -> ColumnElement[str]:
    """`to_json(value)::text`: the JSON text of a value that is not NULL."""
    return cast(func.to_json(value), Text)


def quoted(value: Any) -> ColumnElement[str]:
    """The value's text in quotes, for texts that need no escaping (numbers, identifiers, days)."""
    return Joined(Constant('"'), cast(value, Text), Constant('"'))


def or_null(json_text: Any) -> ColumnElement[str]:
    """JSON text, or the text `null`."""
    return func.coalesce(json_text, NULL)
