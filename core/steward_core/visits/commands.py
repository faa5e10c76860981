"""Every module of visits that declares commands, kinds of runs or jobs."""

from steward_core.visits import photos, service

__all__ = ["photos", "service"]
