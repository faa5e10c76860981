"""Every function and subscription that there is whatever plugins are on."""

from __future__ import annotations

from steward_graphql.declared.shapes import Function, Subscription
from steward_graphql.functions import (
    access,
    approvals,
    calendars,
    clients,
    documents,
    evaluation,
    gradings,
    inbox,
    incentives,
    months,
    notices,
    opportunities,
    performance,
    plans,
    plugins,
    promises,
    reports,
    tenant,
    visibility,
    visits,
    webhooks,
)


def functions() -> tuple[Function, ...]:
    """In the order in which the schema lists them."""
    return (
        *tenant.FUNCTIONS,
        *access.FUNCTIONS,
        *visibility.FUNCTIONS,
        *plugins.FUNCTIONS,
        *clients.FUNCTIONS,
        *evaluation.FUNCTIONS,
        *gradings.FUNCTIONS,
        *documents.FUNCTIONS,
        *inbox.FUNCTIONS,
        *calendars.FUNCTIONS,
        *notices.FUNCTIONS,
        *webhooks.FUNCTIONS,
        *approvals.FUNCTIONS,
        *plans.FUNCTIONS,
        *visits.FUNCTIONS,
        *promises.FUNCTIONS,
        *opportunities.FUNCTIONS,
        *performance.FUNCTIONS,
        *incentives.FUNCTIONS,
        *reports.FUNCTIONS,
        *months.FUNCTIONS,
    )


def subscriptions() -> tuple[Subscription, ...]:
    """In the order in which the schema lists them."""
    return (*inbox.SUBSCRIPTIONS, *promises.SUBSCRIPTIONS)
