"""Every module of performance that declares commands, kinds of runs or jobs."""

from __future__ import annotations

from steward_core.performance import scheme_versions, scores, service

__all__ = ["scheme_versions", "scores", "service"]
