"""PostgreSQL and Valkey from wheels, for `./steward up` and the tests; production brings its own servers.

A service lives and dies with the process that started it: nothing is left running after a normal stop,
after Ctrl-C, or after the process was killed with SIGKILL.
"""

from steward_server.embedded.home import EmbeddedError, EmbeddedHome, EmbeddedSecrets, HomeInUse
from steward_server.embedded.postgres import EmbeddedPostgres
from steward_server.embedded.valkey import EmbeddedValkey

__all__ = ["EmbeddedError", "EmbeddedHome", "EmbeddedPostgres", "EmbeddedSecrets", "EmbeddedValkey", "HomeInUse"]
