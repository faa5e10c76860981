"""Pure decisions on webhooks: which events an endpoint wants, what is sent and how it is signed, when to try again."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any
from uuid import UUID

from steward_tenants.errors import invalid
from steward_tenants.texts import Bilingual

SIGNATURE_HEADER = "Steward-Signature"
EVENT_HEADER = "Steward-Event"
PING = "webhook.ping"
READS = "read."
EVERYTHING = "*"
MOST_PATTERNS = 50
_PATTERN = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*(\.\*)?")
LONGEST_PATTERN = 100

DELAYS: tuple[timedelta, ...] = (
    timedelta(seconds=10),
    timedelta(seconds=30),
    timedelta(seconds=90),
    timedelta(minutes=5),
    timedelta(minutes=15),
    timedelta(minutes=45),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=7, minutes=45),
    timedelta(hours=8),
)
"""How long after its nth failure an event is tried again: together 24 hours. After the last it is dead."""
HOLDS = 3
"""So many times later events wait for one that fails: short outages keep the order. From then on they go first."""
PAUSED_AFTER = timedelta(hours=24)
"""An endpoint where nothing got through for so long is paused."""
KEPT_FOR = timedelta(days=30)
"""How long deliveries stay in the log, and how far back an endpoint that is resumed catches up."""

FAILURES: Mapping[str, Bilingual] = MappingProxyType(
    {
        "address": Bilingual("主机指向不允许访问的地址", "The host leads to an address that is not allowed"),
        "name": Bilingual("无法解析主机名", "The host's name cannot be resolved"),
        "connection": Bilingual("无法建立连接或连接中断", "The connection failed or broke off"),
        "tls": Bilingual("TLS 握手失败或证书无效", "TLS failed, or the certificate is not valid"),
        "timeout": Bilingual("接收方没有及时响应", "The receiver did not answer in time"),
        "answer": Bilingual("接收方的响应不是有效的 HTTP", "The receiver's answer is no valid HTTP"),
        "redirect": Bilingual("接收方要求重定向，不予跟随", "The receiver redirects, which is not followed"),
        "status": Bilingual("接收方没有以 2xx 响应", "The receiver did not answer with 2xx"),
        "url": Bilingual("地址不再被允许", "The URL is no longer allowed"),
        "secret": Bilingual("密钥无法解密，请轮换", "The secret cannot be read; rotate it"),
        "event": Bilingual("审计事件已不在", "The audit event is no longer there"),
    }
)
"""Why an attempt failed, by code."""


def read_patterns(given: Sequence[str]) -> list[str]:
    """What an endpoint wants, each once and in order. Raises InvalidInput."""
    patterns = sorted({text.strip() for text in given})
    if not 1 <= len(patterns) <= MOST_PATTERNS:
        raise invalid(
            "events", "count", f"请给出 1 到 {MOST_PATTERNS} 项事件。", f"Name 1 to {MOST_PATTERNS} kinds of events."
        )
    for pattern in patterns:
        if pattern != EVERYTHING and (len(pattern) > LONGEST_PATTERN or not _PATTERN.fullmatch(pattern)):
            raise invalid(
                "events",
                "form",
                "事件应为操作标识（clients.client.create）、前缀（clients.*）或 *。",
                "An event is a command's key (clients.client.create), a prefix (clients.*), or *.",
            )
    return patterns


def wants(patterns: Sequence[str], action: str) -> bool:
    """Whether an endpoint with these patterns is told of an action. `*` means everything that was done; reads are told
    to whoever names them."""
    return any(_fits(pattern, action) for pattern in patterns)


def _fits(pattern: str, action: str) -> bool:
    if pattern == EVERYTHING:
        return not action.startswith(READS)
    if pattern.endswith(".*"):
        return action.startswith(pattern[:-1])
    return action == pattern


def new_secret() -> str:
    """A secret of 256 bits."""
    return f"whsec_{secrets.token_urlsafe(32)}"


def secret_place(tenant_id: UUID, endpoint_id: UUID) -> str:
    """Where an endpoint's secrets are encrypted for."""
    return f"{tenant_id}/webhook_endpoint/secret/{endpoint_id}"


def signature(signing: Sequence[str], body: bytes, at: int) -> str:
    """The header's value: when (seconds since 1970) and, for each secret, HMAC-SHA256 of `<at>.<body>` in hex."""
    signed = f"{at}.".encode() + body
    parts = [hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest() for secret in signing]
    return ",".join([f"t={at}", *(f"v1={part}" for part in parts)])


@dataclass(frozen=True)
class Happened:
    """What is told of an event: identifiers and kinds, nothing of anybody."""

    id: UUID
    at: datetime
    action: str
    actor_kind: str
    actor_id: UUID | None
    subject_kind: str
    subject_id: UUID | None


def body_of(tenant_id: UUID, happened: Happened) -> bytes:
    """The payload, the same bytes at every attempt and replay. `id` is what a receiver tells repetitions by."""
    document: dict[str, Any] = {
        "id": str(happened.id),
        "type": happened.action,
        "occurred_at": happened.at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "tenant_id": str(tenant_id),
        "actor": {"kind": happened.actor_kind, "id": _text(happened.actor_id)},
        "subject": {"kind": happened.subject_kind, "id": _text(happened.subject_id)},
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def _text(identifier: UUID | None) -> str | None:
    return None if identifier is None else str(identifier)


def next_try(attempts: int, now: datetime, jitter: float) -> datetime | None:
    """When an event is tried again after its `attempts`-th failure; None: it is dead. `jitter` within 0 and 1 spreads
    retries over a tenth of their delay."""
    if attempts > len(DELAYS):
        return None
    return now + DELAYS[attempts - 1] * (0.95 + jitter / 10)


def rests(attempts: int, following: datetime | None) -> datetime | None:
    """Until when later events of the endpoint wait for one that failed for the `attempts`-th time; None: they go on."""
    return following if attempts <= HOLDS else None


def given_up(failing_since: datetime | None, now: datetime) -> bool:
    """Whether an endpoint has failed for so long that it is paused."""
    return failing_since is not None and now - failing_since >= PAUSED_AFTER
