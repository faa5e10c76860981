"""`python -m steward_graphql.schema --write` writes the published schemas; `--check` says whether they are current."""

from __future__ import annotations

import argparse
import sys
from difflib import unified_diff

from steward_graphql.schema.sdl import FOLDER, PUBLISHED, WRITING, path_of, published


def write() -> None:
    """Write every published schema."""
    FOLDER.mkdir(exist_ok=True)
    for name in PUBLISHED:
        path_of(name).write_text(published(name), encoding="utf-8")


def differences(name: str) -> str:
    """How the file of this name differs from the declarations as they are now; empty when it does not."""
    path = path_of(name)
    kept = path.read_text(encoding="utf-8") if path.exists() else ""
    lines = unified_diff(
        kept.splitlines(keepends=True),
        published(name).splitlines(keepends=True),
        f"{path.name} (kept)",
        f"{path.name} (declared)",
    )
    return "".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """Write or check; answers the exit code."""
    parser = argparse.ArgumentParser(prog="python -m steward_graphql.schema", description=__doc__)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--write", action="store_true", help="write the published schemas")
    what.add_argument("--check", action="store_true", help="show how they differ from the declarations")
    if parser.parse_args(arguments).write:
        write()
        return 0
    found = [text for name in PUBLISHED if (text := differences(name))]
    for text in found:
        sys.stdout.write(text)
    if found:
        sys.stdout.write(f"The published schemas are not current. Write them with: {WRITING}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
