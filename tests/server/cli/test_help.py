"""Every command of the command line explains itself: in both languages, with an example."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import typer

from steward_server.cli import COMMANDS, GROUPS, build

CHINESE = re.compile(r"[\u4e00-\u9fff]")


def leaves(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    if hasattr(command, "commands"):
        for name, child in command.commands.items():
            yield from leaves(child, (*path, name))
    else:
        yield path, command


ALL = dict(leaves(typer.main.get_command(build())))


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_a_command_has_an_example_of_itself(path: tuple[str, ...]) -> None:
    text = ALL[path].help or ""
    assert "例 example:" in text, path
    if len(path) > 1:
        assert f"steward {' '.join(path)}" in " ".join(text.split())


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_what_a_command_takes_is_told_in_both_languages(path: tuple[str, ...]) -> None:
    for parameter in ALL[path].params:
        text = getattr(parameter, "help", None) or ""
        if parameter.name == "help":
            continue
        assert text, (path, parameter.name)
        assert CHINESE.search(text) or re.fullmatch(r"[\w -]+", text), (path, parameter.name)


def test_a_group_has_a_help() -> None:
    app: Any = typer.main.get_command(build())
    assert set(app.commands) == {*COMMANDS, *GROUPS}
    for name in GROUPS:
        assert CHINESE.search(app.commands[name].help or ""), name
