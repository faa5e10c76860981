"""How a file is to be taken: options of an import or a saved mapping."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from steward_tenants.errors import FieldProblem, InvalidInput
from steward_tenants.texts import Bilingual


class ImportOptions(BaseModel):
    """Options of an import, as they stand in a mapping.

    - `mode`: `upsert` (default), `create_only`, `update_only`
    - `match`: by which field a row is recognised (client: `code`, `credit_code`, `name`); default: the first mapped one
    - `blank`: what a blank cell does to an existing row: `keep` (default) or `clear`
    - `constants`: {field: value} for every row that has no such value of its own
    - `value_map`: {heading or field: {cell: value}} applied before a cell is read
    - `formats`: {field: "{heading} …"}: a value put together from the row's cells, where the row has none of its own
    - `fact_period`: the period of `fact.<metric>` columns (`2026-10`, `2026`, `2026Q3`, `2026-10-05`)
    - `fact_source`: the source of the facts (default `import`)
    - `metric`: the metric of `value@<period>` columns
    - `form_state`: the state that imported records take (default: filed, where the form has it)
    - `header_row`: the row that holds the headings, where it is not the first one with a value
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    mode: Literal["upsert", "create_only", "update_only"] = "upsert"
    match: str | None = Field(default=None, max_length=64)
    blank: Literal["keep", "clear"] = "keep"
    constants: dict[str, str | int | float | bool] = Field(default_factory=dict, max_length=200)
    value_map: dict[str, dict[str, str | int | float | bool | None]] = Field(default_factory=dict, max_length=200)
    formats: dict[str, str] = Field(default_factory=dict, max_length=50)
    fact_period: str | None = Field(default=None, max_length=20)
    fact_source: str = Field(default="import", min_length=1, max_length=64)
    metric: str | None = Field(default=None, max_length=100)
    form_state: str | None = Field(default=None, max_length=64)
    header_row: int | None = Field(default=None, ge=1, le=1000)


def options_of(given: Mapping[str, Any]) -> ImportOptions:
    """Validated options. Raises InvalidInput (paths `options.<name>`)."""
    try:
        return ImportOptions.model_validate(dict(given))
    except ValidationError as error:
        raise InvalidInput(
            problems=[
                FieldProblem(
                    ("options", *(str(part)[:64] for part in item["loc"])),
                    item["type"],
                    Bilingual("该选项不可用。", f"This option cannot be used: {item['msg']}."),
                )
                for item in error.errors(include_url=False, include_input=False)[:20]
            ]
        ) from None


def stored(options: ImportOptions) -> dict[str, Any]:
    """Options as JSON values, defaults left out."""
    return options.model_dump(mode="json", exclude_defaults=True)
