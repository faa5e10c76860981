"""What commands print: tables for people, JSON for programs; errors in both languages on standard error."""

from __future__ import annotations

import json
import os
import sys
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

import typer

from steward_server.embedded import EmbeddedError
from steward_server.settings import SettingsError
from steward_server.supervisor import SupervisorError
from steward_tenants.errors import StewardError
from steward_tenants.texts import Bilingual

FAILED, WRONG_SETTINGS = 1, 3

AsJson = Annotated[bool, typer.Option("--json", help="以 JSON 输出，每行一个对象。Print one JSON object a line.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="不再询问。Do not ask for confirmation.")]


def show(rows: Sequence[Mapping[str, Any]], *, as_json: bool, empty: str = "（无 / none）") -> None:
    """Print rows: aligned columns, or one JSON object a line."""
    if as_json:
        for row in rows:
            print(json.dumps(row, ensure_ascii=False, default=_plain))
        return
    if not rows:
        print(empty)
        return
    names = list(rows[0])
    cells = [names, *([_cell(row.get(name)) for name in names] for row in rows)]
    widths = [max(_width(line[i]) for line in cells) for i in range(len(names))]
    for line in cells:
        padded = [cell + " " * (width - _width(cell)) for cell, width in zip(line, widths, strict=True)]
        print("  ".join(padded).rstrip())


def show_page(rows: Sequence[Mapping[str, Any]], following: str | None, *, as_json: bool) -> None:
    """Print one page; when there is more, what to ask for next: the last JSON object, or a line beside the table."""
    show(rows, as_json=as_json)
    if following is None:
        return
    if as_json:
        print(json.dumps({"next_cursor": following}))
    else:
        say(f"还有更多，下一页： More follow, next page: --cursor {following}")


def both(text: Bilingual) -> str:
    """A text in both languages on one line."""
    return f"{text.zh} {text.en}"


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    if isinstance(value, Mapping):
        return json.dumps(value, ensure_ascii=False, default=_plain)
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    return str(value)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, bytes):
        return value.hex()
    raise TypeError(type(value).__name__)


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def say(text: str) -> None:
    """A line for the person at the terminal; never mixed into what programs read."""
    print(text, file=sys.stderr, flush=True)


def confirm(question: str, yes: bool) -> None:
    """Ask before something that cannot be taken back; without a terminal, `--yes` is needed."""
    if yes:
        return
    if not sys.stdin.isatty():
        say("需要确认：请加 --yes。 This needs confirmation: add --yes.")
        raise typer.Exit(FAILED)
    typer.confirm(question, abort=True, err=True)


class Progress:
    """Progress of long work on standard error: a line rewritten on a terminal, a line every tenth elsewhere."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._tty = sys.stderr.isatty()
        self._last = -1

    def __call__(self, what: str, done: int, total: int) -> None:
        """Tell that `done` of `total` are done, now at `what`."""
        share = 100 if total == 0 else done * 100 // total
        if self._tty:
            sys.stderr.write(f"\r\x1b[K{self._title} {share:3d}% {done}/{total} {what}")
            if done >= total:
                sys.stderr.write("\n")
            sys.stderr.flush()
        elif share // 10 != self._last:
            say(f"{self._title} {share}% {done}/{total} {what}")
        self._last = share // 10


@contextmanager
def catching_errors() -> Iterator[None]:
    """Turn typed errors into text in both languages and an exit code; with `--json`, into one JSON object."""
    try:
        yield
    except StewardError as error:
        _tell(error)
        raise SystemExit(FAILED) from None
    except SettingsError as error:
        say(str(error))
        raise SystemExit(WRONG_SETTINGS) from None
    except (EmbeddedError, SupervisorError) as error:
        say(str(error))
        raise SystemExit(FAILED) from None
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(FAILED) from None


def _tell(error: StewardError) -> None:
    if "--json" in sys.argv:
        told = {"zh-CN": error.as_dict("zh-CN"), "en": error.as_dict("en")}
        print(json.dumps({"error": told}, ensure_ascii=False), file=sys.stderr)
        return
    for locale in ("zh-CN", "en"):
        words = error.as_dict(locale)
        say(f"{words['message']} {words['remedy']}")
        for problem in words["problems"]:
            say(f"  {'.'.join(problem['path'])}: {problem['message']}")
