"""Verification finds every way to tamper with a log, and nothing in a log that was left alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from steward_tenants.audit.anchors import export_anchors, read_anchors
from steward_tenants.audit.errors import AnchorsUnreadable
from steward_tenants.audit.queries import contents_of
from steward_tenants.audit.report import VerificationReport
from steward_tenants.audit.rules import batch_digest, chained, genesis, in_seal_order
from steward_tenants.audit.verification import verify
from steward_tenants.database.database import Database
from steward_tenants.errors import TenantNotFound
from tests.audit.logbook import Logbook
from tests.factories import TESTS, make_tenant

TENANT = "tenant_id = %(tenant)s"
SECOND = f"(select event_ids[2] from app.audit_seal where {TENANT} and batch = 2)"


async def kinds(log: Logbook, anchors: list[bytes] | None = None) -> list[str]:
    return [finding.kind.value for finding in (await report_of(log, anchors)).findings]


async def report_of(log: Logbook, anchors: list[bytes] | None = None) -> VerificationReport:
    given = None if anchors is None else read_anchors(anchors, log.tenant_id)
    return await verify(log.database, log.tenant_id, anchors=given)


async def exported(log: Logbook) -> list[bytes]:
    chunks = [chunk async for chunk in export_anchors(log.database, log.tenant_id)]
    return b"".join(chunks).splitlines()


async def test_an_untouched_log_is_intact(log: Logbook) -> None:
    await log.batches(3, events=4)
    seen: list[tuple[int, int]] = []
    report = await verify(
        log.database,
        log.tenant_id,
        anchors=read_anchors(await exported(log), log.tenant_id),
        progress=lambda done, total: seen.append((done, total)),
    )
    assert report.intact
    assert (report.batches, report.events, report.last_batch, report.exported_anchors) == (3, 12, 3, 3)
    assert report.last_chain == (await log.seals())[-1].chain
    assert (report.tail.events, report.warnings, report.expired_batches) == (0, [], 0)
    assert seen[-1] == (3, 3)


async def test_an_empty_log_is_intact(log: Logbook) -> None:
    report = await report_of(log)
    assert report.intact
    assert report.batches == 0


async def test_an_unknown_tenant_is_refused(database: Database) -> None:
    with pytest.raises(TenantNotFound):
        await verify(database, UUID(int=1))


async def test_the_unsealed_tail_is_reported_and_is_no_finding(log: Logbook) -> None:
    await log.batches(1)
    await log.write(2)
    report = await report_of(log)
    assert report.intact
    assert report.tail.events == 2
    assert report.tail.oldest_at is not None
    assert 0 <= report.tail.oldest_seconds < 60
    assert report.warnings == []


async def test_an_old_tail_earns_a_warning(log: Logbook) -> None:
    await log.write()
    log.tamper(f"update app.audit_event set at = at - interval '5 minutes' where {TENANT}")
    report = await report_of(log)
    assert report.intact
    assert [warning.kind for warning in report.warnings] == ["tail_old"]
    assert report.warnings[0].text.zh


async def test_a_seal_that_waits_for_its_anchor_is_a_warning(log: Logbook) -> None:
    await log.batches(1)
    await log.write()
    await log.seal_without_anchor()
    report = await report_of(log)
    assert report.intact
    assert [warning.kind for warning in report.warnings] == ["anchor_pending"]


@pytest.mark.parametrize(
    "change",
    [
        """changes = '{"number": [null, 7]}'""",
        "changes = changes || '{\"more\": 1}'",
        "actor_id = gen_random_uuid()",
        "actor_label = '别人'",
        "actor_kind = 'user'",
        "action = 'test.other'",
        "subject_kind = 'other'",
        "subject_id = gen_random_uuid()",
        "reason = ''",
        "request_id = request_id || ' '",
    ],
)
async def test_an_edited_event_is_found(log: Logbook, change: str) -> None:
    await log.batches(3)
    assert log.tamper(f"update app.audit_event set {change} where {TENANT} and id = {SECOND}") == 1
    report = await report_of(log)
    assert [(finding.kind, finding.batch) for finding in report.findings] == [("event_edited", 2)]


async def test_a_time_moved_a_little_is_found(log: Logbook) -> None:
    await log.batches(3)
    assert (
        log.tamper(f"update app.audit_event set at = at + interval '1 microsecond' where {TENANT} and id = {SECOND}")
        == 1
    )
    assert await kinds(log) == ["event_edited"]


@pytest.mark.parametrize("by", ["3 hours", "-3 hours", "20 days", "-20 days"])
async def test_a_time_moved_far_is_found(log: Logbook, by: str) -> None:
    await log.batches(3)
    assert log.tamper(f"update app.audit_event set at = at + %(v0)s where {TENANT} and id = {SECOND}", by_days(by))
    assert await kinds(log) == ["event_deleted", "event_unsealed"]


def by_days(text: str) -> timedelta:
    number, unit = text.split()
    return timedelta(**{unit: int(number)})


async def test_two_events_with_exchanged_contents_are_found(log: Logbook) -> None:
    await log.batches(3)
    first, second = (await log.seals())[1].event_ids[:2]
    log.tamper(
        "update app.audit_event e set changes = o.changes, request_id = o.request_id from app.audit_event o"
        f" where e.{TENANT} and o.{TENANT} and e.id = any(%(v0)s) and o.id = any(%(v0)s) and e.id <> o.id",
        [first, second],
    )
    assert await kinds(log) == ["event_edited"]


async def test_two_events_with_exchanged_ids_are_found(log: Logbook) -> None:
    await log.batches(2)
    first, second = (await log.seals())[1].event_ids[:2]
    log.tamper("update app.audit_event set id = %(v1)s where id = %(v0)s", first, UUID(int=5))
    log.tamper("update app.audit_event set id = %(v1)s where id = %(v0)s", second, first)
    log.tamper("update app.audit_event set id = %(v1)s where id = %(v0)s", UUID(int=5), second)
    assert await kinds(log) == ["event_edited"]


async def test_a_deleted_event_is_found(log: Logbook) -> None:
    await log.batches(3)
    gone = (await log.seals())[1].event_ids[1]
    log.tamper("delete from app.audit_event where id = %(v0)s", gone)
    report = await report_of(log)
    assert [(f.kind, f.batch, f.event_ids) for f in report.findings] == [("event_deleted", 2, (gone,))]


async def test_an_event_removed_from_its_seal_too_is_found(log: Logbook) -> None:
    await log.batches(3)
    gone = (await log.seals())[1].event_ids[1]
    log.tamper("delete from app.audit_event where id = %(v0)s", gone)
    log.tamper(
        f"update app.audit_seal set event_ids = array_remove(event_ids, %(v0)s) where {TENANT} and batch = 2", gone
    )
    assert set(await kinds(log)) == {"event_edited", "anchor_differs"}


@pytest.mark.parametrize("age", ["0 seconds", "2 hours", "20 days"])
async def test_an_inserted_event_is_found(log: Logbook, age: str) -> None:
    await log.batches(3)
    inserted = UUID(int=log.tenant_id.int ^ 1)
    assert log.tamper(
        "insert into app.audit_event select tenant_id, at - %(v0)s::interval, %(v1)s, action, actor_kind, actor_id,"
        f" actor_label, subject_kind, subject_id, changes, reason, request_id from app.audit_event where id = {SECOND}",
        age,
        inserted,
    )
    report = await report_of(log)
    assert [(finding.kind, finding.event_ids) for finding in report.findings] == [("event_unsealed", (inserted,))]


async def test_an_event_inserted_for_one_deleted_is_found(log: Logbook) -> None:
    await log.batches(3)
    log.tamper(f"update app.audit_event set id = gen_random_uuid() where {TENANT} and id = {SECOND}")
    assert await kinds(log) == ["event_deleted", "event_unsealed"]


async def test_a_deleted_seal_is_found(log: Logbook) -> None:
    await log.batches(3)
    log.tamper(f"delete from app.audit_seal where {TENANT} and batch = 2")
    assert set(await kinds(log)) == {"batch_missing", "chain_broken", "event_unsealed"}


async def test_a_batch_deleted_with_its_events_and_its_anchor_is_found(log: Logbook) -> None:
    await log.batches(3)
    log.tamper(
        "delete from app.audit_event where id = any((select event_ids from app.audit_seal"
        f" where {TENANT} and batch = 2)::uuid[])"
    )
    log.tamper(f"delete from app.audit_seal where {TENANT} and batch = 2")
    log.tamper(f"delete from directory.audit_anchor where {TENANT} and batch = 2")
    assert set(await kinds(log)) == {"batch_missing", "chain_broken"}


async def test_exchanged_batches_are_found(log: Logbook) -> None:
    await log.batches(4)
    for old, new in ((2, 100), (3, 2), (100, 3)):
        log.tamper(f"update app.audit_seal set batch = %(v1)s where {TENANT} and batch = %(v0)s", old, new)
    assert set(await kinds(log)) == {"chain_broken", "anchor_differs"}


async def test_renumbered_batches_are_found(log: Logbook) -> None:
    await log.batches(3)
    log.tamper(f"delete from app.audit_seal where {TENANT} and batch = 2")
    log.tamper(f"update app.audit_seal set batch = 2 where {TENANT} and batch = 3")
    assert {"chain_broken", "anchor_differs", "end_truncated", "event_unsealed"} == set(await kinds(log))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("previous = sha256('')", {"chain_broken"}),
        ("digest = sha256('')", {"chain_broken", "event_edited"}),
        ("chain = sha256('')", {"chain_broken", "anchor_differs"}),
        ("first_at = first_at - interval '1 hour'", {"seal_altered"}),
        ("last_at = last_at + interval '1 hour'", {"seal_altered"}),
        ("sealed_at = sealed_at - interval '1 hour'", {"anchor_differs"}),
        ("event_ids = array[event_ids[2], event_ids[1], event_ids[3]]", {"seal_altered"}),
        ("event_ids = event_ids || event_ids[1]", {"seal_altered", "anchor_differs"}),
    ],
)
async def test_an_altered_seal_is_found(log: Logbook, change: str, expected: set[str]) -> None:
    await log.batches(3)
    assert log.tamper(f"update app.audit_seal set {change} where {TENANT} and batch = 2") == 1
    assert set(await kinds(log)) == expected


async def test_a_truncated_end_is_found(log: Logbook) -> None:
    await log.batches(3)
    truncate(log, 3)
    report = await report_of(log)
    assert [(finding.kind, finding.batch) for finding in report.findings] == [("end_truncated", 3)]


def truncate(log: Logbook, batch: int) -> None:
    log.tamper(
        "delete from app.audit_event where id = any((select event_ids from app.audit_seal"
        f" where {TENANT} and batch = %(v0)s)::uuid[])",
        batch,
    )
    log.tamper(f"delete from app.audit_seal where {TENANT} and batch = %(v0)s", batch)


async def test_an_end_truncated_with_its_anchor_is_found_by_the_exported_ones(log: Logbook) -> None:
    await log.batches(3)
    kept = await exported(log)
    truncate(log, 3)
    log.tamper(f"delete from directory.audit_anchor where {TENANT} and batch = 3")
    assert await kinds(log) == []
    assert await kinds(log, kept) == ["end_truncated"]


async def test_a_log_deleted_whole_is_found_by_the_exported_anchors(log: Logbook) -> None:
    await log.batches(2)
    kept = await exported(log)
    for table in ("app.audit_event", "app.audit_seal", "directory.audit_anchor"):
        log.tamper(f"delete from {table} where {TENANT}")
    assert await kinds(log, kept) == ["end_truncated"]


async def rewrite(log: Logbook, anchors: bool) -> None:
    """Edit an event and compute all seals anew, as somebody would who knows the form and owns the database."""
    log.tamper(f"update app.audit_event set actor_label = '别人' where {TENANT} and id = {SECOND}")
    previous = genesis(log.tenant_id)
    for seal in await log.seals():
        async with log.database.read(log.tenant_id, TESTS) as session:
            found = await contents_of(session, seal.event_ids, seal.first_at, seal.last_at)
        digest = batch_digest(in_seal_order(found.values()))
        chain = chained(previous, seal.batch, digest)
        log.tamper(
            "update app.audit_seal set previous = %(v1)s, digest = %(v2)s, chain = %(v3)s"
            f" where {TENANT} and batch = %(v0)s",
            seal.batch,
            previous,
            digest,
            chain,
        )
        if anchors:
            log.tamper(
                f"update directory.audit_anchor set chain = %(v1)s where {TENANT} and batch = %(v0)s",
                seal.batch,
                chain,
            )
        previous = chain


async def test_seals_rewritten_from_scratch_are_found_by_the_anchors(log: Logbook) -> None:
    await log.batches(3)
    await rewrite(log, anchors=False)
    assert await kinds(log) == ["anchor_differs", "anchor_differs"]


async def test_seals_and_anchors_rewritten_are_found_by_the_exported_anchors(log: Logbook) -> None:
    await log.batches(3)
    kept = await exported(log)
    await rewrite(log, anchors=True)
    assert await kinds(log) == []
    assert await kinds(log, kept) == ["anchor_differs", "anchor_differs"]


async def test_a_missing_anchor_is_found(log: Logbook) -> None:
    await log.batches(3)
    log.tamper(f"delete from directory.audit_anchor where {TENANT} and batch >= 2")
    assert await kinds(log) == ["anchor_missing", "anchor_missing"]


@pytest.mark.parametrize("change", ["chain = sha256('')", "events = events + 1"])
async def test_an_edited_anchor_is_found(log: Logbook, change: str) -> None:
    await log.batches(2)
    log.tamper(f"update directory.audit_anchor set {change} where {TENANT} and batch = 1")
    assert await kinds(log) == ["anchor_differs"]


async def test_events_sealed_twice_are_found(log: Logbook) -> None:
    await log.batches(2)
    log.tamper(
        "update app.audit_seal set event_ids = (select event_ids from app.audit_seal"
        f" where {TENANT} and batch = 1), first_at = (select first_at from app.audit_seal where {TENANT} and batch = 1)"
        f" where {TENANT} and batch = 2"
    )
    assert {"event_edited", "event_unsealed"} == set(await kinds(log))


async def test_verification_while_events_are_sealed_finds_nothing(
    log: Logbook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Events, seals and anchors of two databases' worth of transactions are never all in one view."""
    await log.batches(1)
    await log.write(2)
    sealed = False

    async def seal_meanwhile(session: Any, *rest: Any) -> Any:
        nonlocal sealed
        if not sealed:
            sealed = True
            await log.seal()
            await log.write(1)
        return await contents_of(session, *rest)

    monkeypatch.setattr("steward_tenants.audit.verification.contents_of", seal_meanwhile)
    report = await report_of(log)
    assert report.intact
    assert sealed
    assert (report.batches, report.tail.events) == (1, 0)


