"""How long `./steward up` takes in a fresh clone: the first time, packages already in the cache, and the second."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from bench.report import Ratio, at_least

ROOT = Path(__file__).parents[1]
FIRST_SECONDS = 90.0
SECOND_SECONDS = 10.0
READY = "Ctrl-C"


async def run() -> list[Ratio]:
    """Time both starts. The ratio is the bar's seconds over the seconds taken, so one is the bar."""
    return await asyncio.to_thread(_measure)


def _measure() -> list[Ratio]:
    with tempfile.TemporaryDirectory(prefix="steward-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o711)
        clone = folder / "克隆 clone"
        _copy(clone)
        first, second = (_start(clone, folder / f"{number}.log") for number in (1, 2))
    return [
        at_least(
            "first start, warm package cache", FIRST_SECONDS / first, 1.0, f"{first:.1f} s of {FIRST_SECONDS:.0f}"
        ),
        at_least("second start", SECOND_SECONDS / second, 1.0, f"{second:.1f} s of {SECOND_SECONDS:.0f}"),
    ]


def _copy(clone: Path) -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    for name in filter(None, listed.stdout.decode().split("\0")):
        target = clone / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target)


def _start(clone: Path, log: Path) -> float:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("STEWARD_")}
    began = time.monotonic()
    with log.open("w", encoding="utf-8") as out:
        process = subprocess.Popen(["./steward", "up"], cwd=clone, env=environment, stdout=out, stderr=out)
    try:
        while READY not in log.read_text(encoding="utf-8"):
            if process.poll() is not None:
                raise RuntimeError(log.read_text(encoding="utf-8"))
            time.sleep(0.05)
        return time.monotonic() - began
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)
