"""A tenant's configuration as one file: export it, see what it would change elsewhere, apply it whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any

from steward_core.configuration_file.document import FORMAT, VERSION, Document, as_document, items_of, refused
from steward_core.configuration_file.rules import ChangeKind, ConfigurationChange, differences
from steward_core.configuration_file.sections import SECTIONS, Here, Section
from steward_tenants.access.rules import require
from steward_tenants.audit.service import Subject, record
from steward_tenants.commands.service import command
from steward_tenants.database.session import TenantSession, WriteSession
from steward_tenants.errors import FieldProblem, Forbidden, StewardError, invalid
from steward_tenants.texts import Bilingual

NAMES = tuple(section.name for section in SECTIONS)


async def export_configuration(
    session: TenantSession, *, tenant: str, today: date, sections: Collection[str] = ()
) -> dict[str, Any]:
    """The tenant's configuration as JSON values: the sections named, or all that the actor may read.

    Raises InvalidInput (an unknown section), Forbidden (one that is named and may not be read).
    """
    document: dict[str, Any] = {"format": FORMAT, "version": VERSION, "tenant": tenant}
    for section in _chosen(sections):
        try:
            require(session.actor, section.reads)
        except Forbidden:
            if sections:
                raise
            continue
        here = await section.here(session, today)
        document[section.name] = (
            {key: values["value"] for key, values in here.items()} if section.name == "settings" else [*here.values()]
        )
    return document


def as_bytes(document: Mapping[str, Any]) -> bytes:
    """The file: UTF-8, one line for each value, so that two of them compare line by line."""
    return (json.dumps(document, ensure_ascii=False, indent=2, sort_keys=False) + "\n").encode()


async def configuration_changes(
    session: TenantSession, document: Document | Mapping[str, Any], *, today: date, sections: Collection[str] = ()
) -> tuple[ConfigurationChange, ...]:
    """What applying the document would change here, section by section.

    Raises ConfigurationRefused, ConfigurationUnreadable, InvalidInput, Forbidden (a section that the actor may not
    read).
    """
    document = document if isinstance(document, Document) else as_document(document)
    changes: list[ConfigurationChange] = []
    for section in _chosen(sections):
        wanted = _wanted(document, section)
        if wanted is not None:
            require(session.actor, section.reads)
            here = await section.here(session, today)
            changes += differences(section.name, here, {key: values for key, (_, values) in wanted.items()})
    return tuple(changes)


@command("configuration.apply", "应用租户配置", "Apply a configuration", permission=None)
async def apply_configuration(
    session: WriteSession,
    document: Mapping[str, Any],
    *,
    today: date,
    sections: Sequence[str] = (),
) -> tuple[ConfigurationChange, ...]:
    """Make the tenant what the document says, in the sections named (default: all that it has); answers what changed.

    Each section needs its own permission: roles, for one, are the security administrator's. Things that the document
    does not name stay. Raises ConfigurationRefused naming every part that cannot be applied, and then nothing is;
    ConfigurationUnreadable, InvalidInput, Forbidden.
    """
    wanted_document = as_document(document)
    parts = [
        (section, wanted) for section in _chosen(sections) if (wanted := _wanted(wanted_document, section)) is not None
    ]
    for section, _ in parts:
        require(session.actor, section.reads)
    done: list[ConfigurationChange] = []
    problems: list[FieldProblem] = []
    for section, wanted in parts:
        here: Here = await section.here(session, today)
        values_by_key = {key: values for key, (_, values) in wanted.items()}
        changes = [c for c in differences(section.name, here, values_by_key) if c.kind is not ChangeKind.ONLY_HERE]
        if changes:
            require(session.actor, section.writes)
        for change in changes:
            place, values = wanted[change.key]
            try:
                async with session.savepoint():
                    await section.write(session, change, values, today)
                    await session.flush()
            except StewardError as error:
                problems += _placed(section, place, change.key, error)
            else:
                done.append(change)
    if problems:
        raise refused(problems)
    await record(
        session,
        "configuration.apply",
        Subject("configuration"),
        after={
            "from": wanted_document.tenant,
            "changes": [f"{change.section} {change.kind.value} {change.key}" for change in done],
        },
    )
    return tuple(done)


def _chosen(names: Collection[str]) -> tuple[Section, ...]:
    unknown = sorted(set(names) - set(NAMES))
    if unknown:
        listed = ", ".join(NAMES)
        raise invalid(
            "sections",
            "unknown",
            f"没有名为 {unknown[0]} 的部分；可选：{listed}。",
            f"There is no section {unknown[0]}; there are {listed}.",
        )
    return tuple(section for section in SECTIONS if not names or section.name in names)


def _wanted(document: Document, section: Section) -> dict[str, tuple[str, dict[str, Any]]] | None:
    """The section's values by key, each with its place in the file."""
    if section.name == "settings":
        settings = document.settings
        return None if settings is None else {key: (key, {"value": value}) for key, value in settings.items()}
    items = items_of(document, section.name)
    if items is None:
        return None
    return {key: (str(place), item.model_dump(mode="json", by_alias=True)) for key, (place, item) in items.items()}


def _placed(section: Section, place: str, key: str, error: StewardError) -> list[FieldProblem]:
    """An error of one thing as problems that say where in the file it stands."""
    where = (section.name, place)
    if error.problems:
        return [FieldProblem((*where, *p.path), p.code, _about(key, p.message)) for p in error.problems]
    return [FieldProblem(where, error.code, _about(key, error.text))]


def _about(key: str, text: Bilingual) -> Bilingual:
    return Bilingual(f"{key}：{text.zh}", f"{key}: {text.en}")