async def test_events_much_older_than_the_batch_before_are_remarked(log: Logbook) -> None:
    """What a superuser slips in together with a doorbell is sealed as if it were new."""
    await log.batches(1)
    await log.write()
    log.tamper(
        "update app.audit_event set at = at - interval '3 days'"
        f" where {TENANT} and id in (select job_id from directory.doorbell where {TENANT})"
    )
    log.tamper(f"update directory.doorbell set due = due - interval '3 days' where {TENANT}")
    await log.seal()
    report = await report_of(log)
    assert report.intact
    assert [warning.kind for warning in report.warnings] == ["backdated"]


async def test_a_report_is_told_in_both_languages(log: Logbook) -> None:
    await log.batches(1)
    log.tamper(f"delete from directory.audit_anchor where {TENANT}")
    log.tamper(f"delete from app.audit_event where {TENANT}")
    report = await report_of(log)
    chinese, english = report.as_dict("zh-CN"), report.as_dict("en")
    assert not chinese["intact"]
    assert chinese["findings"][0]["text"] == "批次 1 缺少锚点。"
    assert english["findings"][1]["text"] == "3 events of batch 1 were deleted or moved in time."
    assert json.loads(json.dumps(chinese)) == chinese


async def test_a_finding_says_which_anchor_differs(log: Logbook) -> None:
    await log.batches(1)
    log.tamper(f"update directory.audit_anchor set events = 9 where {TENANT}")
    text = (await report_of(log)).findings[0].text
    assert text == ("批次 1 与目录中的锚点不一致。", "Batch 1 differs from the directory's anchor.")


