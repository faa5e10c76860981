"""What a measurement reports, and how a list of them is shown."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Ratio:
    """One measured ratio against its bar. `detail` says what was measured, in figures."""

    name: str
    ratio: float
    bar: float
    holds: bool
    detail: str


def at_least(name: str, ratio: float, bar: float, detail: str) -> Ratio:
    """A ratio that must reach its bar."""
    return Ratio(name, round(ratio, 3), bar, ratio >= bar, detail)


def at_most(name: str, ratio: float, bar: float, detail: str) -> Ratio:
    """A ratio that must stay within its bar."""
    return Ratio(name, round(ratio, 3), bar, ratio <= bar, detail)


def show(ratios: Sequence[Ratio], *, as_json: bool, write: Callable[[str], object] = print) -> None:
    """Write a table, or with `as_json` one object a line."""
    if as_json:
        for ratio in ratios:
            write(json.dumps(asdict(ratio), ensure_ascii=False))
        return
    width = max([len(ratio.name) for ratio in ratios], default=0)
    write(f"{'':{width}}  ratio    bar  holds")
    for ratio in ratios:
        verdict = "yes" if ratio.holds else "NO"
        write(f"{ratio.name:{width}}  {ratio.ratio:5.2f}  {ratio.bar:5.2f}  {verdict:5}  {ratio.detail}")
