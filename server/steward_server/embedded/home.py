"""The folder in which the embedded services keep their data, secrets, logs and remembered ports."""

import base64
import contextlib
import fcntl
import hashlib
import json
import os
import secrets
import shutil
import socket
import stat
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

from steward_server.embedded.processes import user_ids

DATABASE_NAME = "steward"
ROLE_MIGRATOR = "steward_migrator"
ROLE_APP = "steward_app"
ROLE_DIRECTORY = "steward_directory"

_PORTS = range(20000, 32000)  # below the range that the system gives to outgoing connections
_WORDS = """
amber anchor apple autumn bamboo beacon birch bridge bronze candle canyon cedar cherry cinder cloud
clover cobalt copper coral cotton crane crystal dawn delta desert dragon eagle ember falcon feather
fern field flint forest fountain garden ginger glacier granite harbor harvest hazel heron hollow
honey island ivory jade jasmine juniper kettle lagoon lantern laurel lemon linen lotus magnet maple
marble meadow melon mirror misty morning mountain nectar nickel ocean olive orchid otter oyster
pagoda paper pebble pepper pine planet plum pond poplar prairie quartz quill rabbit raven reed
ribbon river robin saddle saffron sailor sandal season shadow silver sparrow spring stone summer
sunset swallow teapot temple thistle thunder tiger timber topaz tulip valley velvet violet walnut
water willow window winter wisdom yellow zephyr
""".split()  # noqa: SIM905


class EmbeddedError(Exception):
    """An embedded service can't be started; the text says why and what to do, in Chinese and English."""


class HomeInUse(EmbeddedError):
    """Another process runs on this home."""


@dataclass(frozen=True, repr=False)
class EmbeddedSecrets:
    """Generated once per home. `tenant_keys` and `secret_keys` have the form that the settings expect."""

    postgres_password: str
    steward_migrator_password: str
    steward_app_password: str
    steward_directory_password: str
    valkey_password: str
    tenant_keys: str
    secret_keys: str
    demo_password: str

    @classmethod
    def generate(cls) -> Self:
        """Return fresh secrets from the system's random source."""
        words = [secrets.choice(_WORDS) for _ in range(4)]
        return cls(
            postgres_password=secrets.token_urlsafe(24),
            steward_migrator_password=secrets.token_urlsafe(24),
            steward_app_password=secrets.token_urlsafe(24),
            steward_directory_password=secrets.token_urlsafe(24),
            valkey_password=secrets.token_urlsafe(24),
            tenant_keys="k1:" + _random_key(),
            secret_keys="s1:" + _random_key(),
            demo_password="-".join(word.capitalize() for word in words) + f"-{secrets.randbelow(9000) + 1000}",
        )


def _random_key() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


_held: dict[str, tuple[int, int]] = {}


