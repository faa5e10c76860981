"""Options that several groups of commands take."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

Descending = Annotated[bool, typer.Option("--descending", help="倒序。The other way round.")]
Size = Annotated[int, typer.Option("--size", help="每页条数。Rows of a page.")]
Cursor = Annotated[str | None, typer.Option("--cursor", help="上一页给出的位置。From the page before.")]
Reveal = Annotated[
    bool, typer.Option("--reveal", help="显示完整的敏感信息（留痕）。Unmask what one's scope allows; on record.")
]
Since = Annotated[datetime | None, typer.Option("--since", formats=["%Y-%m-%d"], help="从哪天起。From this day on.")]
Until = Annotated[
    datetime | None, typer.Option("--until", formats=["%Y-%m-%d"], help="到哪天为止（不含）。Before this day.")
]
Reason = Annotated[str, typer.Option("--reason", help="原因。Why.")]
ReasonIfAny = Annotated[str | None, typer.Option("--reason", help="原因。Why.")]


def day_of(given: datetime | None) -> date | None:
    """The day that an option names."""
    return None if given is None else given.date()


def moment_of(given: datetime | None, zone: str) -> datetime | None:
    """The first moment of the day that an option names, in the tenant's zone."""
    return None if given is None else given.replace(tzinfo=ZoneInfo(zone))
