"""The schema as text, and the texts that are kept under version control so that every change of the API is seen."""

from __future__ import annotations

from pathlib import Path

from graphql import is_introspection_type, is_specified_scalar_type
from graphql.utilities import print_type

from steward_graphql.declared.api import Api
from steward_graphql.schema.registry import api_for

PUBLISHED: dict[str, frozenset[str]] = {
    "core": frozenset(),
    "telecom": frozenset({"telecom"}),
    "tobacco": frozenset({"tobacco"}),
    "telecom+tobacco": frozenset({"telecom", "tobacco"}),
}
"""The sets of plugins whose schema is kept as a file, by the file's name."""
FOLDER = Path(__file__).resolve().parents[2] / "schemas"
WRITING = "python -m steward_graphql.schema --write"
_FIRST = ("Query", "Mutation", "Subscription")


def sdl(api: Api) -> str:
    """The schema as text: operations first, then the types by name, their fields as they are declared."""
    types = api.schema.type_map
    named = [name for name in _FIRST if name in types] + sorted(set(types) - set(_FIRST))
    printed = (
        print_type(types[name])
        for name in named
        if not is_introspection_type(types[name]) and not is_specified_scalar_type(types[name])
    )
    return "\n\n".join(printed) + "\n"


def published(name: str) -> str:
    """The text that belongs into the file of this name, as the declarations are now."""
    return sdl(api_for(PUBLISHED[name]))


def path_of(name: str) -> Path:
    """The file of this name."""
    return FOLDER / f"{name}.graphql"
