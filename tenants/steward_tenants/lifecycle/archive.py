"""The archive of a tenant: one ZIP file with a manifest, a JSON-lines file for each table, and the files' bytes."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import re
import zipfile
import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, Literal
from uuid import UUID, uuid4

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from steward_tenants.lifecycle.errors import ArchiveRefused

FORMAT = "steward.tenant"
FORMAT_VERSION = 1
MANIFEST = "manifest.json"
ACCOUNTS = "accounts.jsonl"
LARGEST_MANIFEST = 64 * 1024 * 1024
LARGEST_ARCHIVE = 64 * 1024**3
"""Bytes that an archive may unpack to, unless the operator allows more."""
LONGEST_LINE = 64 * 1024 * 1024
MOST_MEMBERS = 5_000_000
CHUNK = 256 * 1024
_BOMB_BYTES, _BOMB_RATIO = 64 * 1024 * 1024, 250
_NAME = re.compile(
    r"manifest\.json|accounts\.jsonl|tables/[a-z][a-z0-9_]{0,62}\.jsonl"
    r"|files/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
)


def table_member(table: str) -> str:
    """Where a table's rows are."""
    return f"tables/{table}.jsonl"


def file_member(file_id: UUID | str) -> str:
    """Where a stored file's bytes are."""
    return f"files/{file_id}"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Content(_Strict):
    """What one member holds: rows, bytes (unpacked) and their SHA-256."""

    rows: int = Field(ge=0)
    size: int = Field(ge=0)
    sha256: str = Field(pattern="^[0-9a-f]{64}$")


class TableContent(Content):
    """A table's rows and the columns that each row has."""

    table: str
    columns: list[str]


class TenantDescription(_Strict):
    """The directory's facts on the tenant."""

    id: UUID
    key: str
    name: str
    locale: str
    time_zone: str
    password_profile: Literal["modern", "djbh3"]
    second_factor_required: bool
    allowed_origins: list[str]


class FilesContent(_Strict):
    """The stored files' bytes. `missing`: files whose bytes were lost or damaged before the export."""

    count: int = Field(ge=0)
    size: int = Field(ge=0)
    missing: list[UUID]


class ChainEnd(_Strict):
    """The last seal of the tenant's audit chain, to compare the archive's seals with."""

    batch: int
    chain: str


class Manifest(_Strict):
    """What the archive holds. Every value in the rows is text as PostgreSQL writes it; encrypted values stay so."""

    format: Literal["steward.tenant"] = "steward.tenant"
    version: int
    schema_revision: str
    exported_at: datetime
    tenant: TenantDescription
    tables: list[TableContent]
    left_out: dict[str, str]
    accounts: Content
    files: FilesContent
    audit: ChainEnd | None
    oldest_event_at: datetime | None


class Member:
    """One member while it is written."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._digest = hashlib.sha256()
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self.size = 0
        self.rows = 0

    async def write(self, data: bytes) -> None:
        """Append; packs when enough has come together."""
        self._waiting.append(data)
        self._waiting_bytes += len(data)
        self.size += len(data)
        if self._waiting_bytes >= CHUNK:
            await self.flush()

    async def flush(self) -> None:
        """Pack what is waiting."""
        data = b"".join(self._waiting)
        self._waiting.clear()
        self._waiting_bytes = 0
        if data:
            await asyncio.to_thread(self._pack, data)

    def _pack(self, data: bytes) -> None:
        self._digest.update(data)
        self._stream.write(data)

    @property
    def content(self) -> Content:
        """What was written."""
        return Content(rows=self.rows, size=self.size, sha256=self._digest.hexdigest())


class ArchiveWriter:
    """Writes an archive member by member."""

    def __init__(self, packed: zipfile.ZipFile) -> None:
        self._packed = packed

    @asynccontextmanager
    async def member(self, name: str, *, packed_already: bool = False) -> AsyncIterator[Member]:
        """A new member; one at a time."""
        info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
        info.compress_type = zipfile.ZIP_STORED if packed_already else zipfile.ZIP_DEFLATED
        info.external_attr = 0o600 << 16
        with self._packed.open(info, "w", force_zip64=True) as stream:
            member = Member(stream)
            yield member
            await member.flush()

    async def finish(self, manifest: Manifest) -> None:
        """Write the manifest."""
        async with self.member(MANIFEST) as member:
            await member.write(manifest.model_dump_json(indent=1).encode())


@asynccontextmanager
async def new_archive(target: Path) -> AsyncIterator[ArchiveWriter]:
    """Write an archive, readable by its owner only; it appears at `target` when it is whole, or not at all."""
    part = target.with_name(f".{target.name}.{uuid4().hex}.part")
    descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w+b") as stream:
            with zipfile.ZipFile(stream, "w") as packed:
                yield ArchiveWriter(packed)
            stream.flush()
            await asyncio.to_thread(os.fsync, stream.fileno())
        part.replace(target)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            part.unlink()
        raise


def digest_of_file(path: Path) -> str:
    """SHA-256 of a file, hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


