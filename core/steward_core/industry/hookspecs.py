"""The hooks of an industry plugin. All are synchronous, take values and do no I/O; docs/plugins.md tells of each.

A plugin is a distribution with an entry point in the group `steward.industry` that names a module or object whose
functions carry `hookimpl`. It holds no state: its tenant's settings come as an argument.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pluggy

from steward_core.industry.declarations import Industry
from steward_tenants.errors import FieldProblem

PROJECT = "steward"
ENTRY_POINTS = "steward.industry"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def industry() -> Industry:
    """Everything the plugin declares. Called once, when the plugin is loaded."""
    raise NotImplementedError


@hookspec
def check_client(settings: Any, client: Mapping[str, Any]) -> Sequence[FieldProblem]:
    """What is wrong with a client that is about to be saved; `client` holds its columns by name. Empty: nothing."""
    raise NotImplementedError


@hookspec
def check_record(
    settings: Any, form: str, values: Mapping[str, Any], client: Mapping[str, Any] | None
) -> Sequence[FieldProblem]:
    """What is wrong with a record of this plugin's form (`form`: its key) beyond what its model says."""
    raise NotImplementedError


@hookspec
def settings_changed(before: Any, after: Any) -> Sequence[FieldProblem]:
    """What speaks against new settings, seen beside the old ones (None: none yet). Empty: nothing."""
    raise NotImplementedError
