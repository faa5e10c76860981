"""Steward's workers, which also know the empty job."""

from __future__ import annotations

import sys

import bench.peers.empty_job  # noqa: F401 - declares it
from steward_server.cli import main

if __name__ == "__main__":
    sys.argv = ["steward", "worker", "--count", sys.argv[1]]
    main()
