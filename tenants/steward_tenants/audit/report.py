"""What a verification says: findings (the log was tampered with), warnings, and the unsealed tail."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from steward_tenants.texts import Bilingual

MOST_SHOWN = 1_000
"""Findings kept in a report; beyond them only their number is."""


class FindingKind(StrEnum):
    """What can be wrong with a log."""

    EVENT_EDITED = "event_edited"
    EVENT_DELETED = "event_deleted"
    EVENT_UNSEALED = "event_unsealed"
    EVENT_SEALED_TWICE = "event_sealed_twice"
    EVENT_LOST = "event_lost"
    SEAL_ALTERED = "seal_altered"
    BATCH_MISSING = "batch_missing"
    CHAIN_BROKEN = "chain_broken"
    END_TRUNCATED = "end_truncated"
    ANCHOR_MISSING = "anchor_missing"
    ANCHOR_DIFFERS = "anchor_differs"


class WarningKind(StrEnum):
    """What deserves a look, though nothing proves tampering."""

    TAIL_OLD = "tail_old"
    ANCHOR_PENDING = "anchor_pending"
    BACKDATED = "backdated"


TEXTS = {
    FindingKind.EVENT_EDITED: Bilingual(
        "批次 {batch} 中有事件被修改或互换。", "An event of batch {batch} was edited or exchanged."
    ),
    FindingKind.EVENT_DELETED: Bilingual(
        "批次 {batch} 中有 {events} 条事件被删除或改换时间。",
        "{events} events of batch {batch} were deleted or moved in time.",
    ),
    FindingKind.EVENT_UNSEALED: Bilingual(
        "有 {events} 条事件不在任何封存批次中，也未等待封存。",
        "{events} events are in no batch and wait for none: inserted afterwards, or their seal is gone.",
    ),
    FindingKind.EVENT_SEALED_TWICE: Bilingual(
        "有 {events} 条事件被重复封存。", "{events} events stand in more than one batch."
    ),
    FindingKind.EVENT_LOST: Bilingual(
        "有 {events} 条事件在封存前消失。", "{events} events disappeared before they were sealed."
    ),
    FindingKind.SEAL_ALTERED: Bilingual("批次 {batch} 的封存记录被修改。", "The seal of batch {batch} was altered."),
    FindingKind.BATCH_MISSING: Bilingual("批次 {batch} 起有批次缺失。", "Batches are missing from {batch} on."),
    FindingKind.CHAIN_BROKEN: Bilingual(
        "批次 {batch} 与前一批次不相连。", "Batch {batch} does not follow from the one before it."
    ),
    FindingKind.END_TRUNCATED: Bilingual(
        "批次 {batch} 已有锚点，但封存记录已不存在：日志末尾被截断。",
        "Batch {batch} was anchored but its seal is gone: the end of the log was cut off.",
    ),
    FindingKind.ANCHOR_MISSING: Bilingual("批次 {batch} 缺少锚点。", "Batch {batch} has no anchor."),
    FindingKind.ANCHOR_DIFFERS: Bilingual(
        "批次 {batch} 与{source}锚点不一致。", "Batch {batch} differs from the {source} anchor."
    ),
    WarningKind.TAIL_OLD: Bilingual(
        "有 {events} 条事件等待封存过久（{seconds} 秒），请检查封存进程。",
        "{events} events have waited {seconds} s to be sealed: look at the sealer.",
    ),
    WarningKind.ANCHOR_PENDING: Bilingual(
        "批次 {batch} 已封存，尚未锚定。", "Batch {batch} is sealed and not yet anchored."
    ),
    WarningKind.BACKDATED: Bilingual(
        "批次 {batch} 含有早于前一批次很久的事件。", "Batch {batch} holds events much older than the batch before it."
    ),
}

DIRECTORY_SOURCE = Bilingual("目录中的", "directory's")
EXPORTED_SOURCE = Bilingual("导出的", "exported")


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong or odd, where, and for which events (at most 100 are named)."""

    kind: FindingKind | WarningKind
    batch: int | None = None
    events: int = 0
    event_ids: tuple[UUID, ...] = ()
    detail: dict[str, object] = field(default_factory=dict)

    @property
    def text(self) -> Bilingual:
        """What it means."""
        values = {"batch": self.batch, "events": self.events, **self.detail}
        chinese, english = (
            {name: value[place] if isinstance(value, Bilingual) else value for name, value in values.items()}
            for place in (0, 1)
        )
        text = TEXTS[self.kind]
        return Bilingual(text.zh.format(**chinese), text.en.format(**english))


@dataclass(frozen=True)
class UnsealedTail:
    """Events that wait to be sealed: how many, since when, and how old the oldest is in seconds."""

    events: int = 0
    oldest_at: datetime | None = None
    oldest_seconds: float = 0.0


@dataclass
class VerificationReport:
    """The outcome for one tenant.

    `events` were compared with their seals; `expired_batches` cover events that retention dropped (all before
    `kept_from`), whose chain alone was checked. `findings` holds at most `MOST_SHOWN` of `findings_total`.
    """

    tenant_id: UUID
    batches: int = 0
    events: int = 0
    expired_batches: int = 0
    kept_from: datetime | None = None
    last_batch: int = 0
    last_chain: bytes = b""
    exported_anchors: int = 0
    tail: UnsealedTail = UnsealedTail()
    findings: list[Finding] = field(default_factory=list)
    findings_total: int = 0
    warnings: list[Finding] = field(default_factory=list)

    @property
    def intact(self) -> bool:
        """Whether nothing was found. Warnings and a tail do not count against it."""
        return self.findings_total == 0

    def found(
        self, kind: FindingKind, batch: int | None = None, ids: tuple[UUID, ...] = (), events: int = 0, **detail: object
    ) -> None:
        """Note a finding."""
        self.findings_total += 1
        if len(self.findings) < MOST_SHOWN:
            self.findings.append(Finding(kind, batch, events or len(ids), ids[:100], detail))

    def warn(self, kind: WarningKind, batch: int | None = None, events: int = 0, **detail: object) -> None:
        """Note a warning."""
        if len(self.warnings) < MOST_SHOWN:
            self.warnings.append(Finding(kind, batch, events, (), detail))

    def as_dict(self, locale: str) -> dict[str, Any]:
        """The report for a machine to read, texts in `locale`."""

        def shown(finding: Finding) -> dict[str, Any]:
            return {
                "kind": finding.kind.value,
                "batch": finding.batch,
                "events": finding.events,
                "event_ids": [str(event_id) for event_id in finding.event_ids],
                "text": finding.text.in_locale(locale),
            }

        return {
            "tenant": str(self.tenant_id),
            "intact": self.intact,
            "batches": self.batches,
            "events": self.events,
            "expired_batches": self.expired_batches,
            "kept_from": self.kept_from and self.kept_from.isoformat(),
            "last_batch": self.last_batch,
            "last_chain": self.last_chain.hex(),
            "exported_anchors": self.exported_anchors,
            "tail": {
                "events": self.tail.events,
                "oldest_at": self.tail.oldest_at and self.tail.oldest_at.isoformat(),
                "oldest_seconds": round(self.tail.oldest_seconds, 3),
            },
            "findings_total": self.findings_total,
            "findings": [shown(finding) for finding in self.findings],
            "warnings": [shown(finding) for finding in self.warnings],
        }
