"""Where commands and kinds of runs are declared. Only these modules are imported for them: the others (migrations,
the operator's work) are not for processes that answer requests."""

from __future__ import annotations

from functools import cache
from importlib import import_module

MODULES = (
    "steward_core.calendars.service",
    "steward_core.clients.arrears",
    "steward_core.clients.attachments",
    "steward_core.clients.contact_erasure",
    "steward_core.clients.contacts",
    "steward_core.clients.contracts",
    "steward_core.clients.duplicates",
    "steward_core.clients.fact_withdrawal",
    "steward_core.clients.facts",
    "steward_core.clients.hand_over",
    "steward_core.clients.merge",
    "steward_core.clients.metrics",
    "steward_core.clients.notes",
    "steward_core.clients.policies",
    "steward_core.clients.pool",
    "steward_core.clients.pool_idle",
    "steward_core.clients.products",
    "steward_core.clients.search_rebuild",
    "steward_core.clients.service",
    "steward_core.configuration_file.service",
    "steward_core.custom_fields.indexing",
    "steward_core.custom_fields.service",
    "steward_core.forms.service",
    "steward_core.forms.upgrade",
    "steward_core.gradings.binding",
    "steward_core.gradings.objections",
    "steward_core.gradings.runner",
    "steward_core.gradings.service",
    "steward_core.imports.applying",
    "steward_core.imports.checking",
    "steward_core.imports.in_memory",
    "steward_core.imports.service",
    "steward_core.imports.undoing",
    "steward_core.industry.service",
    "steward_core.notifications.service",
    "steward_core.runs.service",
    "steward_core.schedules.service",
    "steward_core.trusted_documents.service",
    "steward_core.upkeep.exports",
    "steward_core.webhooks.service",
    "steward_core.approvals.commands",
    "steward_core.plans.commands",
    "steward_core.visits.commands",
    "steward_core.promises.commands",
    "steward_core.opportunities.commands",
    "steward_core.performance.commands",
    "steward_core.incentives.commands",
    "steward_core.reports.commands",
    "steward_core.months.commands",
    "steward_tenants.access.grants",
    "steward_tenants.access.service",
    "steward_tenants.configuration.service",
    "steward_tenants.files.service",
    "steward_tenants.oauth.service",
    "steward_tenants.organisation.service",
    "steward_tenants.outbox.commands",
    "steward_tenants.people.service",
    "steward_tenants.plugins.service",
    "steward_tenants.privacy.service",
    "steward_tenants.signin.recovery",
    "steward_tenants.signin.self_service",
    "steward_tenants.signin.sessions",
    "steward_tenants.support.service",
)


@cache
def load_commands() -> None:
    """Import every module that declares a command or a kind of run."""
    for module in MODULES:
        import_module(module)
