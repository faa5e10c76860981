"""What one request is being answered with, and how its compiled parts are read."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from graphql import FieldNode

from steward_graphql.compiler.building import SpecialUse
from steward_graphql.compiler.compile import compile_by_key, compile_query, specials_by_key, specials_of
from steward_graphql.compiler.plan import Execution, Plan
from steward_graphql.compiler.selection import Selections
from steward_graphql.compiler.variables import structure_of
from steward_graphql.declared.api import Api
from steward_graphql.declared.entities import Condition
from steward_graphql.declared.shapes import Asked
from steward_graphql.execution.completion import Completion, Ref, Tree, Writer
from steward_graphql.execution.documents import Document
from steward_graphql.execution.metrics import EngineMetrics
from steward_graphql.execution.plans import Framed, Known, Plans
from steward_graphql.execution.problems import Path, dumped, entry, note, notice_entry, told_of
from steward_graphql.execution.recording import Recording, what_was_asked
from steward_tenants.database.pipeline import Pipelines, Rows
from steward_tenants.database.session import ReadSession, WriteSession

Fetch = Callable[[Plan, Execution], Awaitable[Rows]]
"""Runs a plan: over a pipeline, or in the transaction of a mutation."""


@dataclass(eq=False)
class Run:
    """One request. `errors` gathers the entries of its answer."""

    api: Api
    document: Document
    variables: Mapping[str, Any]
    raw_variables: Mapping[str, Any]
    known: Known
    asked: Asked
    plans: Plans
    pipelines: Pipelines
    metrics: EngineMetrics
    expensive: bool
    errors: list[dict[str, Any]] = field(default_factory=list)
    recording: Recording = field(default_factory=Recording)

    def __post_init__(self) -> None:
        document = self.document
        self.structure: Hashable = (
            structure_of(self.api, document.operation, self.variables) if document.declares else ()
        )
        self._selections: Selections | None = None

    @property
    def selections(self) -> Selections:
        """Reads the operation's selection sets."""
        if self._selections is None:
            document = self.document
            if document.operation.switches:
                self._selections = Selections(document.operation, self.variables)
            else:
                document.selections = self._selections = document.selections or Selections(document.operation, {})
        return self._selections

    @property
    def tenant_id(self) -> UUID:
        """The caller's tenant."""
        return self.asked.caller.tenant_id

    def fail(self, error: BaseException, path: Path) -> None:
        """Have the answer tell of an error at a place, and the log of what nobody should see."""
        told = told_of(error)
        note(error, told, self.asked.request_id)
        self.errors.append(entry(told, self.asked.locale, path))

    async def table_plan(self) -> Framed:
        """The plan of all root fields that are tables. Raises StewardError for what cannot be compiled."""
        asked = (self.api, self.document.operation, self.variables)
        profile = self.known.standing.profile
        return await self._plan(
            (),
            lambda: specials_of(*asked, profile),
            lambda conditions: compile_query(*asked, profile, conditions),
        )

    async def _plan(
        self,
        place: Hashable,
        uses: Callable[[], Sequence[SpecialUse]],
        compiled: Callable[[Mapping[Hashable, Condition]], Plan],
    ) -> Framed:
        key = (self.api.plugins, self.document.operation.text_key, self.structure, self.known.number, place)
        framed = self.plans.get(key)
        if framed is None:
            # Plans with special filters are never kept, so a kept one needs no conditions.
            conditions = await self._conditions(uses())
            framed = self.plans.make(key, lambda: compiled(conditions), self.document.texts)
        return framed

    async def _conditions(self, uses: Sequence[SpecialUse]) -> Mapping[Hashable, Condition]:
        if not uses:
            return {}
        async with self.session() as session:
            return {use.key: await use.special.prepare(session, use.value, self.asked.today) for use in uses}

    def session(self) -> AbstractAsyncContextManager[ReadSession]:
        """A read session for the caller."""
        return self.asked.database.read(self.tenant_id, self.asked.caller.actor, request_id=self.asked.request_id)

    def execution(self, plan: Plan, ids: Sequence[Any] = ()) -> Execution:
        """What fills a plan's parameters."""
        return Execution(
            self.tenant_id,
            self.known.standing,
            self.asked.today,
            self.variables,
            ids,
            secrets.token_hex(12) if plan.batches else "",
            str(self.asked.zone),
        )

    async def put_on_record(self, plan: Plan, session: WriteSession | None = None) -> None:
        """Record what reading a plan is recorded as, in `session` or a transaction that commits before the reading."""
        if not plan.records:
            return
        what = what_was_asked(self.api, self.document.operation, self.variables)
        if session is not None:
            await self.recording.write(session, plan.records, what)
        else:
            await self.recording.before(self.asked, plan.records, what)

    async def fetch(self, plan: Plan, execution: Execution) -> Rows:
        """Run a plan over a pipeline."""
        return await self.send(plan, plan.parameters(execution))

    async def send(self, plan: Plan, parameters: list[bytes | None]) -> Rows:
        """Send a statement with its parameters over a pipeline."""
        start = time.perf_counter()
        rows = await self.pipelines.fetch(plan.sql, parameters, self.tenant_id, expensive=self.expensive)
        self.metrics.statement_seconds.observe(time.perf_counter() - start)
        return rows

    def notices(self, plan: Plan) -> None:
        """Tell of the fields that a plan leaves null in any case."""
        self.errors.extend(notice_entry(one, self.asked.locale) for one in plan.notices)

    async def filled(self, plan: Plan, nonce: str, texts: list[bytes], session: Any = None) -> list[bytes]:
        """The texts with the values of batched fields in their places: one call for each such field."""
        mark = re.compile(nonce.encode() + rb"(\d+):([0-9a-f-]{36})" + nonce.encode())
        wanted: dict[int, dict[bytes, UUID]] = {}
        for text in texts:
            for place, row_id in mark.findall(text):
                wanted.setdefault(int(place), {})[row_id] = UUID(row_id.decode())
        values: dict[tuple[int, bytes], bytes] = {}
        for place, ids in wanted.items():
            found = await self._batch(plan, place, list(ids.values()), session)
            values.update(((place, text), dumped(found.get(row_id))) for text, row_id in ids.items())
        return [mark.sub(lambda match: values[int(match[1]), match[2]], text) for text in texts]

    async def _batch(self, plan: Plan, place: int, ids: list[UUID], session: Any) -> Mapping[UUID, Any]:
        batched = plan.batches[place]
        try:
            if session is not None:
                return await batched.values(session, ids, self.asked.today)
            async with self.session() as opened:
                return await batched.values(opened, ids, self.asked.today)
        except Exception as error:
            told = told_of(error)
            note(error, told, self.asked.request_id)
            found = entry(told, self.asked.locale)
            found["extensions"]["at"] = batched.name
            self.errors.append(found)
            return {}

    def completion(self) -> Completion:
        """A new maker of trees."""
        return Completion(self.selections)

    async def written(
        self,
        tree: Tree,
        refs: Sequence[Ref],
        path: Path,
        *,
        nullable: bool = True,
        fetch: Fetch | None = None,
        session: Any = None,
    ) -> str | None:
        """A tree as JSON text with the rows that it refers to; None when the null belongs above."""
        writer = Writer(await self._rows(refs, fetch or self.fetch, session) if refs else {})
        text = writer.write(tree, path, nullable=nullable)
        for problem, place in writer.problems:
            self.fail(problem, place)
        return text

    async def _plan_by_key(self, entity: str, place: tuple[str, ...], nodes: tuple[FieldNode, ...]) -> Framed:
        asked = (self.api, self.document.operation, self.variables)
        profile = self.known.standing.profile
        return await self._plan(
            ("by key", entity, place),
            lambda: specials_by_key(*asked, entity, nodes, profile=profile),
            lambda conditions: compile_by_key(*asked, profile, entity, nodes, conditions),
        )

    async def _rows(self, refs: Sequence[Ref], fetch: Fetch, session: Any) -> dict[int, str]:
        """The rows that are referred to, in the caller's scope: one statement for each place of the document."""
        places: dict[tuple[str, tuple[str, ...]], list[Ref]] = {}
        for ref in refs:
            places.setdefault((ref.entity, ref.place), []).append(ref)
        found: dict[int, str] = {}
        for (entity, place), here in places.items():
            plan = (await self._plan_by_key(entity, place, here[0].nodes)).plan
            keys = list({key_text(one.key): one.key for one in here}.values())
            await self.put_on_record(plan, session)
            execution = self.execution(plan, keys)
            rows = [(key, text) for key, text in await fetch(plan, execution) if key is not None and text is not None]
            self.notices(plan)
            texts = [text for _, text in rows]
            if plan.batches:
                texts = await self.filled(plan, execution.nonce, texts, session)
            known = {key.decode(): text.decode() for (key, _), text in zip(rows, texts, strict=True)}
            for ref in here:
                text = known.get(key_text(ref.key))
                if text is not None:
                    found[id(ref)] = text
        return found


def key_text(key: Any) -> str:
    """A key as plans by key write it."""
    if isinstance(key, tuple | list):
        return ",".join(str(one) for one in key)
    return str(key)
