"""The launcher: when it installs, what it mends, what it hands on. No test here fetches packages.

A clone is a folder with the launcher, small requirement files and a stand-in for `uv` that notes its calls.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
GROUPS = ["uv", "run", "embedded", "project"]

UV = """#!/bin/sh
echo "$@" >> "$UV_CALLS"
if [ -n "$UV_SLEEP" ]; then echo $$ > "$UV_CALLS.pid"; sleep "$UV_SLEEP"; fi
"""
SERVER = """
import os, sys
print("|".join(sys.argv[1:]), sys.flags.safe_path, os.environ.get("PYTHONUTF8"), os.getpid())
"""


def load_launcher() -> Any:
    loader = SourceFileLoader("steward_launcher", str(ROOT / "steward"))
    spec = spec_from_loader("steward_launcher", loader)
    assert spec is not None
    module = module_from_spec(spec)
    before = sys.dont_write_bytecode
    sys.dont_write_bytecode = True
    try:
        loader.exec_module(module)
    finally:
        sys.dont_write_bytecode = before
    return module


@pytest.fixture(scope="module")
def launcher() -> Any:
    return load_launcher()


class Clone:
    """A folder like a fresh clone whose venv has pip and uv replaced by stand-ins."""

    def __init__(self, launcher: Any, folder: Path) -> None:
        self.launcher = launcher
        self.folder = folder
        self.venv = folder / ".venv"
        self.stamp_file = self.venv / "steward-install.json"
        self.calls_file = folder / "calls"
        (folder / "requirements").mkdir(parents=True)
        for name in ("uv", "run", "embedded", "dev"):
            (folder / "requirements" / f"{name}.txt").write_text(f"{name}==1\n")
        (folder / "pyproject.toml").write_text('[project]\nname = "steward"\n')
        shutil.copy(ROOT / "steward", folder / "steward")
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(self.venv)], check=True)
        uv = self.venv / "bin" / "uv"
        uv.write_text(UV)
        uv.chmod(0o755)
        packages = next(self.venv.glob("lib/python*/site-packages"))
        (packages / "pip.py").write_text("")
        (packages / "steward_server.py").write_text(SERVER)

    def stamp(self) -> dict[str, Any]:
        found: dict[str, Any] = self.launcher.read_stamp(str(self.stamp_file))
        return found

    def missing(self, groups: list[str] = GROUPS) -> list[str]:
        found: list[str] = self.launcher.missing_groups(str(self.folder), str(self.venv), self.stamp(), groups)
        return found

    def run(self, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, str(self.folder / "steward"), *words],
            env=self.environ(**environ),
            capture_output=True,
            text=True,
            check=False,
        )

    def environ(self, **more: str) -> dict[str, str]:
        return {**os.environ, "UV_CALLS": str(self.calls_file), **more}

    def take_calls(self) -> list[str]:
        calls = self.calls_file.read_text().splitlines() if self.calls_file.exists() else []
        self.calls_file.unlink(missing_ok=True)
        return calls


@pytest.fixture
def clone(launcher: Any, tmp_path: Path) -> Clone:
    return Clone(launcher, tmp_path / "克隆 a")


def test_installs_once_then_only_what_changed(clone: Clone) -> None:
    first = clone.run("up", "a b", "词")
    assert first.returncode == 0, first.stderr
    assert first.stdout.split(" True ")[0] == "up|a b|词"
    assert " True 1 " in first.stdout
    calls = clone.take_calls()
    assert [call.rsplit("/", 1)[-1] for call in calls[:2]] == ["run.txt", "embedded.txt"]
    assert all("--require-hashes" in call for call in calls[:2])
    assert calls[2].endswith("--no-deps -e .")
    assert not any("--reinstall" in call for call in calls)
    assert clone.missing() == []

    again = clone.run("up")
    assert again.returncode == 0
    assert again.stderr == ""
    assert clone.take_calls() == []

    (clone.folder / "requirements" / "embedded.txt").write_text("embedded==2\n")
    assert clone.missing() == ["embedded"]
    clone.run("up")
    assert [call.rsplit("/", 1)[-1] for call in clone.take_calls()] == ["embedded.txt"]


def test_groups_by_command(launcher: Any) -> None:
    assert launcher.wanted_groups("up", {}) == GROUPS
    production = {"STEWARD_INSTALL": "production"}
    assert launcher.wanted_groups("up", production) == ["uv", "run", "project"]
    everything = ["uv", "run", "embedded", "dev", "project"]
    assert launcher.wanted_groups("test", production) == everything
    assert launcher.wanted_groups("bench", {}) == everything


def test_plugins_come_and_go(clone: Clone) -> None:
    clone.run("up")
    clone.take_calls()
    plugin = clone.folder / "plugins" / "telecom"
    plugin.mkdir(parents=True)
    assert clone.missing() == []
    (plugin / "pyproject.toml").write_text('[project]\nname = "steward-telecom"\n')
    assert clone.missing() == ["project"]
    clone.run("up")
    assert clone.take_calls()[-1].endswith("--no-deps -e . -e plugins/telecom")
    shutil.rmtree(plugin)
    clone.run("up")
    calls = clone.take_calls()
    assert calls[0].startswith("pip uninstall")
    assert calls[0].endswith("steward-telecom")


def test_an_interrupted_install_is_done_over(clone: Clone) -> None:
    process = subprocess.Popen(
        [sys.executable, str(clone.folder / "steward"), "up"],
        env=clone.environ(UV_SLEEP="30"),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    pid_file = Path(f"{clone.calls_file}.pid")
    deadline = time.monotonic() + 10
    while not pid_file.exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert clone.stamp()["state"] == "installing"
    assert clone.missing() == GROUPS
    clone.take_calls()
    # The stand-in for pip can't reinstall uv; what matters is what would be asked of it.
    code = f"import sys, os\nopen({str(clone.calls_file)!r}, 'a').write('pip ' + ' '.join(sys.argv[1:]) + '\\n')\n"
    next(clone.venv.glob("lib/python*/site-packages/pip.py")).write_text(code)
    assert clone.run("up").returncode == 0
    calls = [call for call in clone.take_calls() if call.strip() not in ("pip", "pip config list")]
    assert "--force-reinstall" in calls[0]
    assert all("--reinstall" in call for call in calls[1:])
    assert clone.missing() == []


def test_two_at_once_install_once(clone: Clone) -> None:
    both = [
        subprocess.Popen(
            [sys.executable, str(clone.folder / "steward"), "up"],
            env=clone.environ(UV_SLEEP="0.3"),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for _ in range(2)
    ]
    outputs = [process.communicate()[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], outputs
    assert len(clone.take_calls()) == 3
    assert sum("waiting" in output for output in outputs) == 1


def test_a_moved_a_broken_and_a_half_made_venv_are_rebuilt(clone: Clone, launcher: Any, tmp_path: Path) -> None:
    clone.run("up")
    root, venv = str(clone.folder), str(clone.venv)
    assert not launcher.must_rebuild(root, venv, clone.stamp())
    copy = tmp_path / "copy"
    shutil.copytree(clone.folder, copy, symlinks=True)
    stamp = launcher.read_stamp(str(copy / ".venv" / "steward-install.json"))
    assert launcher.missing_groups(str(copy), str(copy / ".venv"), stamp, GROUPS) == GROUPS
    assert launcher.must_rebuild(str(copy), str(copy / ".venv"), stamp)

    assert launcher.must_rebuild(root, venv, {"state": "creating"})
    assert launcher.must_rebuild(root, venv, {**clone.stamp(), "version": [3, 10]})
    python = clone.venv / "bin" / "python"
    python.unlink()
    python.symlink_to(tmp_path / "gone")
    assert clone.missing() == GROUPS
    assert launcher.must_rebuild(root, venv, clone.stamp())
    launcher.remove_venv(venv)
    assert not clone.venv.exists()


def test_a_venv_made_by_other_means_is_completed(clone: Clone, launcher: Any) -> None:
    assert clone.stamp() == {}
    assert not launcher.must_rebuild(str(clone.folder), str(clone.venv), {})
    marker = clone.venv / "kept"
    marker.touch()
    assert clone.run("up").returncode == 0
    assert marker.exists()


def test_a_failed_install_says_so_and_goes_on_later(clone: Clone) -> None:
    uv = clone.venv / "bin" / "uv"
    uv.write_text("#!/bin/sh\nexit 3\n")
    failed = clone.run("up")
    assert failed.returncode == 1
    assert "3" in failed.stderr
    assert "安装失败" in failed.stderr
    assert failed.stdout == ""
    assert clone.missing() == GROUPS


def test_a_folder_of_somebody_elses_is_left_alone(clone: Clone, launcher: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    clone.run("up")
    clone.stamp_file.write_text("{}")
    monkeypatch.setattr(launcher.os, "access", lambda _path, mode: mode != os.W_OK)
    with pytest.raises(launcher.LauncherError, match="can't write"):
        launcher.ensure(str(clone.folder), str(clone.venv), ["uv", "run"], dict(os.environ))
    assert (clone.venv / "bin" / "python").exists()


def test_a_damaged_stamp_counts_as_none(clone: Clone) -> None:
    clone.run("up")
    clone.stamp_file.write_text("{")
    assert clone.missing() == GROUPS
    assert clone.run("up").returncode == 0
    assert json.loads(clone.stamp_file.read_text())["state"] == "ready"


def test_a_call_with_nothing_to_do_is_quick(clone: Clone) -> None:
    clone.run("up")
    clone.take_calls()
    python = str(clone.venv / "bin" / "python")

    def best(words: list[str]) -> float:
        times = []
        for _ in range(5):
            begun = time.perf_counter()
            subprocess.run(words, check=True, capture_output=True)
            times.append(time.perf_counter() - begun)
        return min(times)

    added = best([sys.executable, str(clone.folder / "steward"), "up"]) - best(
        [python, "-P", "-m", "steward_server", "up"]
    )
    assert added < 0.1
    assert clone.take_calls() == []


@pytest.mark.parametrize(
    ("words", "handed", "full"),
    [
        ([], ["-n", "2", "--dist", "worksteal"], False),
        (["--full", "-k", "x"], ["-n", "2", "--dist", "worksteal", "-k", "x"], True),
        (["-n", "4"], ["-n", "4"], False),
        (["-n4"], ["-n4"], False),
        (["--numprocesses=1"], ["--numprocesses=1"], False),
        (["-p", "no:xdist", "a"], ["-p", "no:xdist", "a"], False),
        (["-pno:xdist"], ["-pno:xdist"], False),
    ],
)
def test_words_for_pytest(launcher: Any, words: list[str], handed: list[str], full: bool) -> None:
    assert launcher.pytest_words(words) == (handed, full)


def test_pip_settings_reach_uv_unless_uv_has_its_own(launcher: Any) -> None:
    listing = "\n".join(
        [
            "global.index-url='https://mirror.invalid/simple'",
            "install.trusted-host='mirror.invalid'",
            ":env:.find-links='/a /b'",
            "list.format='columns'",
        ]
    )
    environ: dict[str, str] = {}
    launcher.adopt_pip_settings(environ, listing)
    assert environ == {
        "UV_DEFAULT_INDEX": "https://mirror.invalid/simple",
        "UV_INSECURE_HOST": "mirror.invalid",
        "UV_FIND_LINKS": "/a,/b",
    }
    environ = {"UV_DEFAULT_INDEX": "https://other.invalid/simple"}
    launcher.adopt_pip_settings(environ, listing)
    assert environ["UV_DEFAULT_INDEX"] == "https://other.invalid/simple"


def test_the_environment_does_not_lead_pip_astray(launcher: Any, tmp_path: Path) -> None:
    given = {"PYTHONPATH": "/x", "PIP_TARGET": "/x", "PIP_USER": "1", "HTTPS_PROXY": "p", "VIRTUAL_ENV": "/x"}
    result = launcher.install_environment(given, str(tmp_path))
    assert "PYTHONPATH" not in result
    assert "PIP_TARGET" not in result
    assert "VIRTUAL_ENV" not in result
    assert result["PIP_USER"] == "0"
    assert result["HTTPS_PROXY"] == "p"


def test_an_older_python_gets_a_clear_message(launcher: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    class Version(tuple[int, ...]):
        __slots__ = ()

    monkeypatch.setattr(launcher.sys, "version_info", Version((3, 8, 1)))
    monkeypatch.setattr(launcher, "find_python", lambda: None)
    with pytest.raises(launcher.LauncherError, match=r"3\.11[^\n]*3\.8") as caught:
        launcher.need_python()
    assert "当前为 Python 3.8" in str(caught.value)


def test_a_stub_on_the_path_is_not_taken_for_python(
    launcher: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stubs, real = tmp_path / "stubs", tmp_path / "real"
    for folder in (stubs, real):
        folder.mkdir()
    stub = stubs / "python3.11"
    stub.write_text("#!/bin/sh\nexit 127\n")
    stub.chmod(0o755)
    (real / "python3.12").symlink_to(sys.executable)
    monkeypatch.setenv("PATH", f"{stubs}{os.pathsep}{real}")
    assert launcher.find_python() == str(real / "python3.12")


def test_old_pythons_can_read_the_launcher() -> None:
    """Nothing in it is younger than Python 3.4; the standard compiler checks the grammar of that time."""
    import ast  # noqa: PLC0415

    text = (ROOT / "steward").read_text(encoding="utf-8")
    ast.parse(text, feature_version=(3, 4))
    assert "coding: utf-8" in text.splitlines()[1]
    assert not any(isinstance(node, ast.JoinedStr) for node in ast.walk(ast.parse(text)))
    assert os.access(ROOT / "steward", os.X_OK)
