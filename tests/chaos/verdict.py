"""What must be so when everything has come back: all is done, and each thing once."""

from __future__ import annotations

import time

from steward_tenants.audit.verification import verify
from tests.chaos.months import MANAGERS, PAID, result, undisturbed
from tests.chaos.place import WITHIN, Place
from tests.chaos.work import ENDING, ROWS, STALE, Work

OPEN = {
    "jobs": """select kind, status, attempts, due, error, payload from app.outbox_job
        where status = 'dead' or status = 'waiting' and (due <= now() or attempts > 0 or error is not null)""",
    "runs": "select kind, status, done, total, error, held_until from app.run where status <> 'done'",
    "imports": "select status, error_file_id from app.import_batch where status <> 'applied'",
    "gradings": "select status from app.grading where status <> 'preview'",
    "months": "select status from app.business_month where status <> 'closed'",
    "pay": """select m.tenant_id from app.business_month m where m.status = 'closed' and not exists (
        select from app.pay_run p where p.tenant_id = m.tenant_id and p.status = 'draft')""",
    "firings": """select s.key from app.schedule s where s.next_at is null
        or not exists (select from app.schedule_firing f where f.schedule_id = s.id)""",
    "events": """select count(*) from app.audit_event e where e.id not in (
        select unnest(event_ids) from app.audit_seal) having count(*) > 0""",
    "doorbells": "select queue, due from directory.doorbell where due <= now()",
}
"""What is left to do, in each of several senses."""
TWICE = {
    "clients": "select tenant_id, code, count(*) from app.client group by 1, 2 having count(*) > 1",
    "ownerships": "select client_id, count(*) from app.client_ownership group by 1 having count(*) <> 1",
    "effects": "select batch_id, row_number, count(*) from app.import_effect group by 1, 2 having count(*) > 1",
    "notices": "select user_id, kind, count(*) from app.notice group by 1, 2 having count(*) > 1",
    "events": """select action, subject_id, count(*) from app.audit_event
        where action in ('imports.start', 'imports.apply', 'imports.applied', 'gradings.request', 'gradings.compute',
        'clients.note.write', 'runs.request', 'months.open', 'months.close', 'incentives.run.request') group by 1, 2 having count(*) > 1""",
    "firings": "select schedule_id, count(*) from app.schedule_firing group by 1 having count(*) <> 1",
    "results": "select batch_id, client_id, count(*) from app.form_record group by 1, 2 having count(*) <> 1",
    "plans": "select owner_id, month, count(*) from app.visit_plan group by 1, 2 having count(*) > 1",
    "actions": "select client_id, source, count(*) from app.plan_action group by 1, 2 having count(*) > 1",
    "scores": "select owner_id, month, count(*) from app.month_score group by 1, 2 having count(*) > 1",
    "statements": "select person_id, month, count(*) from app.pay_statement group by 1, 2 having count(*) > 1",
    "notes": "select body, count(*) from app.client_note group by 1 having count(*) > 1",
    "jobs of firings": """select f.id from app.schedule_firing f join app.outbox_job j on j.id = f.job_id
        where j.status <> 'done'""",
}


def left(place: Place) -> dict[str, list[dict[str, object]]]:
    """What is left to do."""
    return {name: found for name, statement in OPEN.items() if (found := place.rows(statement))}


async def finished(work: Work) -> float:
    """Wait until all is done; how long it took. Raises AssertionError."""
    begun = time.monotonic()
    place = work.place
    answered = False
    while True:
        await work.go_on()
        answered = answered or work.caller.finish(0.0)
        rest = left(place)
        if answered and not rest and all(one.applied for one in work.imports) and all(one.asked for one in work.months):
            return time.monotonic() - begun
        assert time.monotonic() - begun < WITHIN, f"not done: {rest}; the API: {answered or work.caller.last}"
        await place.pause(0.25)


async def judge(work: Work) -> None:
    """Nothing is lost, nothing doubled. Raises AssertionError."""
    place = work.place
    twice = {name: found for name, statement in TWICE.items() if (found := place.rows(statement))}
    assert not twice, twice
    _judge_imports(work)
    _judge_notices(work)
    _judge_notes(work)
    expected = await work.expected()
    for one in work.gradings:
        assert await work.results(one) == expected
    await _judge_months(work)
    for tenant_id in (work.tobacco, work.other, *(one.tenant_id for one in work.months)):
        report = await verify(place.database, tenant_id)
        assert report.intact, report.findings
        assert report.events


def _judge_imports(work: Work) -> None:
    rows = work.place.rows(
        """select b.id, b.counts,
             (select count(*) from app.import_effect e where e.batch_id = b.id and e.outcome = 'created') as effects,
             (select count(*) from app.audit_event e where e.subject_id = b.id and e.action = 'imports.applied') as told
           from app.import_batch b"""
    )
    assert {row["id"] for row in rows} == {one.batch_id for one in work.imports}
    for row in rows:
        assert (row["counts"]["created"], row["effects"], row["told"]) == (ROWS, ROWS, 1), row
    found = work.place.rows("select tenant_id, code from app.client where code like 'I%%'")
    wanted = {(one.tenant_id, f"{one.prefix}-{number}") for one in work.imports for number in range(ROWS)}
    assert {(row["tenant_id"], row["code"]) for row in found} == wanted


async def _judge_months(work: Work) -> None:
    """Plans, actions, scores and statements as in a company that nobody disturbed, and paid to the fen."""
    place = work.place
    calm = await undisturbed(place.database, place.tools)
    assert (calm["visit_plan"], calm["pay_statement"], calm["paid"]) == (MANAGERS, MANAGERS, MANAGERS * PAID)
    assert work.months
    for one in work.months:
        assert await result(place.database, one) == calm


def _judge_notices(work: Work) -> None:
    rows = work.place.rows("select user_id, kind, title_en from app.notice where kind like 'clients.%%'")
    told = {(row["user_id"], row["kind"], row["title_en"]) for row in rows}
    wanted = {
        (owner, kind, title)
        for owner in work.owners
        for kind, title in (
            ("clients.profiles_stale", f"Profiles to be confirmed: {STALE} clients"),
            ("clients.contracts_ending", f"Contracts that end soon: {ENDING}"),
        )
    }
    assert told == wanted, (len(told), len(wanted))


def _judge_notes(work: Work) -> None:
    caller = work.caller
    assert not caller.wrong, caller.wrong
    assert caller.answers
    rows = work.place.rows(
        """select n.id::text, n.body, (select count(*) from app.audit_event e where e.subject_id = n.id
             and e.action = 'clients.note.write') as told from app.client_note n"""
    )
    assert {row["body"].split()[-1]: row["id"] for row in rows} == caller.answers
    assert {row["told"] for row in rows} == {1}
