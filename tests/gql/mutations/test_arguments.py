"""Arguments from signatures, values on their way to a command, and paths on their way back."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any, Literal, cast
from uuid import UUID, uuid4

import pytest

from steward_core.clients.arrears import ArrearsRow
from steward_core.clients.hand_over import HandOverSelection, ToUnit
from steward_core.clients.models import ClientStatus
from steward_graphql.declared.scalars import BOOLEAN, DATE, ID, INT, JSON, STRING, EnumKind
from steward_graphql.declared.shapes import InputObject, Mutation
from steward_graphql.mutations import inputs
from steward_graphql.mutations.argument_texts import SHOWN, TEXTS
from steward_graphql.mutations.derive import Offer, dataclass_of, kind_of, mutation_of
from steward_graphql.mutations.payloads import done
from steward_tenants.commands.service import CommandInfo
from steward_tenants.database.database import Database
from steward_tenants.database.session import WriteSession
from steward_tenants.errors import FieldProblem, InvalidInput
from steward_tenants.texts import Bilingual
from tests.gql.mutations.asking import TODAY as DAY
from tests.gql.mutations.asking import asked, read

HEARD: list[dict[str, Any]] = []


async def _listen(
    session: WriteSession,
    client_id: UUID,
    *,
    fields: Mapping[str, Any],
    reason: str,
    status: ClientStatus | str,
    which: Literal["basic", "personal"],
    selection: HandOverSelection,
    rows: Sequence[ArrearsRow],
    keys: Collection[str],
    deputy_id: UUID | None,
    today: date,
    zone: str = "",
    on: date | None = None,
    retired: bool = False,
    value: Any,
    to_unit: ToUnit = ToUnit.OWNERS,
    expected_version: int | None = None,
    batch_id: UUID | None = None,
) -> None:
    HEARD.append({name: value for name, value in locals().items() if name != "session"})
    if reason == "refuse":
        wrong = Bilingual("不对", "Wrong")
        paths = (("short_name",), ("reason",), ("expected_version",), ("fields", "name"), ("rows", "1", "client_id"),
                 ("elsewhere", "x"), (), ("selection", "client_ids"))  # fmt: skip
        raise InvalidInput(problems=[FieldProblem(path, "wrong", wrong) for path in paths])


LISTEN = mutation_of(
    CommandInfo("tests.listen", Bilingual("听", "Listen"), None, _listen),
    Offer(
        "listen",
        (done(),),
        withheld=("batch_id",),
        kinds={
            "fields": inputs.client_fields(),
            "selection": inputs.hand_over_selection(),
            "rows": inputs.arrears_row(),
        },
    ),
    TEXTS,
    SHOWN,
)
CLIENT = uuid4()
GIVEN: dict[str, Any] = {
    "clientId": str(CLIENT),
    "fields": {"shortName": "华信", "address": None},
    "reason": "核对",
    "status": "ACTIVE",
    "which": "BASIC",
    "selection": {"clientIds": [str(CLIENT)], "unitId": None, "tiers": None},
    "rows": [{"clientId": str(CLIENT), "fields": {"period": "2026-10", "amount": "120", "dueOn": "2026-11-01"}}],
    "keys": ["a", "b"],
    "deputyId": None,
    "value": None,
}


class _NoSession:
    async def flush(self) -> None:
        pass


async def heard(database: Database, mutation: Mutation = LISTEN, **given: Any) -> dict[str, Any]:
    HEARD.clear()
    who = asked(database, uuid4())
    await mutation.call(cast(WriteSession, _NoSession()), who, **read(mutation.arguments, given))
    return HEARD[0]


def test_arguments_have_the_kinds_of_parameters() -> None:
    shown = {one.name: (one.kind, one.required, one.listed, one.default) for one in LISTEN.arguments}
    assert shown["clientId"] == (ID, True, False, None)
    assert shown["reason"] == (STRING, True, False, None)
    assert shown["keys"] == (STRING, True, True, None)
    assert shown["on"] == (DATE, False, False, None)
    assert shown["retired"] == (BOOLEAN, False, False, False)
    assert shown["version"] == (INT, False, False, None)
    assert shown["deputyId"] == (ID, False, False, None)
    assert shown["value"] == (JSON, False, False, None)
    assert not {"today", "zone", "batchId", "expectedVersion"} & set(shown)
    for name, of in (("status", "ClientStatus"), ("which", "ClientProfile"), ("toUnit", "HandOverUnit")):
        kind = shown[name][0]
        assert isinstance(kind, EnumKind)
        assert kind.name == of
    for name, of in (("fields", "ClientFields"), ("selection", "HandOverSelection"), ("rows", "ArrearsRow")):
        shape = shown[name][0]
        assert isinstance(shape, InputObject)
        assert shape.name == of


async def test_only_what_was_given_is_passed(database: Database) -> None:
    values = await heard(database, **GIVEN)
    assert values["fields"] == {"short_name": "华信", "address": None}
    assert values["selection"] == HandOverSelection(client_ids=(CLIENT,))
    (row,) = values["rows"]
    assert row == ArrearsRow(CLIENT, {"period": "2026-10", "amount": 120, "due_on": date(2026, 11, 1)})
    assert (values["status"], values["which"], values["keys"]) == ("active", "basic", ["a", "b"])
    assert (values["deputy_id"], values["value"], values["expected_version"], values["on"]) == (None, None, None, None)
    assert (values["today"], values["zone"], values["to_unit"]) == (DAY, "Asia/Shanghai", ToUnit.OWNERS)


async def test_nulls_that_mean_nothing_are_left_out(database: Database) -> None:
    values = await heard(database, **GIVEN, retired=None, toUnit=None, on=None, version=3)
    assert (values["retired"], values["to_unit"], values["on"], values["expected_version"]) == (
        False,
        ToUnit.OWNERS,
        None,
        3,
    )
    assert (await heard(database, **GIVEN, toUnit="KEEP"))["to_unit"] is ToUnit.KEEP


async def test_what_may_be_null_must_still_be_said(database: Database) -> None:
    for name in ("deputyId", "value"):
        given = {key: value for key, value in GIVEN.items() if key != name}
        with pytest.raises(InvalidInput) as refused:
            await heard(database, **given)
        assert refused.value.problems[0].code == "missing"


async def test_problems_name_the_input(database: Database) -> None:
    with pytest.raises(InvalidInput) as refused:
        await heard(database, **{**GIVEN, "reason": "refuse"})
    assert [problem.path for problem in refused.value.problems] == [
        ("fields", "short_name"),
        ("reason",),
        ("version",),
        ("fields", "name"),
        ("rows", "1", "client_id"),
        ("fields", "elsewhere", "x"),
        (),
        ("selection", "client_ids"),
    ]


def test_unknown_types_are_refused() -> None:
    with pytest.raises(TypeError):
        kind_of(bytes, None)


def test_dataclasses_take_what_is_given() -> None:
    made = dataclass_of(HandOverSelection, {"client_ids": [CLIENT], "with_units_below": None, "owner_id": None})
    assert made == HandOverSelection((CLIENT,))
