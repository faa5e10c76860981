"""What no file of the project may hold: a package registry's host, a path of a machine, a secret."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

REGISTRY_HOST = re.compile(
    r"[p]ypi\.org|[p]ythonhosted|[n]pmjs\.(org|com)|[n]pmmirror|[d]ebian\.org|[t]una\.tsinghua|[m]irrors?\.aliyun|crates\.io"
)
MACHINE_PATH = re.compile(r"(^|[^A-Za-z0-9_.])/(work|farm|root|home/[a-z]+|Users/[A-Za-z]+)/")
SECRET = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----|AKIA[0-9A-Z]{16}|xox[bap]-[0-9A-Za-z-]{10}")


def tracked_files() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    return [path for name in listed.stdout.decode().split("\0") if name and (path := ROOT / name).is_file()]


@pytest.mark.parametrize("pattern", [REGISTRY_HOST, MACHINE_PATH, SECRET], ids=["registry", "machine path", "secret"])
def test_no_file_holds_it(pattern: re.Pattern[str]) -> None:
    found = []
    for path in tracked_files():
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except UnicodeDecodeError:
            continue
        if path == Path(__file__):
            continue
        found += [f"{path.relative_to(ROOT)}:{n}" for n, line in enumerate(lines, 1) if pattern.search(line)]
    assert not found


@pytest.mark.parametrize(
    ("pattern", "bad"),
    [
        (REGISTRY_HOST, "https://py" + "pi.org/simple"),
        (REGISTRY_HOST, "registry.npm" + "js.org"),
        (MACHINE_PATH, "see /wo" + "rk/main"),
        (SECRET, "-----BEGIN RSA PRIVATE " + "KEY-----"),
    ],
)
def test_the_patterns_can_fail(pattern: re.Pattern[str], bad: str) -> None:
    assert pattern.search(bad)


def test_pins_carry_hashes() -> None:
    for path in (ROOT / "requirements").glob("*.txt"):
        blocks = re.split(r"\n(?=[a-z0-9])", path.read_text(encoding="utf-8").strip())
        assert all("--hash=sha256:" in block for block in blocks if "==" in block), path
