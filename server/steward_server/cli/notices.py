"""`steward notice`: what a person was told, and how they want to be told."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import typer

from steward_core.notifications.models import Notice
from steward_core.notifications.queries import Preference, notices_of, preferences_of, quiet_hours_of
from steward_core.notifications.service import (
    mark_all_notices_read,
    mark_notice_read,
    set_notice_preference,
    set_quiet_hours,
    told_hours,
)
from steward_server.cli.acting import Acting, Login, TenantKey
from steward_server.cli.commands import import_all
from steward_server.cli.output import AsJson, say, show
from steward_server.cli.tenant_work import reading, writing
from steward_tenants.database.session import ReadSession, WriteSession

app = typer.Typer(no_args_is_help=True, help="通知。Notices.", rich_markup_mode=None)


def notice_row(notice: Notice) -> dict[str, Any]:
    """A notice as it is printed."""
    return {
        "title": f"{notice.title_zh} {notice.title_en}",
        "kind": notice.kind,
        "created_at": notice.created_at,
        "read_at": notice.read_at,
        "subject": None if notice.subject_kind is None else f"{notice.subject_kind} {notice.subject_id or ''}".strip(),
        "id": notice.id,
    }


@app.command("list")
def list_notices(
    tenant: TenantKey,
    login: Login,
    unread: Annotated[bool, typer.Option("--unread", help="只看未读的。Only unread ones.")] = False,
    after: Annotated[
        UUID | None, typer.Option("--after", help="上一页最后一个编号。Last id of the page before.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", help="最多几条。At most so many.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List one's own notices, newest first. 例 example: steward notice list huaxin --login chen.li@huaxin.example"""

    async def task(session: ReadSession, _who: Acting) -> list[dict[str, Any]]:
        return [notice_row(one) for one in await notices_of(session, unread=unread, after=after, limit=limit)]

    show(reading(tenant, login, task), as_json=as_json)


@app.command("read")
def read(
    tenant: TenantKey,
    login: Login,
    notice: Annotated[
        UUID | None, typer.Argument(metavar="NOTICE", help="通知编号；不填为全部。A notice's id; all when left out.")
    ] = None,
) -> None:
    """Mark one notice, or all of one's own, as read.

    例 example: steward notice read huaxin --login chen.li@huaxin.example
    """

    async def task(session: WriteSession, _who: Acting) -> int:
        if notice is None:
            return await mark_all_notices_read(session)
        await mark_notice_read(session, notice)
        return 1

    count = writing(tenant, login, task)
    say(f"已读 {count} 条。 Read: {count}.")


def _preference_row(one: Preference) -> dict[str, Any]:
    return {
        "kind": one.kind.key,
        "title": f"{one.kind.title.zh} {one.kind.title.en}",
        **{name: "on" if wanted else "off" for name, wanted in one.channels.items()},
    }


@app.command("preferences")
def preferences(
    tenant: TenantKey,
    login: Login,
    kind: Annotated[str | None, typer.Option("--kind", help="要设置的通知种类。Kind of notice to set.")] = None,
    channel: Annotated[str, typer.Option("--channel", help="渠道。Channel.")] = "email",
    wanted: Annotated[
        bool | None, typer.Option("--on/--off", help="是否发送；不填恢复默认。Send or not; default when left out.")
    ] = None,
    quiet: Annotated[
        str | None,
        typer.Option(
            "--quiet", metavar="HH:MM-HH:MM", help="免打扰时段；none 取消。Quiet hours; none takes them back."
        ),
    ] = None,
    zone: Annotated[str | None, typer.Option("--zone", help="免打扰时段的时区。Time zone of quiet hours.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show how notices come, and set it: one kind with --kind, the quiet hours with --quiet.

    例 example: steward notice preferences huaxin --quiet 22:00-08:00 --login chen.li@huaxin.example
    """
    import_all()
    starts, _, ends = (quiet or "").partition("-")

    async def task(session: WriteSession, _who: Acting) -> tuple[list[dict[str, Any]], str]:
        if kind is not None:
            await set_notice_preference(session, kind, channel, wanted=wanted)
        if quiet == "none":
            await set_quiet_hours(session)
        elif quiet is not None:
            await set_quiet_hours(session, starts=starts, ends=ends, time_zone=zone)
        hours = await quiet_hours_of(session)
        told = {"starts": "", "ends": "", "zone": None} if hours is None else told_hours(hours)
        span = "—" if hours is None else f"{told['starts']}-{told['ends']} {told['zone'] or ''}".strip()
        return [_preference_row(one) for one in await preferences_of(session)], span

    rows, span = writing(tenant, login, task)
    show([*rows, {"quiet_hours": span}] if as_json else rows, as_json=as_json)
    if not as_json:
        say(f"免打扰时段 quiet hours: {span}")
