"""Children that end with their parent, by the kernel's signal and by the watchdog."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from steward_server.embedded.processes import log_tail, rotate_log, spawn
from tests.server.embedded.test_postgres import read_line, run_python, wait_until_gone

STUBBORN = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
print("up", flush=True)
time.sleep(60)
"""


def wait_for(path: Path, text: str, count: int = 1) -> None:
    deadline = time.monotonic() + 5
    while not path.exists() or path.read_text().count(text) < count:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_output_exit_code_and_stdin(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    code = "import sys; print(sys.stdin.read().upper()); sys.exit(3)"
    child = spawn([sys.executable, "-c", code], log_path=log, stdin=b"word", cwd=tmp_path)
    assert child.wait(10)
    assert child.poll() == 3
    assert child.stop() == 3
    assert log_tail(log) == "WORD"
    assert log.stat().st_mode & 0o777 == 0o600


def test_a_child_leads_its_own_session(tmp_path: Path) -> None:
    child = spawn(["sleep", "30"], log_path=tmp_path / "a.log")
    try:
        assert os.getsid(child.pid) == child.pid == os.getpgid(child.pid)
    finally:
        assert child.stop() == -signal.SIGTERM
    assert not child.alive()


def test_stop_ends_with_killing_the_group(tmp_path: Path) -> None:
    child = spawn([sys.executable, "-c", STUBBORN, str(tmp_path)], log_path=tmp_path / "a.log", guard_group=True)
    wait_for(tmp_path / "a.log", "up", 2)
    assert child.stop((signal.SIGTERM, 0.2)) == -signal.SIGKILL
    if sys.platform.startswith("linux"):
        wait_until_gone(str(tmp_path))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
def test_what_a_crashed_leader_leaves_is_killed(tmp_path: Path) -> None:
    child = spawn([sys.executable, "-c", STUBBORN, str(tmp_path)], log_path=tmp_path / "a.log")
    wait_for(tmp_path / "a.log", "up", 2)
    os.kill(child.pid, signal.SIGKILL)
    assert child.wait(2)
    wait_until_gone(str(tmp_path))


def test_only_the_main_thread_may_spawn(tmp_path: Path) -> None:
    caught: list[BaseException] = []

    def attempt() -> None:
        try:
            spawn(["true"], log_path=tmp_path / "a.log")
        except RuntimeError as error:
            caught.append(error)

    thread = threading.Thread(target=attempt)
    thread.start()
    thread.join()
    assert "main thread" in str(caught[0])


def test_a_missing_program_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        spawn([str(tmp_path / "nothing")], log_path=tmp_path / "a.log")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
@pytest.mark.parametrize("means", ["kernel", "watchdog", "both"])
def test_killing_the_parent_ends_the_child(tmp_path: Path, means: str) -> None:
    code = """
        from steward_server.embedded import processes
        folder, means, stubborn = sys.argv[1:]
        if means == "watchdog":
            processes._prctl = None
        words = ["sleep", "60"] if means == "kernel" else [sys.executable, "-c", stubborn]
        processes.spawn(words, log_path=Path(folder) / "a.log", cwd=Path(folder), death_signal=signal.SIGKILL,
                        guard_group=means == "both")
        print("up", flush=True)
        time.sleep(60)
    """
    parent = run_python(code, str(tmp_path), means, STUBBORN)
    read_line(parent)
    if means != "kernel":
        wait_for(tmp_path / "a.log", "up", 2)
    parent.kill()
    parent.communicate()
    wait_until_gone(str(tmp_path))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become someone else")
def test_another_user_keeps_no_group_of_root_and_the_bond(tmp_path: Path) -> None:
    code = """
        from steward_server.embedded import processes
        words = ["sh", "-c", "id -u; id -G; exec sleep 60"]
        processes.spawn(words, user="nobody", log_path=Path(sys.argv[1]) / "a.log", cwd=Path("/"))
        print("up", flush=True)
        time.sleep(60)
    """
    parent = run_python(code, str(tmp_path))
    read_line(parent)
    wait_for(tmp_path / "a.log", "\n", 2)
    uid, groups = (tmp_path / "a.log").read_text().splitlines()
    assert int(uid) != 0
    assert groups.split() != ["0"]
    assert "0" not in groups.split()
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(parent.pid)], capture_output=True, text=True, check=True)
    child = int(found.stdout.split()[0])
    parent.kill()
    parent.communicate()
    deadline = time.monotonic() + 2
    while Path(f"/proc/{child}").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_log_is_cut_while_someone_writes(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    with log.open("ab", buffering=0) as writer:
        writer.write(b"x" * 1000)
        assert not rotate_log(log, 2000)
        writer.write(b"y" * 2000)
        assert rotate_log(log, 2000)
        writer.write(b"after\n")
    assert log.read_bytes() == b"after\n"
    assert (tmp_path / "a.log.1").read_bytes() == b"y" * 2000
    assert not rotate_log(tmp_path / "none.log")
