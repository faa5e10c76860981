"""Sensitive reads go on record before they are answered: the entities that a plan reads say as what."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from graphql import GraphQLObjectType

from steward_graphql.compiler.operation import Operation
from steward_graphql.compiler.selection import Asked as AskedField
from steward_graphql.compiler.selection import Selections
from steward_graphql.compiler.variables import read_arguments
from steward_graphql.declared.api import Api
from steward_graphql.declared.shapes import Asked
from steward_tenants.audit.service import Subject, record
from steward_tenants.database.session import WriteSession
from steward_tenants.database.vault import Vault

_SHOWN = (bool, int, float, Decimal, UUID, date)


class Recording:
    """What of one request is on record already: each action once, and again in every transaction that may be undone."""

    def __init__(self) -> None:
        self._done: set[tuple[str, WriteSession | None]] = set()
        self._one = asyncio.Lock()

    async def write(self, session: WriteSession, actions: Sequence[str], what: Mapping[str, Any]) -> None:
        """Record actions in the transaction in which the reading is done too."""
        await self._write(session, actions, what, session)

    async def before(self, asked: Asked, actions: Sequence[str], what: Mapping[str, Any]) -> None:
        """Record actions in a transaction of their own. It has committed when this returns."""
        async with self._one:
            if all((action, None) in self._done for action in actions):
                return
            caller = asked.caller
            async with asked.database.write(caller.tenant_id, caller.actor, request_id=asked.request_id) as session:
                await self._write(session, actions, what, None)

    async def _write(
        self, session: WriteSession, actions: Sequence[str], what: Mapping[str, Any], place: WriteSession | None
    ) -> None:
        for action in actions:
            if (action, place) not in self._done:
                subject = Subject(action.removeprefix("read."))
                await record(session, action, subject, after=_kept(session.vault, what))
                self._done.add((action, place))


def what_was_asked(api: Api, operation: Operation, variables: Mapping[str, Any]) -> dict[str, Any]:
    """The operation's name, the digest of its text, and its root fields with their arguments."""
    definition = operation.definition
    root = api.schema.get_root_type(definition.operation)
    assert root is not None, "the document is valid for the schema"
    fields = Selections(operation, variables).of([definition.selection_set], frozenset((root.name,)))
    return {
        "operation": definition.name.value if definition.name else None,
        "document": operation.text_key,
        "fields": {field.key: _field(api, root, field, variables) for field in fields},
    }


def _field(api: Api, root: GraphQLObjectType, field: AskedField, variables: Mapping[str, Any]) -> dict[str, Any]:
    known = root.fields.get(field.name)
    arguments = {} if known is None else read_arguments(api, known.args, field.nodes[0], variables)
    return {"field": field.name, "arguments": arguments}


def _kept(vault: Vault, what: Mapping[str, Any]) -> dict[str, Any]:
    fields = {
        key: {"field": field["field"], **_digested(vault, field["arguments"])} for key, field in what["fields"].items()
    }
    return {**what, "fields": fields}


def _digested(vault: Vault, value: Any) -> Any:
    """The value with its texts, which may name people, as keyed digests: the log cannot be erased."""
    if isinstance(value, Mapping):
        return {name: _digested(vault, one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_digested(vault, one) for one in value]
    if value is None or isinstance(value, _SHOWN):
        return value
    return vault.digest(str(value), "audit/query")