@pytest.mark.parametrize(
    "damage",
    [
        lambda lines: [lines[0][:-5], *lines[1:]],
        lambda lines: [*lines, b"[]"],
        lambda lines: [b"null", *lines],
        lambda lines: [lines[1], lines[0]],
        lambda lines: lines[:1] * 2,
        lambda lines: [lines[0].replace(b'"chain":"', b'"chain":"x')],
        lambda lines: [lines[0][:0] + b"\xff\xfe"],
    ],
)
async def test_a_damaged_anchors_file_is_refused(log: Logbook, damage: Callable[[list[bytes]], list[bytes]]) -> None:
    await log.batches(2, events=1)
    with pytest.raises(AnchorsUnreadable):
        await report_of(log, damage(await exported(log)))


async def test_all_tenants_anchors_are_exported_and_one_tenants_read(log: Logbook) -> None:
    other = await make_tenant(log.database)
    await Logbook(log.database, other, "").batches(1, events=1)
    await log.batches(2, events=1)
    lines = b"".join([chunk async for chunk in export_anchors(log.database)]).splitlines()
    assert [anchor.batch for anchor in read_anchors(lines, log.tenant_id)] == [1, 2]
    assert [anchor.batch for anchor in read_anchors(lines, other)] == [1]


async def test_odd_values_are_sealed_and_verified(log: Logbook) -> None:
    odd = {"a": 1.10, "b": '\u2028\t"\\\0\ud800', "嗯": [True, None, 10**30], "": {"z": 1, "aa": 2}}
    await log.write(1, **odd)
    await log.seal()
    assert await kinds(log) == []
