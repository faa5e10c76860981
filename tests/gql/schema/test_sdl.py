"""The schemas under version control are those that are declared."""

from __future__ import annotations

from pathlib import Path

import pytest
from graphql import build_schema, validate_schema

from steward_graphql.schema import __main__ as command
from steward_graphql.schema import sdl as texts
from steward_graphql.schema.registry import api_for
from steward_graphql.schema.sdl import PUBLISHED, WRITING, path_of, published

TWO = {name: PUBLISHED[name] for name in ("core", "telecom")}


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_the_file_is_current(name: str) -> None:
    found = command.differences(name)

    if found:
        shown = "".join(found.splitlines(keepends=True)[:200])
        pytest.fail(f"{path_of(name).name} differs; write it with: {WRITING}\n\n{shown}", pytrace=False)


def test_a_text_is_a_whole_schema() -> None:
    again = build_schema(published("telecom"))

    assert validate_schema(again) == []
    assert set(again.type_map) == set(api_for({"telecom"}).schema.type_map)
    assert "scalar ID" not in published("telecom")
    assert "scalar Int" not in published("telecom")


def test_operations_come_first_and_types_by_name() -> None:
    lines = published("core").splitlines()
    heads = [
        line.split()[1] for line in lines if line.split(" ")[0] in ("type", "input", "enum", "scalar", "interface")
    ]

    operations = [name for name in heads if name in ("Query", "Mutation", "Subscription")]
    assert heads[: len(operations)] == operations
    assert heads[len(operations) :] == sorted(heads[len(operations) :])


class TestCommand:
    """`python -m steward_graphql.schema`."""

    @pytest.fixture(autouse=True)
    def folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """A folder of its own, for two of the texts."""
        for module in (texts, command):
            monkeypatch.setattr(module, "PUBLISHED", TWO)
        monkeypatch.setattr(texts, "FOLDER", tmp_path)
        monkeypatch.setattr(command, "FOLDER", tmp_path)
        return tmp_path

    def test_what_was_written_is_current(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert command.main(["--write"]) == 0

        assert {path.name for path in folder.iterdir()} == {f"{name}.graphql" for name in TWO}
        assert command.main(["--check"]) == 0
        assert capsys.readouterr().out == ""

    def test_a_difference_is_shown_with_the_command_that_mends_it(
        self, folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        command.main(["--write"])
        path = folder / "core.graphql"
        path.write_text(path.read_text(encoding="utf-8").replace("  totalCount: Int!", "  count: Int!", 1), "utf-8")

        assert command.main(["--check"]) == 1
        shown = capsys.readouterr().out
        assert "-  count: Int!\n+  totalCount: Int!" in shown
        assert WRITING in shown
