"""What earlier runs of the suite found out about texts, kept in pytest's cache folder.

Taking statements apart is most of what watching them costs, and nearly all of them are the same from run to run. What is
kept follows from the text alone, and from a version that names everything else it depends on.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path

MOST = 100_000


class Memory:
    """Lists of words by key. Without a folder it lasts as long as the process."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._file: Path | None = None
        self._version = ""
        self._known: dict[str, list[str]] = {}
        self._used: dict[str, list[str]] = {}

    def open(self, folder: Path, version: str) -> None:
        """Recall what was kept under this version; what another one left is not believed."""
        self._file, self._version = folder / f"{self._name}.json", version
        self._known = self._read()

    def get(self, key: str) -> list[str] | None:
        """What is known of a key."""
        found = self._known.get(key)
        if found is not None:
            self._used[key] = found
        return found

    def put(self, key: str, words: list[str]) -> None:
        """Know it from now on."""
        self._known[key] = self._used[key] = words

    def save(self) -> None:
        """Keep it for later runs, with what other processes kept meanwhile."""
        if self._file is None or not self._used:
            return
        kept = {**self._read(), **self._used}
        if len(kept) > MOST:
            kept = self._used
        written = self._file.with_suffix(f".{os.getpid()}.new")
        written.write_text(json.dumps({"version": self._version, "known": kept}), encoding="utf-8")
        written.replace(self._file)

    def _read(self) -> dict[str, list[str]]:
        with suppress(OSError, ValueError, KeyError, TypeError):
            assert self._file is not None
            read = json.loads(self._file.read_text(encoding="utf-8"))
            if read["version"] == self._version:
                return dict(read["known"])
        return {}