class ArchiveReader:
    """Reads an archive that may have been tampered with: names, sizes and digests are checked before use."""

    def __init__(self, packed: zipfile.ZipFile, at_most: int) -> None:
        self._packed = packed
        self._members = _checked_members(packed, at_most)
        self.manifest = self._read_manifest()
        self._check_names()

    @property
    def files(self) -> frozenset[str]:
        """Ids of the files whose bytes are here."""
        return frozenset(name[6:] for name in self._members if name.startswith("files/"))

    def _read_manifest(self) -> Manifest:
        info = self._members.get(MANIFEST)
        if info is None or info.file_size > LARGEST_MANIFEST:
            raise ArchiveRefused("缺少清单", "it has no manifest")
        data = b"".join(self.chunks(MANIFEST))
        try:
            manifest = Manifest.model_validate_json(data)
        except ValidationError:
            raise ArchiveRefused("清单无法读取", "its manifest cannot be read") from None
        if manifest.version != FORMAT_VERSION:
            raise ArchiveRefused(
                f"不支持格式版本 {manifest.version}", f"format version {manifest.version} is not known"
            )
        return manifest

    def _check_names(self) -> None:
        listed = [table_member(table.table) for table in self.manifest.tables]
        expected = {MANIFEST, ACCOUNTS, *listed}
        present = {name for name in self._members if not name.startswith("files/")}
        if present != expected or len(listed) != len(set(listed)):
            raise ArchiveRefused("内容与清单不符", "its members are not those of the manifest")
        if len(self.files) != self.manifest.files.count:
            raise ArchiveRefused("文件数与清单不符", "the number of files is not the manifest's")

    def chunks(self, name: str) -> Iterator[bytes]:
        """The unpacked bytes of a member."""
        info = self._members.get(name)
        if info is None:
            raise ArchiveRefused(f"缺少 {name}", f"{name} is missing")
        try:
            with self._packed.open(info) as stream:
                while chunk := stream.read(CHUNK):
                    yield chunk
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError):
            raise ArchiveRefused(f"{name} 已损坏", f"{name} is damaged") from None

    def lines(self, name: str) -> Iterator[bytes]:
        """The lines of a member, without their ends."""
        rest = b""
        for chunk in self.chunks(name):
            *whole, rest = (rest + chunk).split(b"\n")
            if len(rest) > LONGEST_LINE:
                raise ArchiveRefused(f"{name} 含有过长的行", f"{name} has an overlong line")
            yield from whole
        if rest:
            raise ArchiveRefused(f"{name} 不完整", f"{name} is cut off")

    def verify(self) -> None:
        """Compare the accounts' and every table's rows, bytes and digest with the manifest."""
        self._verify_member(ACCOUNTS, self.manifest.accounts)
        for table in self.manifest.tables:
            self._verify_member(table_member(table.table), table)

    def _verify_member(self, name: str, content: Content) -> None:
        digest, size, rows = hashlib.sha256(), 0, 0
        for chunk in self.chunks(name):
            digest.update(chunk)
            size += len(chunk)
            rows += chunk.count(b"\n")
        if (rows, size, digest.hexdigest()) != (content.rows, content.size, content.sha256):
            raise ArchiveRefused(f"{name} 与清单不符", f"{name} is not what the manifest says")


def _checked_members(packed: zipfile.ZipFile, at_most: int) -> dict[str, zipfile.ZipInfo]:
    infos = packed.infolist()
    if len(infos) > MOST_MEMBERS:
        raise ArchiveRefused("成员过多", "it has too many members")
    members: dict[str, zipfile.ZipInfo] = {}
    for info in infos:
        kind = info.external_attr >> 16 & 0o170000
        if not _NAME.fullmatch(info.filename) or info.filename in members or kind not in (0, 0o100000):
            raise ArchiveRefused("含有不应有的成员", "it has a member that does not belong in an export")
        if info.flag_bits & 1 or info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ArchiveRefused("压缩方式不受支持", "it is packed in an unknown way")
        if info.file_size > _BOMB_BYTES and info.file_size > _BOMB_RATIO * max(info.compress_size, 1):
            raise ArchiveRefused("压缩比异常", "it unpacks to suspiciously much")
        members[info.filename] = info
    if sum(info.file_size for info in infos) > at_most:
        raise ArchiveRefused("解压后过大", "it unpacks to more than is allowed")
    return members


@contextlib.contextmanager
def open_archive(path: Path, *, at_most: int = LARGEST_ARCHIVE) -> Iterator[ArchiveReader]:
    """Open an archive and check its outline; `verify` checks its content. Raises ArchiveRefused."""
    try:
        packed = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        raise ArchiveRefused("不是完整的导出文件", "it is no complete export file") from None
    with packed:
        yield ArchiveReader(packed, at_most)
