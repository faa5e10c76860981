"""Every table of this floor, and what else must be declared before the floors above work: imported once, so that the
metadata, the settings, the kinds of rows and the sources of personal data are whole; and where migrations lie."""

from pathlib import Path

from steward_core import permissions, personal_data
from steward_core.calendars import models as calendars
from steward_core.calendars import settings as calendar_settings
from steward_core.clients import attachments, policies, pool_policy, row_kinds
from steward_core.clients import models as clients
from steward_core.custom_fields import models as custom_fields
from steward_core.forms import models as forms
from steward_core.forms import row_kind
from steward_core.gradings import models as gradings
from steward_core.gradings import settings as grading_settings
from steward_core.imports import erasure, purposes
from steward_core.imports import models as imports
from steward_core.industry import models as industry
from steward_core.notifications import models as notifications
from steward_core.notifications import settings as notification_settings
from steward_core.notifications import subjects as notification_subjects
from steward_core.runs import models as runs
from steward_core.schedules import models as schedules
from steward_core.schedules import provided as provided_schedules
from steward_core.trusted_documents import models as trusted_documents
from steward_core.trusted_documents import settings as trusted_settings
from steward_core.webhooks import enqueuing as webhook_enqueuing
from steward_core.webhooks import models as webhooks
from steward_core.webhooks import travel as webhook_travel

MIGRATIONS = Path(__file__).parent / "migrations" / "versions"

__all__ = [
    "MIGRATIONS",
    "attachments",
    "calendar_settings",
    "calendars",
    "clients",
    "custom_fields",
    "erasure",
    "forms",
    "grading_settings",
    "gradings",
    "imports",
    "industry",
    "notification_settings",
    "notification_subjects",
    "notifications",
    "permissions",
    "personal_data",
    "policies",
    "pool_policy",
    "provided_schedules",
    "purposes",
    "row_kind",
    "row_kinds",
    "runs",
    "schedules",
    "trusted_documents",
    "trusted_settings",
    "webhook_enqueuing",
    "webhook_travel",
    "webhooks",
]
