"""What the embedded services share: a home held while they run, a remembered port, a start, a stop."""

import contextlib
from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar, Self

from steward_server.embedded.home import EmbeddedError, EmbeddedHome
from steward_server.embedded.processes import Child


class EmbeddedService(ABC):
    """A server under `home`, listening on 127.0.0.1 only, that ends with this process.

    `start` and `stop` may be called again. `title` is what people call the server; `stop_steps` are the signals of a
    stop with the seconds that each is given.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    stop_steps: ClassVar[tuple[tuple[int, float], ...]]

    def __init__(self, home: EmbeddedHome | Path) -> None:
        self.home = home if isinstance(home, EmbeddedHome) else EmbeddedHome(home)
        self._child: Child | None = None
        self._hold = contextlib.ExitStack()
        self._port: int | None = None

    @abstractmethod
    def _start(self) -> None:
        """Start the server, the home being held, and wait until it answers. Raises EmbeddedError."""

    @property
    def log_path(self) -> Path:
        """The server's log."""
        return self.home.logs / f"{self.name}.log"

    @property
    def port(self) -> int:
        """The TCP port; raises EmbeddedError before the first start."""
        if self._port is None:
            raise EmbeddedError(f"{self.title} 尚未启动。\n{self.title} has not been started.")
        return self._port

    @property
    def pid(self) -> int | None:
        """The server's process id, None when it isn't running."""
        return self._child.pid if self._child is not None and self._child.alive() else None

    def alive(self) -> bool:
        """True while the server process runs."""
        return self._child is not None and self._child.alive()

    def start(self) -> None:
        """Start the server, made ready first where it never ran, and wait until it answers.

        Raises HomeInUse, and EmbeddedError: no program for this machine, or the server's own complaint.
        """
        if self.alive():
            return
        self._hold.close()
        self._hold.enter_context(self.home.hold())
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Shut the server down; nothing happens when it isn't running."""
        if self._child is not None:
            self._child.stop(*self.stop_steps)
            self._child = None
        self._hold.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
