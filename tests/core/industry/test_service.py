"""A plugin's life in a tenant: enable, configure, dry run, upgrade, disable; its secrets."""

from __future__ import annotations

import asyncio
from datetime import date
from pathlib import Path
from typing import Annotated, Any, ClassVar
from uuid import UUID

import pytest
from pydantic import Field
from sqlalchemy import select

from steward_core.clients.models import ClientKind, ClientTier, Metric
from steward_core.forms.fields import Text, field
from steward_core.forms.form import Form, FormInfo, SubjectKind
from steward_core.forms.models import FormRecord
from steward_core.forms.service import save_record
from steward_core.industry.contributed_rows import RowChanges
from steward_core.industry.declarations import Kind, PluginSettings, Tier
from steward_core.industry.dispatcher import enabled
from steward_core.industry.errors import (
    FaultNotFound,
    PluginEnabledAlready,
    PluginFailed,
    PluginNotEnabled,
    PluginNotInstalled,
    PluginRequirementsMissing,
    PluginsConflict,
    PluginSecretUnreadable,
    PluginStillRequired,
)
from steward_core.industry.models import PluginFault, PluginInstallation
from steward_core.industry.overview import contributions, plugin_overview, settings_of
from steward_core.industry.planning import plan
from steward_core.industry.registry import registered
from steward_core.industry.service import configure, disable, enable, rotate_secrets, settle_fault, upgrade
from steward_core.runs.models import RunStatus
from steward_core.runs.service import RunTools, drive
from steward_tenants.access.permissions import PLUGINS_MANAGE
from steward_tenants.audit.models import AuditEvent
from steward_tenants.database.database import Database
from steward_tenants.database.identifiers import new_id
from steward_tenants.database.session import WriteSession
from steward_tenants.database.signing import NamedKey
from steward_tenants.database.vault import Vault
from steward_tenants.errors import FieldProblem, Forbidden, InvalidInput
from steward_tenants.files.store import LocalFileStore
from steward_tenants.plugins.errors import PluginSwitchChanged
from steward_tenants.plugins.models import PluginSwitch
from steward_tenants.texts import Bilingual
from tests.core.factories import make_client
from tests.core.industry import orchard
from tests.factories import TESTS, actor_with, make_tenant

ADMIN = actor_with(PLUGINS_MANAGE)


async def keys_of(session: WriteSession, table: Any) -> dict[str, tuple[str, bool]]:
    """Plugin and whether retired, by key."""
    return {
        row.key: (row.plugin, row.retired) for row in await session.scalars(select(table).where(session.within(table)))
    }


async def test_enabling_writes_the_switch_the_version_and_the_rows(database: Database) -> None:
    tenant_id = await make_tenant(database)
    with registered(orchard.plugin()):
        async with database.write(tenant_id, ADMIN) as session:
            done = await enable(session, "orchard", settings={"trees": 55})
            assert done.rows["kinds"] == RowChanges(added=("orchard", "nursery"))
        async with database.write(tenant_id, ADMIN) as session:
            (one,) = await enabled(session)
            assert (one.key, one.settings.trees, one.settings.fruit) == ("orchard", 55, "apple")
            assert await keys_of(session, ClientKind) == {"orchard": ("orchard", False), "nursery": ("orchard", False)}
            assert await keys_of(session, ClientTier) == {"gold": ("orchard", False), "plain": ("orchard", False)}
            assert await keys_of(session, Metric) == {"fruit_sold": ("orchard", False)}
            installation = await session.find(PluginInstallation, PluginInstallation.plugin == "orchard")
            assert installation is not None
            assert (installation.plugin_version, installation.forms) == ("1.0.0", {"harvest": 1, "grade": 1})
            switch = await session.find(PluginSwitch, PluginSwitch.plugin == "orchard")
            assert switch is not None
            assert switch.settings == {"trees": 55}
            event = await session.scalar(
                select(AuditEvent.changes).where(session.within(AuditEvent), AuditEvent.action == "plugins.enable")
            )
            assert event["kinds.added"] == [None, ["orchard", "nursery"]]


async def test_keys_that_somebody_has_stay_theirs_and_are_named(database: Database) -> None:
    tenant_id = await make_tenant(database)
    with registered(orchard.plugin(), orchard.other("mill", kinds=(Kind("nursery", Bilingual("磨坊苗圃", "Mill's")),))):
        async with database.write(tenant_id, ADMIN) as session:
            session.add(ClientTier(key="gold", title_zh="自有金牌", title_en="Own gold", rank=9))
            await enable(session, "mill")
            done = await enable(session, "orchard")
        assert done.rows["kinds"] == RowChanges(added=("orchard",), kept=("nursery",))
        assert done.rows["tiers"] == RowChanges(added=("plain",), kept=("gold",))
        async with database.write(tenant_id, ADMIN) as session:
            assert (await keys_of(session, ClientKind))["nursery"] == ("mill", False)
            assert (
                await session.scalar(
                    select(ClientTier.rank).where(session.within(ClientTier), ClientTier.key == "gold")
                )
                == 9
            )


