"""`steward up` as a person runs it: in a folder with a space and Chinese in its name, stopped politely and not."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from steward_server import demo
from tests import plain_http
from tests.gql.docs.asking import Asking

STARTS_WITHIN = 120
ENDS_WITHIN = 20
GONE_WITHIN = 5


def environment(home: Path) -> dict[str, str]:
    ours = {name: value for name, value in os.environ.items() if not name.startswith("STEWARD_")}
    return {**ours, "STEWARD_EMBEDDED_HOME": str(home), "PYTHONUTF8": "1"}


def command(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-m", "steward_server", *arguments],
        env=environment(home),
        cwd=home.parent,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def rows(home: Path, *arguments: str) -> list[dict[str, str]]:
    done = command(home, *arguments, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@contextmanager
def up(home: Path) -> Iterator[tuple[subprocess.Popen[str], str, list[psutil.Process]]]:
    log = home.parent / "up.log"
    with log.open("w", encoding="utf-8") as out:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "steward_server", "up"],
            env=environment(home),
            cwd=home.parent,
            stdout=out,
            stderr=subprocess.STDOUT,
            text=True,
        )
    try:
        deadline = time.monotonic() + STARTS_WITHIN
        while "Ctrl-C" not in log.read_text(encoding="utf-8"):
            assert process.poll() is None, log.read_text(encoding="utf-8")
            assert time.monotonic() < deadline, log.read_text(encoding="utf-8")
            time.sleep(0.1)
        yield process, log.read_text(encoding="utf-8"), psutil.Process(process.pid).children(recursive=True)
    finally:
        process.kill()
        process.wait()


def url_in(text: str) -> str:
    found = re.search(r"http://127\.0\.0\.1:\d+", text)
    assert found is not None
    return found[0]


def sign_in(url: str, login: str, password: str) -> str:
    answer = plain_http.post(f"{url}/sign-in", json={"login": login, "password": password}, timeout=30)
    assert answer.status_code == 200, answer.text
    token: str = answer.json()["access_token"]
    return token


def assert_printed_lines_work(text: str, url: str) -> None:
    """The lines to copy sign in, read who that is, and read clients by GraphQL."""
    assert f"{url}/graphql " in text
    reader = Asking(url)
    lines = [line.strip() for line in text.splitlines() if line.startswith("  curl")]
    told = [reader.curl(part) for line in lines for part in line.split(" && ")]
    assert [status for status, _ in told] == [200, 200, 200]
    answer = told[-1][1]["data"]
    assert answer["viewer"]["name"] == told[1][1]["name"]
    assert answer["clients"]["totalCount"] > len(answer["clients"]["nodes"]) == 3


def assert_gone(children: list[psutil.Process], within: float) -> None:
    _, alive = psutil.wait_procs(children, timeout=within)
    assert not alive


def test_a_company_is_there_survives_stops_and_kills_and_leaves_nothing_running(tmp_path: Path) -> None:
    home = tmp_path / "家 folder" / ".steward"
    home.parent.mkdir()
    tmp_path.chmod(0o711)
    with up(home) as (process, text, children):
        url = url_in(text)
        password = json.loads((home / "secrets.json").read_text())["demo_password"]
        for company in demo.COMPANIES:
            for person in company.people:
                assert person.login in text
        token = sign_in(url, demo.TELECOM.people[4].login, password)
        me = plain_http.get(f"{url}/me", headers={"Authorization": f"Bearer {token}"}).json()
        assert (me["name"], me["tenant"]["key"]) == ("赵宁", "huaxin")
        assert plain_http.get(f"{url}/readyz").status_code == 200
        assert_printed_lines_work(text, url)

        assert [row["key"] for row in rows(home, "tenant", "list")] == ["huaxin", "yunling"]
        twice = command(home, "up")
        assert twice.returncode == 1
        assert "in use" in twice.stderr

        process.send_signal(signal.SIGINT)
        assert process.wait(ENDS_WITHIN) == 0
        assert_gone(children, GONE_WITHIN)
        port = int(url.rpartition(":")[2])
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port)) != 0

    with up(home) as (process, text, children):
        me = plain_http.get(f"{url_in(text)}/me", headers={"Authorization": f"Bearer {token}"}).json()
        assert me["name"] == "赵宁"
        assert rows(home, "tenant", "suspend", "yunling", "--reason", "试用结束")[0]["status"] == "suspended"
        os.kill(process.pid, signal.SIGKILL)
        assert_gone(children, GONE_WITHIN)

    states = {row["key"]: row["status"] for row in rows(home, "tenant", "list")}
    assert states == {"huaxin": "active", "yunling": "suspended"}
    assert all(row["ok"] for row in rows(home, "doctor"))
