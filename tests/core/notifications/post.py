"""A tenant with people, a mailer that keeps what it is given, and the place of a job."""

from __future__ import annotations

import smtplib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import gettempdir
from uuid import UUID

from sqlalchemy import select

from steward_core.notifications.models import NoticeDelivery
from steward_core.notifications.rules import NOTICE_KINDS, declare_notice
from steward_tenants.database.actor import Actor, ActorKind
from steward_tenants.database.database import Database
from steward_tenants.database.identifiers import new_id
from steward_tenants.files.store import LocalFileStore
from steward_tenants.outbox.jobs import JobPlace, JobTools
from steward_tenants.signin.mail import Letter
from tests.factories import TESTS

LATE, QUIET_KIND = "tests.late", "tests.quiet"
URL = "https://steward.example.test"


@dataclass
class Post:
    """Keeps letters instead of sending them; refuses those for the addresses in `refused`, with their SMTP codes."""

    letters: list[Letter] = field(default_factory=list)
    refused: dict[str, int] = field(default_factory=dict)
    down: bool = False

    async def send(self, letter: Letter) -> None:
        if self.down:
            raise ConnectionRefusedError
        if letter.to in self.refused:
            raise smtplib.SMTPRecipientsRefused({letter.to: (self.refused[letter.to], b"no")})
        self.letters.append(letter)


@contextmanager
def kinds() -> Iterator[None]:
    """Two kinds of notices: one is mailed unless somebody wishes otherwise, the other is not."""
    declare_notice(LATE, "逾期", "Late")
    declare_notice(QUIET_KIND, "安静", "Quiet", ())
    try:
        yield
    finally:
        del NOTICE_KINDS[LATE], NOTICE_KINDS[QUIET_KIND]


def job_place(database: Database, tenant_id: UUID, post: Post) -> JobPlace:
    """Where a job of the tenant works."""
    return JobPlace(database, tenant_id, JobTools(LocalFileStore(Path(gettempdir())), post, URL), new_id(), 1)


def as_person(user_id: UUID) -> Actor:
    """A person of the tenant without any permission."""
    return Actor(ActorKind.USER, user_id, "测试人员")


async def deliveries(database: Database, tenant_id: UUID) -> Counter[str]:
    """How many deliveries there are of each status."""
    async with database.read(tenant_id, TESTS) as session:
        return Counter(await session.scalars(select(NoticeDelivery.status).where(session.within(NoticeDelivery))))