async def test_enabling_needs_the_right_an_installed_plugin_and_is_done_once(database: Database) -> None:
    tenant_id = await make_tenant(database)
    with registered(orchard.plugin()):
        async with database.write(tenant_id, actor_with()) as session:
            with pytest.raises(Forbidden):
                await enable(session, "orchard")
            with pytest.raises(Forbidden):
                await plan(session, "orchard")
        async with database.write(tenant_id, ADMIN) as session:
            with pytest.raises(PluginNotInstalled):
                await enable(session, "moon")
            await enable(session, "orchard")
            with pytest.raises(PluginEnabledAlready):
                await enable(session, "orchard")


async def test_requirements_and_conflicts_are_named(database: Database) -> None:
    tenant_id = await make_tenant(database)
    needy = orchard.plugin(requires=("bakery", "mill"), conflicts=("dairy",))
    mill, dairy = orchard.other("mill"), orchard.other("dairy")
    bakery = orchard.other("bakery", conflicts=("dairy",))
    with registered(needy, mill, bakery, dairy):
        async with database.write(tenant_id, ADMIN) as session:
            with pytest.raises(PluginRequirementsMissing) as missing:
                await enable(session, "orchard")
            assert missing.value.values["missing"] == "bakery, mill"
            await enable(session, "mill")
            await enable(session, "dairy")
            with pytest.raises(PluginsConflict) as conflict:
                await enable(session, "bakery")
            assert conflict.value.values["others"] == "dairy"
            found = await plan(session, "orchard")
            assert (found.missing, found.conflicting) == (("bakery",), ("dairy",))
            await disable(session, "dairy", "换行业")
            await enable(session, "bakery")
            with pytest.raises(PluginsConflict) as other_way_round:
                await enable(session, "dairy")
            assert other_way_round.value.values["others"] == "bakery"
            await enable(session, "orchard")
            with pytest.raises(PluginStillRequired) as required:
                await disable(session, "mill", "不再需要")
            assert required.value.values["others"] == "orchard"


async def test_every_bad_setting_is_named_and_nothing_is_written(database: Database) -> None:
    tenant_id = await make_tenant(database)
    with registered(orchard.plugin()):
        with pytest.raises(InvalidInput) as refused:
            async with database.write(tenant_id, ADMIN) as session:
                await enable(session, "orchard", settings={"trees": "many", "fruit": 3, "moon": 1})
        with pytest.raises(InvalidInput, match="invalid_input"):
            async with database.write(tenant_id, ADMIN) as session:
                await enable(session, "orchard", settings={"fruit": "x" * 300_000})
        assert [problem.path for problem in refused.value.problems] == [
            ("settings", "trees"),
            ("settings", "fruit"),
            ("settings", "moon"),
        ]
        async with database.read(tenant_id, ADMIN) as reading:
            assert await enabled(reading) == ()
            assert await reading.find(PluginInstallation) is None


async def test_settings_are_changed_one_by_one_and_go_back_to_their_defaults(database: Database) -> None:
    tenant_id = await make_tenant(database)
    with registered(orchard.plugin()):
        async with database.write(tenant_id, ADMIN) as session:
            with pytest.raises(PluginNotEnabled):
                await configure(session, "orchard", {"trees": 1})
            await enable(session, "orchard", settings={"trees": 55})
            switch = await configure(session, "orchard", {"fruit": "pear"}, expected_version=1)
            assert switch.settings == {"trees": 55, "fruit": "pear"}
            with pytest.raises(PluginSwitchChanged):
                await configure(session, "orchard", {"fruit": "plum"}, expected_version=1)
            with pytest.raises(InvalidInput):
                await configure(session, "orchard", {}, reset=("moon",))
            switch = await configure(session, "orchard", {}, reset=("trees",))
            assert switch.settings == {"fruit": "pear"}
            (one,) = await enabled(session)
            assert (one.settings.trees, one.settings.fruit) == (40, "pear")
            states = {state.field.name: (state.value, state.own) for state in await settings_of(session, "orchard")}
            assert states == {"trees": (40, False), "fruit": ("pear", True), "token": ("unset", False)}