class EmbeddedHome:
    """The folder `path`, made when missing; by default `.steward` beside the project's pyproject.toml.

    As root the servers run as another user (PostgreSQL refuses root). Where that user can't reach the folder,
    the servers' data are kept under the system's folder for temporary files that survive a restart; the place
    is remembered in the home.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = (path if path is not None else default_path()).absolute()
        try:
            if not self.path.is_dir():
                self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
                if os.geteuid() == 0:
                    # The servers' user must pass through, whatever the umask says.
                    self.path.chmod(0o711)
            self.logs.mkdir(exist_ok=True, mode=0o700)
        except OSError as error:
            raise self._foreign() from error

    @property
    def logs(self) -> Path:
        """The folder of the log files, one per service."""
        return self.path / "logs"

    @property
    def files(self) -> Path:
        """The folder of uploaded files."""
        return self.path / "files"

    @property
    def secrets(self) -> EmbeddedSecrets:
        """The home's secrets, generated at first use; kept in a file that only its owner can read."""
        file = self.path / "secrets.json"
        names = [field.name for field in fields(EmbeddedSecrets)]
        try:
            stored = _read_json(file)
            if not set(names) <= set(stored):
                with self._short_lock():
                    stored = {**asdict(EmbeddedSecrets.generate()), **_read_json(file)}
                    _write_json(file, stored)
        except PermissionError as error:
            raise self._foreign() from error
        except ValueError as error:
            raise EmbeddedError(
                f"{file} 已损坏；请从备份恢复，或删除整个目录 {self.path} 后重新开始（数据会丢失）。\n"
                f"{file} is damaged; restore it, or delete {self.path} to start afresh (its data are lost)."
            ) from error
        return EmbeddedSecrets(**{name: str(stored[name]) for name in names})

    def settings_environment(self, pg_port: int, valkey_url: str, api_port: int) -> dict[str, str]:
        """Return the `STEWARD_*` variables with which the platform runs on this home's services."""
        secret = self.secrets

        def url(role: str, password: str) -> str:
            return f"postgresql://{role}:{quote(password, safe='')}@127.0.0.1:{pg_port}/{DATABASE_NAME}"

        return {
            "STEWARD_EMBEDDED": "true",
            "STEWARD_DATABASE_URL": url(ROLE_APP, secret.steward_app_password),
            "STEWARD_DIRECTORY_URL": url(ROLE_DIRECTORY, secret.steward_directory_password),
            "STEWARD_MIGRATION_URL": url(ROLE_MIGRATOR, secret.steward_migrator_password),
            "STEWARD_REDIS_URL": valkey_url,
            "STEWARD_TENANT_KEYS": secret.tenant_keys,
            "STEWARD_SECRET_KEYS": secret.secret_keys,
            "STEWARD_PUBLIC_URL": f"http://127.0.0.1:{api_port}",
            "STEWARD_LISTEN_HOST": "127.0.0.1",
            "STEWARD_LISTEN_PORT": str(api_port),
            "STEWARD_FILES_PATH": str(self.files),
            "STEWARD_LOG_FORMAT": "console",
        }

    @contextlib.contextmanager
    def hold(self) -> Iterator[None]:
        """Hold the home for this process; nested use in the same process is fine.

        Raises EmbeddedError naming the other process when another one holds it.
        """
        key = str(self.path.resolve())
        descriptor, count = _held.get(key, (-1, 0))
        if count == 0:
            try:
                descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
            except PermissionError as error:
                raise self._foreign() from error
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip() or "?"
                os.close(descriptor)
                raise HomeInUse(
                    f"{self.path} 正被另一个进程使用（进程号 {holder}）；请先停止它，或改用别的目录。\n"
                    f"{self.path} is in use by another process (pid {holder}); stop it or use another folder."
                ) from error
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        _held[key] = (descriptor, count + 1)
        try:
            yield
        finally:
            descriptor, count = _held[key]
            if count == 1:
                del _held[key]
                os.close(descriptor)
            else:
                _held[key] = (descriptor, count - 1)

    def port(self, service: str, *, fresh: bool = False) -> int:
        """Return a free port of 127.0.0.1, the remembered one of `service` if it is free, and remember it.

        `fresh` asks for another one (somebody was quicker).
        """
        file = self.path / "ports.json"
        with self._short_lock():
            try:
                known = _read_json(file)
            except ValueError:
                known = {}
            port = known.get(service)
            if fresh or not isinstance(port, int) or not port_is_free(port):
                port = _free_port({value for value in known.values() if isinstance(value, int)})
                _write_json(file, {**known, service: port})
        return port

    def service_folder(self, name: str, user: str | int | None) -> Path:
        """Return the folder for a service's data, which `user` can reach and owns (None: this process's)."""
        base = self.path
        mode = 0o700
        if user is not None:
            uid, gid = user_ids(user)
            base = self._base_of_data(name, uid, gid) or self._reachable_base(uid, gid)
        folder = base / name
        folder.mkdir(exist_ok=True, mode=mode)
        if user is not None:
            if folder.is_symlink():
                raise EmbeddedError(f"{folder} 不能是符号链接。\n{folder} must not be a symbolic link.")
            os.chown(folder, uid, gid, follow_symlinks=False)
        elif not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
            raise self._foreign()
        return folder

    def service_user(self, name: str) -> str | int | None:
        """Return the user for a service: None unless root; else the owner of its data, or `nobody`."""
        if os.geteuid() != 0:
            return None
        with contextlib.suppress(OSError):
            owner = (self.path / name).lstat().st_uid
            if owner != 0:
                return owner
        return "nobody"

    def _base_of_data(self, name: str, uid: int, gid: int) -> Path | None:
        """Where the service's data are already: folders above may have been opened or closed to its user meanwhile,
        and data that are somewhere must not be taken for none."""
        placed = self._placed()
        if placed is not None and _holds_something(placed / name):
            return placed
        if not _holds_something(self.path / name):
            return None
        if not can_reach(self.path, uid, gid):
            raise EmbeddedError(
                f"数据库用户无法再进入 {self.path}，而数据在那里；请为其上各级文件夹恢复执行权限（chmod a+x）。\n"
                f"The database's user can no longer enter {self.path}, where its data are; give the folders above "
                "back their execute permission (chmod a+x)."
            )
        return self.path

    @property
    def _place_name(self) -> str:
        info = self.path.stat()
        return "steward-" + hashlib.sha256(f"{self.path.resolve()}\0{info.st_ino}".encode()).hexdigest()[:20]

    def _placed(self) -> Path | None:
        """The place outside this home that was made for it; None: there is none."""
        with contextlib.suppress(ValueError, OSError):
            known = Path(str(_read_json(self.path / "placement.json").get("folder", "")))
            # A copied home remembers its original's place, which belongs to the original.
            if known.name == self._place_name and _is_safe_folder(known):
                return known
        return None

    def _reachable_base(self, uid: int, gid: int) -> Path:
        if can_reach(self.path, uid, gid):
            return self.path
        placed = self._placed()
        if placed is not None:
            return placed
        roots = [Path("/var/tmp"), Path(tempfile.gettempdir())]  # noqa: S108
        for root in roots:
            candidate = root / self._place_name
            if not root.is_dir() or not can_reach(root, uid, gid):
                continue
            _sweep(root)
            with contextlib.suppress(FileExistsError):
                candidate.mkdir(mode=0o711)
                candidate.chmod(0o711)
            if _is_safe_folder(candidate):
                (candidate / "origin").write_text(str(self.path.resolve()), encoding="utf-8")
                _write_json(self.path / "placement.json", {"folder": str(candidate)})
                return candidate
        raise EmbeddedError(
            f"数据库用户无法进入 {self.path}，临时目录也不可用；请把项目放到所有用户可进入的目录。\n"
            f"The database's user can't reach {self.path}, nor a folder for temporary files; move the "
            "project to a folder that every user can enter."
        )

    @contextlib.contextmanager
    def _short_lock(self) -> Iterator[None]:
        descriptor = os.open(self.path / "state.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _foreign(self) -> EmbeddedError:
        return EmbeddedError(
            f"{self.path} 属于另一个用户；请用该用户运行，或改用别的目录。\n"
            f"{self.path} belongs to another user; run as that user or use another folder."
        )


def default_path() -> Path:
    """Return what `STEWARD_EMBEDDED_HOME` names, else `.steward` in the project's folder, or in the working folder
    outside a checkout."""
    named = os.environ.get("STEWARD_EMBEDDED_HOME")
    if named:
        return Path(named)
    root = Path(__file__).resolve().parents[3]
    return (root if (root / "pyproject.toml").is_file() else Path.cwd()) / ".steward"


def can_reach(path: Path, uid: int, gid: int) -> bool:
    """True when a user can enter `path` and every folder above it (read and run it, for a file)."""
    real = path.resolve()
    for part in (real, *real.parents):
        mode = part.stat()
        shift = 6 if mode.st_uid == uid else 3 if mode.st_gid == gid else 0
        wanted = 0o1 if stat.S_ISDIR(mode.st_mode) else 0o5
        if (mode.st_mode >> shift) & wanted != wanted:
            return False
    return True


def port_is_free(port: int) -> bool:
    """True when a server could listen on 127.0.0.1:`port` now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            probe.listen(1)
        except OSError:
            return False
    return True


def wait_for_lock(path: Path, seconds: float) -> int | None:
    """Take the exclusive lock on the file `path`; None when it is still held after `seconds`.

    The descriptor is handed down to a server, so that the lock says whether any part of it still runs.
    """
    # The folder belongs to the server's user, whose links root must not follow.
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    deadline = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if time.monotonic() >= deadline:
                os.close(descriptor)
                return None
            time.sleep(0.05)
        else:
            return descriptor


def _free_port(taken: set[int]) -> int:
    for _ in range(200):
        port = secrets.choice(_PORTS)
        if port not in taken and port_is_free(port):
            return port
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _holds_something(folder: Path) -> bool:
    try:
        return any(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return False


def _is_safe_folder(folder: Path) -> bool:
    try:
        info = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(info.st_mode) and info.st_uid == os.geteuid() and not info.st_mode & 0o022


def _sweep(root: Path) -> None:
    """Remove the servers' data of temporary homes (the tests') that are gone; of other homes nothing."""
    temporary = Path(tempfile.gettempdir()).resolve()
    for folder in root.glob("steward-*"):
        with contextlib.suppress(OSError):
            if not _is_safe_folder(folder):
                continue
            origin = Path((folder / "origin").read_text(encoding="utf-8"))
            if origin.is_relative_to(temporary) and not origin.exists():
                shutil.rmtree(folder, ignore_errors=True)


def _read_json(file: Path) -> dict[str, Any]:
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    if not isinstance(value, dict):
        raise ValueError(f"{file.name} is not an object")
    return value


def _write_json(file: Path, value: Mapping[str, object]) -> None:
    descriptor, temporary = tempfile.mkstemp(dir=file.parent, prefix=file.name + ".")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as target:
            json.dump(value, target, indent=1)
            target.flush()
            os.fsync(target.fileno())
        Path(temporary).replace(file)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
