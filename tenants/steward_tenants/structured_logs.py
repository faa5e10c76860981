"""structlog, without rich: it colours tracebacks with it wherever it finds it, and a worker's logs are JSON. Everybody
takes structlog from here, since whoever imports it first decides; rich would stay in each worker with 4 MB."""

from __future__ import annotations

import sys

_hidden = "rich" not in sys.modules
if _hidden:
    sys.modules["rich"] = None  # type: ignore[assignment]  # what stands there as None cannot be imported

import structlog  # noqa: E402 - after rich was hidden

if _hidden:
    del sys.modules["rich"]

__all__ = ["structlog"]