async def test_a_plugin_speaks_against_settings(database: Database) -> None:
    tenant_id = await make_tenant(database)
    seen: list[Any] = []

    def settings_changed(before: Any, after: Any) -> list[FieldProblem]:
        seen.append((before and before.trees, after.trees))
        if after.trees > 100:
            return [FieldProblem(("trees",), "too_many", Bilingual("过多。", "Too many."))]
        if after.trees == 13:
            raise RuntimeError("unlucky")
        return []

    with registered(orchard.plugin(hooks={"settings_changed": settings_changed})):
        async with database.write(tenant_id, ADMIN) as session:
            await enable(session, "orchard")
            with pytest.raises(InvalidInput) as refused:
                await configure(session, "orchard", {"trees": 101})
            assert refused.value.problems[0].path == ("settings", "trees")
            with pytest.raises(PluginFailed):
                await configure(session, "orchard", {"trees": 13})
            (one,) = await enabled(session)
            assert one.settings.trees == 40
    assert seen == [(None, 40), (40, 101), (40, 13)]


async def test_secrets_are_encrypted_never_shown_and_encrypted_anew(database: Database) -> None:
    tenant_id = await make_tenant(database)
    new_key = NamedKey("knew", bytes(range(32)))
    with registered(orchard.plugin()):
        async with database.write(tenant_id, ADMIN) as session:
            await enable(session, "orchard", settings={"token": "pear-tree-7"})
        async with database.write(tenant_id, ADMIN) as session:
            switch = await session.find(PluginSwitch, PluginSwitch.plugin == "orchard")
            assert switch is not None
            first = switch.settings["token"]
            assert "pear-tree-7" not in str(switch.settings)
            (one,) = await enabled(session)
            assert one.settings.token.get_secret_value() == "pear-tree-7"
            assert "pear-tree-7" not in repr(one)
            (token,) = [state for state in await settings_of(session, "orchard") if state.secret]
            assert (token.value, token.default) == ("set", "unset")
            await configure(session, "orchard", {"trees": 3})
            assert switch.settings["token"] == first
            assert await rotate_secrets(session) == {}
            session.vault = Vault((new_key, *database.settings.secret_keys))
            assert await rotate_secrets(session) == {"orchard": 1}
            assert switch.settings["token"] != first
            session.vault = Vault((new_key,))
            (one,) = await enabled(session)
            assert one.settings.token.get_secret_value() == "pear-tree-7"
            session.vault = Vault((NamedKey("third", bytes(range(1, 33))),))
            with pytest.raises(PluginSecretUnreadable):
                await rotate_secrets(session)
            texts = str(list(await session.scalars(select(AuditEvent.changes).where(session.within(AuditEvent)))))
            assert "pear-tree-7" not in texts
            assert first not in texts


async def test_a_secret_of_another_tenant_or_plugin_does_not_open(database: Database) -> None:
    one_id, other_id = await make_tenant(database), await make_tenant(database)
    with registered(orchard.plugin()):
        async with database.write(one_id, ADMIN) as session:
            stolen = (await enable(session, "orchard", settings={"token": "mine"})).switch.settings["token"]
        async with database.write(other_id, ADMIN) as session:
            done = await enable(session, "orchard")
            done.switch.settings = {"token": stolen}
            await session.flush()
        async with database.write(other_id, ADMIN) as session:
            assert await enabled(session) == ()
            fault = await session.find(PluginFault)
            assert fault is not None
            assert (fault.hook, fault.error) == ("settings", "Unreadable")
            with pytest.raises(InvalidInput, match="invalid_input"):
                await configure(session, "orchard", {"trees": 4})
            await configure(session, "orchard", {"token": "own"})
            assert [one.key for one in await enabled(session)] == ["orchard"]


async def test_disabling_keeps_what_clients_have_and_enabling_again_brings_the_rest_back(database: Database) -> None:
    tenant_id = await make_tenant(database)
    with registered(orchard.plugin()):
        async with database.write(tenant_id, ADMIN) as session:
            await enable(session, "orchard", settings={"trees": 9})
            make_client(session, kind="orchard", tier="gold")
            with pytest.raises(InvalidInput):
                await disable(session, "orchard", " ")
            done = await disable(session, "orchard", "试用结束")
            assert done.rows["kinds"] == RowChanges(retired=("nursery",), in_use=("orchard",))
            assert done.rows["tiers"] == RowChanges(retired=("plain",), in_use=("gold",))
            assert done.rows["metrics"] == RowChanges(retired=("fruit_sold",))
            assert not any((await contributions(session)).values())
            with pytest.raises(PluginNotEnabled):
                await disable(session, "orchard", "再次")
        async with database.write(tenant_id, ADMIN) as session:
            again = await enable(session, "orchard")
            assert again.rows["kinds"] == RowChanges(changed=("nursery",))
            assert again.switch.settings == {"trees": 9}
            assert (await keys_of(session, ClientKind))["nursery"] == ("orchard", False)


