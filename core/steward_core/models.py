"""Every table of this floor, and what else must be declared before the floors above work: imported once, so that the
metadata, the settings, the kinds of rows and the sources of personal data are whole; and where migrations lie."""

from pathlib import Path

from steward_core import permissions, personal_data
from steward_core.approvals import following as approval_following
from steward_core.approvals import models as approvals
from steward_core.approvals import personal as approval_data
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
from steward_core.incentives import models as incentives
from steward_core.incentives import purposes as incentive_purposes
from steward_core.incentives import settings as incentive_settings
from steward_core.incentives import subjects as incentive_subjects
from steward_core.industry import models as industry
from steward_core.months import models as months
from steward_core.months import settings as month_settings
from steward_core.notifications import models as notifications
from steward_core.notifications import settings as notification_settings
from steward_core.notifications import subjects as notification_subjects
from steward_core.opportunities import following as opportunity_following
from steward_core.opportunities import models as opportunities
from steward_core.opportunities import reach as opportunity_rows
from steward_core.opportunities import settings as opportunity_settings
from steward_core.performance import floor as performance_floor
from steward_core.performance import models as performance
from steward_core.performance import row_kinds as performance_rows
from steward_core.performance import settings as performance_settings
from steward_core.plans import following as plan_following
from steward_core.plans import models as plans
from steward_core.plans import personal as plan_personal
from steward_core.plans import row_kinds as plan_row_kinds
from steward_core.plans import settings as plan_settings
from steward_core.promises import floor as promise_floor
from steward_core.promises import models as promises
from steward_core.reports import models as reports
from steward_core.reports import personal_data as report_personal_data
from steward_core.reports import row_kinds as report_row_kinds
from steward_core.reports import settings as report_settings
from steward_core.reports import tasks as report_tasks
from steward_core.runs import models as runs
from steward_core.schedules import models as schedules
from steward_core.schedules import provided as provided_schedules
from steward_core.trusted_documents import models as trusted_documents
from steward_core.trusted_documents import settings as trusted_settings
from steward_core.visits import floor as visit_floor
from steward_core.visits import models as visits
from steward_core.webhooks import enqueuing as webhook_enqueuing
from steward_core.webhooks import models as webhooks
from steward_core.webhooks import travel as webhook_travel

MIGRATIONS = Path(__file__).parent / "migrations" / "versions"

__all__ = [
    "MIGRATIONS",
    "approval_data",
    "approval_following",
    "approvals",
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
    "incentive_purposes",
    "incentive_settings",
    "incentive_subjects",
    "incentives",
    "industry",
    "month_settings",
    "months",
    "notification_settings",
    "notification_subjects",
    "notifications",
    "opportunities",
    "opportunity_following",
    "opportunity_rows",
    "opportunity_settings",
    "performance",
    "performance_floor",
    "performance_rows",
    "performance_settings",
    "permissions",
    "personal_data",
    "plan_following",
    "plan_personal",
    "plan_row_kinds",
    "plan_settings",
    "plans",
    "policies",
    "pool_policy",
    "promise_floor",
    "promises",
    "provided_schedules",
    "purposes",
    "report_personal_data",
    "report_row_kinds",
    "report_settings",
    "report_tasks",
    "reports",
    "row_kind",
    "row_kinds",
    "runs",
    "schedules",
    "trusted_documents",
    "trusted_settings",
    "visit_floor",
    "visits",
    "webhook_enqueuing",
    "webhook_travel",
    "webhooks",
]
