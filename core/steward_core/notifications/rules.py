"""Kinds of notices, who sends what by default, and quiet hours."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from steward_core.notifications.models import DAY_MINUTES
from steward_tenants.errors import invalid
from steward_tenants.texts import Bilingual

EMAIL = "email"
_KEY = re.compile(r"[a-z][a-z0-9_.]{0,63}")
_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")


@dataclass(frozen=True)
class NoticeKind:
    """A kind of notice. `channels` are those by which it goes out unless the person wishes otherwise; every notice
    stands in the inbox."""

    key: str
    title: Bilingual
    channels: frozenset[str]


NOTICE_KINDS: dict[str, NoticeKind] = {}


def declare_notice(key: str, zh: str, en: str, channels: Collection[str] = (EMAIL,)) -> NoticeKind:
    """Declare a kind; a key stands once."""
    if not _KEY.fullmatch(key):
        raise ValueError(f"{key!r} is no key for a kind of notice")
    if key in NOTICE_KINDS:
        raise ValueError(f"kind of notice {key} is declared twice")
    NOTICE_KINDS[key] = NoticeKind(key, Bilingual(zh, en), frozenset(channels))
    return NOTICE_KINDS[key]


@dataclass(frozen=True)
class Quiet:
    """A daily span in which nothing is sent: minutes after midnight, past midnight when `ends` is the smaller."""

    starts: int
    ends: int

    def covers(self, minute: int) -> bool:
        """Whether a minute of the day is within it."""
        if self.starts < self.ends:
            return self.starts <= minute < self.ends
        return minute >= self.starts or minute < self.ends

    def end_after(self, now: datetime, zone: ZoneInfo) -> datetime | None:
        """When the quiet hours that `now` falls into end, in UTC; None outside of them.

        A clock time that a change of the clocks skips is taken as the moment of the change or later; of one that
        comes twice, the first that is still ahead.
        """
        local = now.astimezone(zone)
        if not self.covers(local.hour * 60 + local.minute):
            return None
        wanted = time(*divmod(self.ends, 60))
        for ahead in (0, 1):
            day = local.date() + timedelta(days=ahead)
            for fold in (0, 1):
                end = datetime.combine(day, wanted, zone).replace(fold=fold).astimezone(UTC)
                if end > now:
                    return end
        raise AssertionError("one of two days' ends lies ahead")


def read_clock(text: str, path: str) -> int:
    """Minutes after midnight of `HH:MM`. Raises InvalidInput."""
    found = _CLOCK.fullmatch(text.strip())
    if found is None:
        raise invalid(path, "clock", "请使用 24 小时制 HH:MM，例如 22:00。", "Use HH:MM of 24 hours, such as 22:00.")
    return int(found[1]) * 60 + int(found[2])


def clock(minute: int) -> str:
    """`HH:MM` of minutes after midnight."""
    return "{:02}:{:02}".format(*divmod(minute % DAY_MINUTES, 60))
