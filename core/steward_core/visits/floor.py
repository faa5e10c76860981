"""What visits declare that must be known wherever the floor is: settings, kind of rows, followers, files, data on
people."""

from steward_core.visits import checklists, day_times, following, personal, photos, row_kinds

__all__ = ["checklists", "day_times", "following", "personal", "photos", "row_kinds"]
