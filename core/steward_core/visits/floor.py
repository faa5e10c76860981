"""What visits declare that must be known wherever the floor is: settings, kind of rows, followers, files, data on
people."""

from steward_core.custom_fields.indexing import declare_target
from steward_core.visits import checklists, day_times, following, personal, photos, row_kinds
from steward_core.visits.fields import TARGET
from steward_core.visits.models import Visit

__all__ = ["checklists", "day_times", "following", "personal", "photos", "row_kinds"]

declare_target(TARGET, Visit)
