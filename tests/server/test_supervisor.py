"""The supervisor with real processes: order, readiness, restarts, the end by signal and by SIGKILL."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from steward_server.supervisor import Command, Supervisor, SupervisorError, http_probe
from tests.server.embedded.test_postgres import read_line, run_python, wait_until_gone

WORKER = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
os.fork()
print("up", flush=True)
time.sleep(60)
"""

PROGRAM = """
    from steward_server.supervisor import Command, Supervisor
    folder, worker = Path(sys.argv[1]), sys.argv[2]
    supervisor = Supervisor(folder / "logs", say=lambda text: print("say", text, flush=True))
    for name in ("first", "second"):
        supervisor.add(Command(name, [sys.executable, "-c", worker, str(folder)], stop_seconds=0.3,
                               ready=lambda n=name: "up" in (folder / "logs" / f"{n}.log").read_text()))
    supervisor.start()
    print("ready", flush=True)
    code = supervisor.run()
    print("end", code, flush=True)
    sys.exit(code)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_all_even_the_stubborn(tmp_path: Path, number: int) -> None:
    program = run_python(PROGRAM, str(tmp_path), WORKER)
    assert read_line(program) == "ready"
    program.send_signal(number)
    output, _ = program.communicate(timeout=10)
    assert output.strip() == "end 0"
    assert program.returncode == 0
    wait_until_gone(str(tmp_path))


def test_a_second_signal_does_not_wait(tmp_path: Path) -> None:
    program = run_python(PROGRAM.replace("stop_seconds=0.3", "stop_seconds=30"), str(tmp_path), WORKER)
    assert read_line(program) == "ready"
    begun = time.monotonic()
    program.send_signal(signal.SIGINT)
    time.sleep(0.4)
    program.send_signal(signal.SIGINT)
    output, _ = program.communicate(timeout=10)
    assert program.returncode == 0, output
    assert time.monotonic() - begun < 5
    wait_until_gone(str(tmp_path))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
def test_sigkill_leaves_nothing(tmp_path: Path) -> None:
    program = run_python(PROGRAM, str(tmp_path), WORKER)
    assert read_line(program) == "ready"
    program.kill()
    program.communicate()
    wait_until_gone(str(tmp_path), 2.0)


def test_a_crashed_child_comes_back(tmp_path: Path) -> None:
    said: list[str] = []
    code = textwrap.dedent(
        """
        import pathlib, signal, os, sys, time
        count = pathlib.Path(sys.argv[1]) / "count"
        n = int(count.read_text()) + 1 if count.exists() else 1
        count.write_text(str(n))
        if n < 3:
            sys.exit("broken")
        os.kill(os.getppid(), signal.SIGTERM)
        time.sleep(60)
        """
    )
    supervisor = Supervisor(tmp_path / "logs", say=said.append)
    supervisor.add(Command("flaky", [sys.executable, "-c", code, str(tmp_path)]))
    supervisor.start()
    assert supervisor.run() == 0
    assert (tmp_path / "count").read_text() == "3"
    assert len(said) == 2
    assert "flaky" in said[0]


def test_too_many_crashes_stop_everything_and_show_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("steward_server.supervisor._BACKOFF_SECONDS", (0.01,))
    said: list[str] = []
    supervisor = Supervisor(tmp_path / "logs", say=said.append)
    supervisor.add(Command("steady", ["sleep", "60"], cwd=tmp_path))
    supervisor.add(Command("broken", [sys.executable, "-c", "raise SystemExit('the very reason')"]))
    supervisor.start()
    assert supervisor.run() == 1
    assert len(said) == 6
    assert "the very reason" in said[-1]
    wait_until_gone(str(tmp_path))


def test_what_never_gets_ready_is_an_error(tmp_path: Path) -> None:
    supervisor = Supervisor(tmp_path / "logs", say=lambda _: None)
    supervisor.add(Command("slow", ["sleep", "60"], cwd=tmp_path, ready=lambda: False, ready_seconds=0.3))
    with pytest.raises(SupervisorError, match="slow"):
        supervisor.start()
    wait_until_gone(str(tmp_path))


class Recorder:
    def __init__(self, name: str, events: list[str], folder: Path) -> None:
        self.name = name
        self.events = events
        self.log_path = folder / f"{name}.log"
        self.running = False

    def start(self) -> None:
        self.events.append(f"start {self.name}")
        self.running = True

    def stop(self) -> None:
        self.events.append(f"stop {self.name}")
        self.running = False

    def alive(self) -> bool:
        return self.running


def test_order_and_services_that_already_run(tmp_path: Path) -> None:
    events: list[str] = []
    supervisor = Supervisor(tmp_path / "logs")
    already = Recorder("already", events, tmp_path)
    already.start()
    for service in (already, Recorder("one", events, tmp_path), Recorder("two", events, tmp_path)):
        supervisor.add(service)
    before = signal.getsignal(signal.SIGTERM)
    supervisor.start()
    assert signal.getsignal(signal.SIGTERM) != before
    supervisor.stop()
    assert signal.getsignal(signal.SIGTERM) == before
    assert events == ["start already", "start one", "start two", "stop two", "stop one", "stop already"]


def test_a_log_does_not_grow_without_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("steward_server.supervisor.LOG_LIMIT_BYTES", 10_000)
    monkeypatch.setattr("steward_server.supervisor._LOG_CHECK_SECONDS", 0.1)
    code = "import os, signal, time\nfor i in range(60): print('x' * 999, flush=True); time.sleep(0.01)\n"
    code += "time.sleep(0.3); os.kill(os.getppid(), signal.SIGTERM); time.sleep(60)"
    supervisor = Supervisor(tmp_path)
    supervisor.add(Command("noisy", [sys.executable, "-c", code]))
    supervisor.start()
    assert supervisor.run() == 0
    sizes = {path.name: path.stat().st_size for path in tmp_path.iterdir()}
    assert set(sizes) == {"noisy.log", "noisy.log.1"}
    assert max(sizes.values()) < 40_000


def test_the_http_probe(tmp_path: Path) -> None:
    code = (
        "import http.server as h\n"
        "s = h.HTTPServer(('127.0.0.1', 0), h.SimpleHTTPRequestHandler)\n"
        "print(s.server_port, flush=True)\ns.serve_forever()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=tmp_path,
        env={**os.environ},
    ) as server:
        port = read_line(server)
        assert http_probe(f"http://127.0.0.1:{port}/")()
        assert not http_probe(f"http://127.0.0.1:{port}/nothing")()
        server.kill()
