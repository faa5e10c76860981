"""Child processes that cannot outlive the process that started them.

On Linux the kernel does it: each child asks for a signal at its parent's death (PR_SET_PDEATHSIG). Elsewhere,
and where a whole process group must go (a server with workers of its own), a small watchdog holds the reading
end of a pipe; when the parent is gone, however it went, the pipe ends and the watchdog signals the group.
A grandchild that leaves the group by a session of its own is out of the watchdog's reach.
"""

import contextlib
import ctypes
import os
import pwd
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

LOG_LIMIT_BYTES = 8 * 1024 * 1024
"""A log file beyond this size is moved to `<name>.1` (one generation is kept)."""

_PR_SET_PDEATHSIG = 1
_NOBODY = 65534
_POLL_SECONDS = 0.02

# Any byte means "stand down"; the end of the pipe without one means that the parent is dead.
_WATCHDOG = """
import os, sys
if not os.read(0, 1):
    try:
        os.killpg(int(sys.argv[1]), int(sys.argv[2]))
    except OSError:
        pass
"""


def _load_prctl() -> Callable[[int, int], int] | None:
    if not sys.platform.startswith("linux"):
        return None
    try:
        prctl = ctypes.CDLL(None, use_errno=True).prctl
    except (OSError, AttributeError):
        return None
    prctl.argtypes = [ctypes.c_int, ctypes.c_ulong]
    prctl.restype = ctypes.c_int

    def call(option: int, value: int) -> int:
        return int(prctl(option, value))

    return call


# Resolved at import: looking a symbol up between fork and exec could deadlock on another thread's lock.
_prctl = _load_prctl()


def user_ids(user: str | int) -> tuple[int, int]:
    """Return (uid, gid) of an account named `user` or numbered so; `nobody` is known even without an entry.

    Raises KeyError when there is no account of that name.
    """
    if isinstance(user, int):
        try:
            return user, pwd.getpwuid(user).pw_gid
        except KeyError:
            return user, user
    try:
        entry = pwd.getpwnam(user)
    except KeyError:
        if user == "nobody":
            return _NOBODY, _NOBODY
        raise
    return entry.pw_uid, entry.pw_gid


def die_with_parent(death_signal: int = signal.SIGKILL) -> None:
    """Make the calling process receive `death_signal` when its parent ends; for workers that fork further.

    Does nothing where the platform has no such request.
    """
    if _prctl is not None:
        _prctl(_PR_SET_PDEATHSIG, int(death_signal))


