"""Kinds of jobs: what a worker does for each, in which queue, and how patiently."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from tempfile import gettempdir
from typing import Any
from uuid import UUID

from steward_tenants.database.database import Database
from steward_tenants.database.session import WriteSession
from steward_tenants.files.store import FileStore
from steward_tenants.outbox.rules import check_name
from steward_tenants.signin.mail import Mailer
from steward_tenants.texts import Bilingual

Payload = Mapping[str, Any]


class Queue(StrEnum):
    """How urgent a job is. `urgent`: somebody waits for it. `bulk`: it may take its time."""

    URGENT = "urgent"
    NORMAL = "normal"
    BULK = "bulk"


@dataclass(frozen=True)
class JobTools:
    """What a job may use beside its tenant's data: the file store, the mailer, a folder of this machine for copies, and
    the address under which people reach the product."""

    files: FileStore
    mailer: Mailer
    public_url: str
    spool: Path = field(default_factory=lambda: Path(gettempdir()))


@dataclass(frozen=True)
class JobPlace:
    """Where a job works that opens sessions of its own: only ever those of its tenant. `attempt` counts from 1."""

    database: Database
    tenant_id: UUID
    tools: JobTools
    job_id: UUID
    attempt: int


InSession = Callable[[WriteSession, Payload, JobTools], Awaitable[None]]
"""Does a job in the transaction that also marks it as done."""
Beside = Callable[[JobPlace, Payload], Awaitable[bool]]
"""Does a job, or a part of it, in transactions of its own, each of which may be done again without harm. False: there
is more to do, and others should have their turn first."""


@dataclass(frozen=True)
class JobKind:
    """A kind of job. One of `in_session` and `beside` does it. After `most_attempts` failures it is dead until a person
    retries it; `seconds` and `megabytes` bound one attempt."""

    key: str
    title: Bilingual
    queue: Queue
    in_session: InSession | None = None
    beside: Beside | None = None
    most_attempts: int = 8
    seconds: float = 300.0
    megabytes: int = 512


JOB_KINDS: dict[str, JobKind] = {}


def declare_job(
    key: str,
    zh: str,
    en: str,
    queue: Queue = Queue.NORMAL,
    *,
    in_session: InSession | None = None,
    beside: Beside | None = None,
    most_attempts: int = 8,
    seconds: float = 300.0,
    megabytes: int = 512,
) -> JobKind:
    """Declare a kind; a key stands once."""
    check_name("kind", key)
    if key in JOB_KINDS:
        raise ValueError(f"job kind {key} is declared twice")
    if (in_session is None) is (beside is None):
        raise ValueError(f"job kind {key}: either in_session or beside does it")
    kind = JobKind(key, Bilingual(zh, en), queue, in_session, beside, most_attempts, seconds, megabytes)
    JOB_KINDS[key] = kind
    return kind
