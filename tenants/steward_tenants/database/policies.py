"""The one place that writes row-level security: policies, grants and partitions of tenant tables.

Migrations call `protect` for every tenant table they create. The form of the policy is chosen by `PolicyForm`:
PostgreSQL runs the verifier once per statement through a subquery; Citus refuses subqueries in policies.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Literal, Protocol

from steward_tenants.database.tables import TENANT_SCHEMA

APPLICATION_ROLE = "steward_app"
DIRECTORY_ROLE = "steward_directory"
OWNER_ROLE = "steward_owner"
MIGRATION_ROLE = "steward_migrator"
VERIFIER_ROLE = "steward_verifier"

Right = Literal["select", "insert", "update", "delete"]
EVERY_RIGHT: tuple[Right, ...] = ("select", "insert", "update", "delete")


class Operations(Protocol):
    """The part of alembic's `op` that is used here."""

    def execute(self, sqltext: str) -> None: ...


class PolicyForm(StrEnum):
    """How a policy calls the verifier."""

    POSTGRESQL = "postgresql"
    CITUS = "citus"


def policy_form() -> PolicyForm:
    """The form in force: `STEWARD_POLICY_FORM`, default `postgresql`."""
    return PolicyForm(os.environ.get("STEWARD_POLICY_FORM", PolicyForm.POSTGRESQL))


def tenant_condition(form: PolicyForm) -> str:
    """The condition that every policy of a tenant table states."""
    call = "(select steward.tenant())" if form is PolicyForm.POSTGRESQL else "steward.tenant()"
    return f"tenant_id = {call}"


def protection(table: str, rights: Sequence[Right] = EVERY_RIGHT, *, schema: str = TENANT_SCHEMA) -> Iterator[str]:
    """The statements that put `table` behind wall 1 and give the application exactly `rights` on it."""
    name = f"{schema}.{table}"
    condition = tenant_condition(policy_form())
    yield f"alter table {name} enable row level security"
    yield f"alter table {name} force row level security"
    yield f"create policy tenant on {name} using ({condition}) with check ({condition})"
    yield f"grant {', '.join(rights)} on {name} to {APPLICATION_ROLE}"


def protect(op: Operations, table: str, rights: Sequence[Right] = EVERY_RIGHT) -> None:
    """Put a new tenant table behind wall 1; append-only tables pass `("select", "insert")`."""
    for statement in protection(table, rights):
        op.execute(statement)
