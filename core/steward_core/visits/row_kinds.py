"""Visits as a kind of rows: who sees them.

A visit is its visitor's and its unit's at that time: who visited keeps seeing their own visits when the client has gone
to somebody else, so that quotas, reports and pay can be checked by whom they are about. Who reaches the client sees
all its visits through it (`Client.visits`, `visitPreparation`), whoever made them.
"""

from __future__ import annotations

from steward_core.permissions import VISITS_VIEW
from steward_core.visits.models import Visit
from steward_tenants.access.row_kinds import RowKind, row_kinds
from steward_tenants.texts import Bilingual

VISIT = row_kinds.declare(
    RowKind("visit", Bilingual("走访", "visit"), Visit, VISITS_VIEW, owner=Visit.owner_id, unit=Visit.unit_id)
)
