"""Arguments of mutations that are written by hand."""

from __future__ import annotations

from typing import Any

from steward_graphql.declared.entities import camel
from steward_graphql.declared.scalars import Kind
from steward_graphql.declared.shapes import Argument, InputObject
from steward_tenants.texts import Bilingual


def given(
    name: str,
    kind: Kind | InputObject,
    zh: str,
    en: str,
    *,
    required: bool = False,
    listed: bool = False,
    default: Any = None,
) -> Argument:
    """An argument by its Python name."""
    return Argument(camel(name), kind, Bilingual(zh, en), required, listed, default, target=name)
