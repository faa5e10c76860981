"""Everything that a form says of itself, derived from its model: its fields, mistakes in it, its JSON Schema, and what
is wrong with values that it refuses."""

from steward_core.forms.declared import (
    FormField,
    Limits,
    Option,
    ValueType,
    check_form,
    field_by_name,
    fields_of,
)
from steward_core.forms.problems import problems_of
from steward_core.forms.schema import json_schema

__all__ = [
    "FormField",
    "Limits",
    "Option",
    "ValueType",
    "check_form",
    "field_by_name",
    "fields_of",
    "json_schema",
    "problems_of",
]
