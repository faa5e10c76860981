"""A month's statements worked out: what was given, by the rules of a version, with what earlier months owe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from steward_core.incentives.months import month_name
from steward_core.incentives.rules import decide
from steward_core.incentives.schemes import SchemeVersion
from steward_core.incentives.statements import Line, PersonMonth, read_person_month
from steward_core.incentives.tiers import yuan
from steward_tenants.texts import Bilingual

CORRECTION = "correction"
"""The rule of a line that mends an earlier month."""


@dataclass(frozen=True, slots=True)
class Correction:
    """What an earlier month paid too little, or below zero too much: `month` is the one that is mended."""

    id: UUID
    month: date
    fen: int
    reason: str

    def as_document(self) -> dict[str, Any]:
        """As JSON values."""
        return {"id": str(self.id), "month": self.month.isoformat(), "fen": self.fen, "reason": self.reason}

    def line(self) -> Line:
        """Its line in a statement."""
        name, amount = month_name(self.month), yuan(self.fen)
        return Line(
            CORRECTION,
            Bilingual("更正", "Correction"),
            self.as_document(),
            Bilingual(f"更正 {name}：{self.reason} = {amount}", f"Correction of {name}: {self.reason} = {amount}"),
            self.fen,
        )


@dataclass(frozen=True, slots=True)
class Given:
    """All that one person's statement of a month is worked out from."""

    month: PersonMonth
    corrections: tuple[Correction, ...] = ()

    def as_document(self) -> dict[str, Any]:
        """As a statement keeps it."""
        return {
            "month": self.month.as_document(),
            "corrections": [one.as_document() for one in self.corrections],
        }


def read_given(document: Mapping[str, Any]) -> Given:
    """What a statement was worked out from. Raises InputsRefused."""
    return Given(
        read_person_month(document["month"]),
        tuple(
            Correction(UUID(one["id"]), date.fromisoformat(one["month"]), one["fen"], one["reason"])
            for one in document["corrections"]
        ),
    )


def lines_of(version: SchemeVersion, people: Sequence[Given]) -> list[tuple[Line, ...]]:
    """The lines of each person's statement, in the order given: the rules', then the corrections. Raises as
    `rules.decide`."""
    decided = decide(version, [one.month for one in people])
    return [
        (*made.lines, *(correction.line() for correction in given.corrections))
        for made, given in zip(decided, people, strict=True)
    ]
