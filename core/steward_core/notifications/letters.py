"""The mail that carries notices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steward_tenants.signin.mail import Letter
from steward_tenants.texts import Bilingual

if TYPE_CHECKING:
    from steward_core.notifications.senders import NoticeText, Parcel

LONGEST_SUBJECT = 120
_GREETING = Bilingual("{name}，您好：", "Hello {name},")
_MANY = Bilingual("您在管家（{tenant}）有 {count} 条新通知：", "you have {count} new notices in Steward ({tenant}):")
_ONE = Bilingual("您在管家（{tenant}）有一条新通知：", "you have a new notice in Steward ({tenant}):")
_END = Bilingual(
    "查看详情：{url}\n如不想收到这类邮件，可在“通知设置”中关闭，或设置免打扰时段。",
    "Details: {url}\nMails of this sort can be switched off, and quiet hours set, in your notice preferences.",
)
_SUBJECT = Bilingual("管家：{count} 条新通知", "Steward: {count} new notices")
_ONE_SUBJECT = Bilingual("管家：{title}", "Steward: {title}")


def notice_letter(parcel: Parcel, url: str) -> Letter:
    """One mail for all of a parcel's notices: in the person's language; in Chinese with English below when it is not
    known. Titles are written on one line each. The person must have an e-mail address."""
    locale = parcel.recipient.locale
    locales = ("zh-CN", "en") if locale is None else (locale,)
    subject = " / ".join(_subject(parcel).in_locale(one) for one in locales)
    text = "\n\n--\n\n".join(_text(parcel, url, one) for one in locales)
    return Letter(parcel.recipient.email or "", _clipped(subject), f"{text}\n", parcel.key)


def _subject(parcel: Parcel) -> Bilingual:
    count = len(parcel.notices)
    return _SUBJECT.fill(count=count) if count > 1 else _ONE_SUBJECT.fill(title=parcel.notices[0].title)


def _text(parcel: Parcel, url: str, locale: str) -> str:
    count = len(parcel.notices)
    opening = (_MANY if count > 1 else _ONE).fill(tenant=parcel.tenant, count=count)
    parts = [
        _GREETING.fill(name=parcel.recipient.name).in_locale(locale),
        opening.in_locale(locale),
        *(_paragraph(parcel, notice, locale) for notice in parcel.notices),
        _END.fill(url=url).in_locale(locale),
    ]
    return "\n\n".join(parts)


def _paragraph(parcel: Parcel, notice: NoticeText, locale: str) -> str:
    at = f"{notice.at.astimezone(parcel.recipient.zone):%Y-%m-%d %H:%M}"
    lines = [f"· {_on_one_line(notice.title.in_locale(locale))}（{at}）"]
    if locale.lower().startswith("en"):
        lines = [f"- {_on_one_line(notice.title.en)} ({at})"]
    if notice.body is not None:
        lines.append("\n".join(f"  {line}" for line in notice.body.in_locale(locale).splitlines()))
    return "\n".join(lines)


def _on_one_line(text: str) -> str:
    return " ".join(text.split())


def _clipped(text: str) -> str:
    line = _on_one_line(text)
    return line if len(line) <= LONGEST_SUBJECT else f"{line[: LONGEST_SUBJECT - 1]}…"