class Later(PluginSettings):
    """The orchard's settings a version later."""

    trees: Annotated[int, field("果树数", "Trees")] = 50
    bees: Annotated[bool, field("是否养蜂", "Bees")] = False


async def test_the_dry_run_says_what_upgrading_then_does(database: Database) -> None:
    tenant_id = await make_tenant(database)
    with registered(orchard.plugin()):
        async with database.write(tenant_id, ADMIN) as session:
            first = await plan(session, "orchard")
            assert (first.enabled, first.before, first.after) == (False, None, "1.0.0")
            assert first.rows["tiers"].added == ("gold", "plain")
            assert [(form.key, form.before, form.after) for form in first.forms] == [
                ("orchard.harvest", None, 1),
                ("orchard.grade", None, 1),
            ]
            assert first.forms[0].indexed == ("fruit",)
            await enable(session, "orchard", settings={"trees": 9, "fruit": "plum"})
            make_client(session, kind="nursery")
            assert not (await plan(session, "orchard")).changes
    later = orchard.plugin(
        version="1.1.0",
        settings=Later,
        kinds=(Kind("orchard", Bilingual("果园（新）", "Orchard")),),
        cadences=(),
        tiers=(
            Tier("gold", Bilingual("金牌", "Gold"), 1),
            Tier("silver", Bilingual("银牌", "Silver"), 2),
        ),
    )
    with registered(later):
        async with database.write(tenant_id, ADMIN) as session:
            found = await plan(session, "orchard")
            assert found.changes
            assert (found.before, found.after) == ("1.0.0", "1.1.0")
            assert found.rows["kinds"] == RowChanges(changed=("orchard",), in_use=("nursery",))
            assert found.rows["tiers"] == RowChanges(added=("silver",), retired=("plain",))
            assert (found.settings.new, found.settings.removed) == (("bees",), ("fruit",))
            (state,) = [one for one in await plugin_overview(session) if one.key == "orchard"]
            assert (state.behind, state.working, state.installed_version) == (True, True, "1.0.0")
            done = await upgrade(session, "orchard")
            assert done.rows == found.rows
            assert done.switch.settings == {"trees": 9}
            assert done.runs == ()
        async with database.write(tenant_id, ADMIN) as session:
            assert not (await plan(session, "orchard")).changes
            again = await upgrade(session, "orchard")
            assert not any(changes.any for changes in again.rows.values())
            (state,) = [one for one in await plugin_overview(session) if one.key == "orchard"]
            assert (state.behind, state.installed_version) == (False, "1.1.0")


class HarvestInKilos(Form):
    """The harvest a version later: kilograms, and never more than a ton."""

    about: ClassVar[FormInfo] = FormInfo(
        "harvest",
        Bilingual("采摘记录", "Harvest"),
        SubjectKind.CLIENT,
        version=2,
        upgrades={1: lambda document: {"fruit": document["fruit"], "kilos": document["baskets"] * 12}},
    )
    fruit: Annotated[Text, field("水果", "Fruit", filterable=True)]
    kilos: Annotated[int, Field(ge=0, le=1000), field("公斤", "Kilograms")]


