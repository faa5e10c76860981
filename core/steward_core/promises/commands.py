"""Every module of promises that declares commands, kinds of runs or jobs."""

from steward_core.promises import leg_commands, recomputing, request_commands, setting, watching

__all__ = ["leg_commands", "recomputing", "request_commands", "setting", "watching"]