def rotate_log(path: Path, limit_bytes: int = LOG_LIMIT_BYTES) -> bool:
    """Move the contents of `path` to `<path>.1` when it is larger than `limit_bytes`; True when it did so.

    The file is copied and cut rather than renamed, so a process that appends to it goes on in the same file.
    """
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        return False
    if size <= limit_bytes:
        return False
    older = path.with_name(path.name + ".1")
    with path.open("rb") as source:
        source.seek(max(0, size - limit_bytes))
        older.unlink(missing_ok=True)
        with os.fdopen(os.open(older, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as target:
            target.write(source.read(limit_bytes))
    os.truncate(path, 0)
    return True


def log_tail(path: Path, lines: int = 20, offset: int = 0) -> str:
    """Return the last `lines` lines of a log, or a blank text when there is none; bytes before `offset` are
    left out."""
    try:
        with path.open("rb") as log:
            size = log.seek(0, os.SEEK_END)
            log.seek(max(min(offset, size), size - 64 * 1024))
            data = log.read()
    except OSError:
        return ""
    return "\n".join(data.decode("utf-8", "replace").splitlines()[-lines:])


class Child:
    """A running child: the leader of its own session and process group."""

    def __init__(self, process: subprocess.Popen[bytes], log_path: Path, watchdog: "_Watchdog | None") -> None:
        self._process = process
        self._watchdog = watchdog
        self.log_path = log_path

    @property
    def pid(self) -> int:
        """The process id, which is the group's and the session's too."""
        return self._process.pid

    def poll(self) -> int | None:
        """Return None while it runs; afterwards its exit code (negative: the signal that ended it).

        What is left of its group is killed before the exit code is taken, while its number can't be reused.
        """
        if self._process.returncode is not None:
            return self._process.returncode
        if hasattr(os, "waitid"):
            with contextlib.suppress(ChildProcessError):
                flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
                if os.waitid(os.P_PID, self.pid, flags) is None:
                    return None
                self._kill_group()
        code = self._process.poll()
        if code is not None and self._watchdog is not None:
            self._watchdog.dismiss()
            self._watchdog = None
        return code

    def alive(self) -> bool:
        """True while the process runs."""
        return self.poll() is None

    def wait(self, seconds: float) -> bool:
        """Wait at most `seconds` for its end; True when it has ended."""
        deadline = time.monotonic() + seconds
        while self.poll() is None:
            if time.monotonic() >= deadline:
                return False
            time.sleep(_POLL_SECONDS)
        return True

    def send(self, number: int) -> None:
        """Send a signal to the leader; nothing happens when it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def stop(self, *steps: tuple[int, float]) -> int:
        """Send each (signal, seconds to wait) in turn until it ends, at last SIGKILL to the whole group.

        Without steps: SIGTERM, and 10 seconds. Returns the exit code.
        """
        for number, seconds in steps or ((signal.SIGTERM, 10.0),):
            self.send(number)
            if self.wait(seconds):
                break
        else:
            self._kill_group()
            self.wait(10.0)
        code = self.poll()
        return code if code is not None else -signal.SIGKILL

    def _kill_group(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)


class _Watchdog:
    def __init__(self, group: int, number: int) -> None:
        reading, self._writing = os.pipe()
        try:
            self._process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-I", "-S", "-c", _WATCHDOG, str(group), str(int(number))],
                stdin=reading,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except BaseException:
            os.close(self._writing)
            raise
        finally:
            os.close(reading)

    def dismiss(self) -> None:
        with contextlib.suppress(OSError):
            os.write(self._writing, b".")
        os.close(self._writing)
        self._process.wait()


def spawn(
    args: Sequence[str | os.PathLike[str]],
    *,
    user: str | int | None = None,
    log_path: Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    death_signal: int = signal.SIGTERM,
    guard_group: bool = False,
    stdin: bytes = b"",
    keep_fds: Sequence[int] = (),
) -> Child:
    """Start `args` in a session of its own; it receives `death_signal` when this process ends for any reason.

    `user` (a name or a number) is honoured when this process is root. Output goes to the end of `log_path`.
    `guard_group` extends the end to the whole process group, for servers that have workers of their own.
    `stdin` (at most 4096 bytes) is what the child reads first. `keep_fds` stay open in the child.
    Give SIGKILL as `death_signal` where SIGTERM may be ignored or handled slowly (Python programs).

    Only from the main thread: the kernel's request is bound to the *thread* that started the child, and a
    helper thread's end would end the child. Raises RuntimeError elsewhere, OSError when it can't be started.
    """
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError("spawn() needs the main thread: a child ends with the thread that started it")
    if len(stdin) > 4096:
        raise ValueError("stdin is limited to 4096 bytes, which fit into any pipe")
    parent = os.getpid()
    prctl = _prctl

    def bind_to_parent() -> None:
        if prctl is not None:
            # After the change of user, which would clear the request.
            prctl(_PR_SET_PDEATHSIG, int(death_signal))
            # The parent may have ended before the request was made.
            if os.getppid() != parent:
                os._exit(127)

    uid: int | None = None
    gid: int | None = None
    if user is not None and os.geteuid() == 0:
        uid, gid = user_ids(user)
    reading, writing = os.pipe()
    log = os.open(log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(writing, stdin)
        os.close(writing)
        with warnings.catch_warnings():
            # Newer Pythons warn of fork beside threads; the hook makes two system calls and takes no lock.
            warnings.simplefilter("ignore", DeprecationWarning)
            process = subprocess.Popen(  # noqa: S603
                [os.fspath(part) for part in args],
                stdin=reading,
                stdout=log,
                stderr=log,
                env=dict(env) if env is not None else None,
                cwd=cwd,
                start_new_session=True,
                user=uid,
                group=gid,
                extra_groups=[] if uid is not None else None,
                preexec_fn=bind_to_parent,  # noqa: PLW1509
                pass_fds=tuple(keep_fds),
            )
    finally:
        os.close(reading)
        os.close(log)
    watchdog = None
    if guard_group or prctl is None:
        try:
            watchdog = _Watchdog(process.pid, death_signal)
        except OSError:
            process.kill()
            process.wait()
            raise
    return Child(process, log_path, watchdog)
