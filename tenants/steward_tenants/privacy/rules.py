"""Writing a person's data down so that the person can read it, and what is left of an erased person."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from steward_tenants.texts import Bilingual

LONGEST_REASON = 1000
NOTHING = Bilingual("（无）", "(none)")


def as_json(subject: UUID, moment: datetime, sources: Mapping[str, Sequence[Mapping[str, Any]]]) -> bytes:
    """Everything for machines: `{subject, at, data: {source: [records]}}`."""
    whole = {"subject": str(subject), "at": moment.isoformat(), "data": sources}
    return json.dumps(whole, ensure_ascii=False, indent=2, default=_plain).encode()


def as_text(
    tenant: str,
    moment: datetime,
    sources: Sequence[tuple[Bilingual, Sequence[Mapping[str, Any]]]],
    fields: Mapping[str, Bilingual],
) -> bytes:
    """Everything for people, Chinese first. Starts with a byte order mark, so that office programs read it well."""
    lines = [
        f"{tenant}：个人信息副本",
        f"Copy of personal data held by {tenant}",
        f"{moment.isoformat(timespec='seconds')}",
    ]
    for title, records in sources:
        lines += ["", f"== {title.zh} / {title.en} =="]
        if not records:
            lines.append(f"{NOTHING.zh} {NOTHING.en}")
        for record in records:
            lines += [f"{_label(name, fields)}: {_shown(value)}" for name, value in record.items()]
            lines.append("")
    return b"\xef\xbb\xbf" + ("\n".join(lines).rstrip() + "\n").encode()


def erased_values(user_id: UUID) -> dict[str, Any]:
    """What an erased person's row says. The mark tells rows apart in lists and nothing about the person."""
    mark = user_id.hex[-8:]
    return {
        "login": f"erased-{user_id}",
        "name": f"已删除人员 {mark}",
        "employee_number": None,
        "title": None,
        "phone": None,
        "phone_tail": None,
        "email": None,
        "identity_number": None,
        "locale": None,
        "joined_on": None,
    }


def _label(name: str, fields: Mapping[str, Bilingual]) -> str:
    title = fields.get(name)
    return f"{title.zh} / {title.en}" if title else name


def _shown(value: Any) -> str:
    if value is None:
        return "—"
    if isinstance(value, Mapping | list | tuple):
        return json.dumps(value, ensure_ascii=False, default=_plain)
    return str(_plain(value))


def _plain(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    return value if isinstance(value, str | int | float | bool) else str(value)
