"""Every table of this floor, imported once so that the metadata is whole, and where its migrations lie."""

from pathlib import Path

from steward_core.clients import models as clients
from steward_core.custom_fields import models as custom_fields
from steward_core.forms import models as forms
from steward_core.gradings import models as gradings
from steward_core.imports import models as imports
from steward_core.industry import models as industry
from steward_core.runs import models as runs

MIGRATIONS = Path(__file__).parent / "migrations" / "versions"

__all__ = ["MIGRATIONS", "clients", "custom_fields", "forms", "gradings", "imports", "industry", "runs"]
