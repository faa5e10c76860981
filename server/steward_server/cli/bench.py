"""`steward bench`: ratios against a bare form of the same work, from interleaved runs."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from steward_server.cli.output import AsJson, say


def bench(
    name: Annotated[str | None, typer.Argument(help="walls、audit…；不填则全部。Which one; all when left out.")] = None,
    as_json: AsJson = False,
) -> None:
    """Measure and print a table of ratios: name, ratio, bar, holds. 例 example: steward bench walls --json"""
    root = Path(__file__).parents[3]
    if not (root / "bench").is_dir():
        say("基准测试只随源码提供。 The benches come with the source checkout only.")
        raise typer.Exit(1)
    arguments = [*([name] if name else []), *(["--json"] if as_json else [])]
    os.chdir(root)
    os.execv(sys.executable, [sys.executable, "-m", "bench", *arguments])  # noqa: S606 - nothing but our own program
