"""`python -m bench [walls|audit|up …] [--json]`: run the named ones, or all; exit code 1 when a bar is missed."""

from __future__ import annotations

import argparse
import importlib

import uvloop

from bench.report import Ratio, show

MEASUREMENTS = (
    "walls",
    "audit",
    "up",
    "clients",
    "imports",
    "gradings",
    "graphql",
    "jobs",
    "scans",
    "plans",
    "scores",
    "clocks",
    "month",
)


async def measure(names: list[str]) -> list[Ratio]:
    """The ratios of each named module's `run`, in turn."""
    ratios: list[Ratio] = []
    for name in names:
        ratios += await importlib.import_module(f"bench.{name}").run()
    return ratios


def main() -> int:
    """Read the command line, measure, show."""
    parser = argparse.ArgumentParser(prog="python -m bench")
    parser.add_argument("names", nargs="*", metavar="|".join(MEASUREMENTS), help="default: all")
    parser.add_argument("--json", action="store_true", help="one object a line")
    arguments = parser.parse_args()
    unknown = set(arguments.names) - set(MEASUREMENTS)
    if unknown:
        parser.error(f"no such measurement: {', '.join(sorted(unknown))}")
    ratios = uvloop.run(measure(arguments.names or list(MEASUREMENTS)))
    show(ratios, as_json=arguments.json)
    return 0 if all(ratio.holds for ratio in ratios) else 1


if __name__ == "__main__":
    raise SystemExit(main())