async def test_an_upgrade_migrates_records_and_goes_on_where_it_stopped(database: Database, tmp_path: Path) -> None:
    tenant_id = await make_tenant(database)
    with registered(orchard.plugin()):
        async with database.write(tenant_id, TESTS) as session:
            await enable(session, "orchard")
            clients = [make_client(session, kind="orchard") for _ in range(3)]
            await session.flush()
            for client, baskets in zip(clients, (1, 5, 500), strict=True):
                values = {"fruit": "pear", "baskets": baskets}
                await save_record(session, "orchard.harvest", client.id, values, today=date(2026, 3, 9))
    with registered(orchard.plugin(version="2.0.0", forms=(HarvestInKilos, orchard.Grade))):
        async with database.write(tenant_id, ADMIN) as session:
            (form, _) = (await plan(session, "orchard")).forms
            assert (form.before, form.after, form.records, form.failing) == (1, 2, 3, 1)
            assert form.examples[0].problems[0].path == ("kilos",)
            assert form.changed_fields == ("baskets", "kilos", "weight")
            (run,) = (await upgrade(session, "orchard")).runs
            assert run.status == RunStatus.WAITING
        async with database.write(tenant_id, ADMIN) as session:
            (again,) = (await upgrade(session, "orchard")).runs
            assert again.id == run.id
            again.status = RunStatus.FAILED
        async with database.write(tenant_id, ADMIN) as session:
            (resumed,) = (await upgrade(session, "orchard")).runs
            assert (resumed.id, resumed.status) == (run.id, RunStatus.WAITING)
        tools = RunTools(LocalFileStore(tmp_path / "files"), tmp_path)
        driven = await drive(database, tenant_id, ADMIN, run.id, tools)
        assert driven.status == RunStatus.DONE
        async with database.write(tenant_id, ADMIN) as session:
            (form, _) = (await plan(session, "orchard")).forms
            assert (form.before, form.after, form.records, form.failing) == (2, 2, 1, 1)
            rows = await session.rows(
                select(FormRecord.form_version, FormRecord.document).where(session.within(FormRecord))
            )
            found = sorted((row.form_version, row.document.get("kilos")) for row in rows if row.form_version == 2)
            assert found == [(2, 12), (2, 60)]
            await disable(session, "orchard", "停用")
            kept = await session.scalars(select(FormRecord.form).where(session.within(FormRecord)))
            assert list(kept) == ["orchard.harvest"] * 3


async def test_two_people_cannot_enable_what_excludes_each_other_at_the_same_time(database: Database) -> None:
    tenant_id = await make_tenant(database)

    async def switch_on(key: str) -> str:
        try:
            async with database.write(tenant_id, ADMIN) as session:
                await enable(session, key)
        except PluginsConflict:
            return "refused"
        return "enabled"

    with registered(orchard.other("mill", conflicts=("dairy",)), orchard.other("dairy")):
        assert sorted(await asyncio.gather(switch_on("mill"), switch_on("dairy"))) == ["enabled", "refused"]


class Strict(PluginSettings):
    """A version that no longer takes what is stored."""

    trees: Annotated[bool, field("是否有树", "Trees")] = True


async def test_stored_settings_that_no_longer_hold_are_a_fault_and_can_be_mended(database: Database) -> None:
    tenant_id = await make_tenant(database)
    with registered(orchard.plugin()):
        async with database.write(tenant_id, ADMIN) as session:
            await enable(session, "orchard", settings={"trees": 9})
    with registered(orchard.plugin(version="2.0.0", settings=Strict, gradings=(), schedules=())):
        async with database.write(tenant_id, ADMIN) as session:
            assert await enabled(session) == ()
            fault = await session.find(PluginFault)
            assert fault is not None
            assert (fault.plugin, fault.hook, fault.error, fault.place) == (
                "orchard",
                "settings",
                "ValidationError",
                "trees",
            )
            (problem,) = (await plan(session, "orchard")).settings.problems
            assert problem.path == ("settings", "trees")
            with pytest.raises(InvalidInput):
                await upgrade(session, "orchard")
            await configure(session, "orchard", {"trees": False})
            assert len(await enabled(session)) == 1


async def test_an_enabled_plugin_that_is_gone_is_a_fault_and_can_be_disabled(database: Database) -> None:
    tenant_id = await make_tenant(database)
    with registered(orchard.plugin()):
        async with database.write(tenant_id, ADMIN) as session:
            await enable(session, "orchard")
    async with database.read(tenant_id, ADMIN) as reading:
        assert await enabled(reading) == ()
    async with database.write(tenant_id, ADMIN) as session:
        assert await enabled(session) == ()
        assert await enabled(session) == ()
        fault = await session.find(PluginFault)
        assert fault is not None
        assert (fault.hook, fault.error, fault.times) == ("load", "PluginNotInstalled", 1)
        (state,) = [one for one in await plugin_overview(session) if one.key == "orchard"]
        assert (state.enabled, state.working, state.version, state.faults) == (True, False, None, 1)
        settled = await settle_fault(session, fault.id)
        assert settled.settled_at is not None
        with pytest.raises(FaultNotFound):
            await settle_fault(session, new_id())
        done = await disable(session, "orchard", "插件已卸载")
        assert done.rows["kinds"].retired == ("nursery", "orchard")


async def test_settings_are_those_of_the_tenant(database: Database) -> None:
    ids: list[UUID] = [await make_tenant(database) for _ in range(2)]
    with registered(orchard.plugin()):
        for number, tenant_id in enumerate(ids):
            async with database.write(tenant_id, ADMIN) as session:
                await enable(session, "orchard", settings={"trees": number})
        for number, tenant_id in enumerate(ids):
            async with database.read(tenant_id, TESTS) as reading:
                assert [one.settings.trees for one in await enabled(reading)] == [number]
