"""Photos of a visit. An uploaded picture becomes a visit's photo when it is attached: from then on it is opened through
the visit only, and when it is taken off it goes out of use."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from sqlalchemy import func, select

from steward_core.clients.checks import problem, refuse
from steward_core.clients.holdings_errors import AttachedAlready
from steward_core.permissions import VISITS_EDIT, VISITS_VIEW
from steward_core.visits.changing import changed, kept, must_be, visit_to_change
from steward_core.visits.models import Visit, VisitStatus
from steward_core.visits.row_kinds import VISIT
from steward_core.visits.visit_errors import PhotoNotFound, VisitNotFound
from steward_tenants.access.rules import require
from steward_tenants.commands.service import command
from steward_tenants.database.session import WriteSession
from steward_tenants.files.errors import FileNotFound
from steward_tenants.files.models import StoredFile
from steward_tenants.files.queries import available
from steward_tenants.files.service import UPLOAD, declare_purpose, release_attached
from steward_tenants.texts import Bilingual

PURPOSE = declare_purpose("visit_photo", VISITS_VIEW, direct=False, audited=False)
MOST_PHOTOS = 20
ATTACH = Bilingual("添加照片", "attach a photo")
_OPEN = (VisitStatus.PREPARED, VisitStatus.UNDER_WAY, VisitStatus.DONE)


@command("visits.photo.attach", "添加走访照片", "Attach a photo to a visit", permission=VISITS_EDIT)
async def attach_photo(
    session: WriteSession, visit_id: UUID, *, file_id: UUID, today: date, expected_version: int | None = None
) -> Visit:
    """Hang a picture that the actor uploaded on a visit. Raises VisitNotFound, VisitChanged, VisitStateForbids,
    FileNotFound, AttachedAlready, InvalidInput."""
    visit, _ = await visit_to_change(session, visit_id, today=today, expected_version=expected_version)
    must_be(visit, ATTACH, *_OPEN)
    if file_id in visit.photo_ids:
        raise AttachedAlready
    if len(visit.photo_ids) >= MOST_PHOTOS:
        refuse([problem("file_id", "too_many", f"最多 {MOST_PHOTOS} 张照片。", f"At most {MOST_PHOTOS} photos.")])
    file = await session.find(
        StoredFile,
        StoredFile.id == file_id,
        StoredFile.owner_id == session.actor.id,
        StoredFile.purpose == UPLOAD.key,
        available(session),
        lock=True,
    )
    if file is None:
        raise FileNotFound
    if not file.media_type.startswith("image/"):
        refuse([problem("file_id", "media_type", "应为图片。", "It must be a picture.")])
    before = kept(visit)
    file.purpose, file.expires_at = PURPOSE.key, None
    visit.photo_ids = [*visit.photo_ids, file.id]
    await changed(session, "visits.photo.attach", visit, before)
    return visit


@command("visits.photo.remove", "移除走访照片", "Remove a photo of a visit", permission=VISITS_EDIT)
async def remove_photo(
    session: WriteSession, visit_id: UUID, *, file_id: UUID, today: date, expected_version: int | None = None
) -> Visit:
    """Take a photo off before the visit is done; its bytes go with the next sweep. Raises VisitNotFound, VisitChanged,
    VisitStateForbids, PhotoNotFound."""
    visit, _ = await visit_to_change(session, visit_id, today=today, expected_version=expected_version)
    must_be(visit, Bilingual("移除照片", "remove a photo"), VisitStatus.PREPARED, VisitStatus.UNDER_WAY)
    if file_id not in visit.photo_ids:
        raise PhotoNotFound
    before = kept(visit)
    file = await session.find(StoredFile, StoredFile.id == file_id, lock=True)
    if file is not None:
        file.deleted_at = await session.scalar(select(func.now()))
    visit.photo_ids = [one for one in visit.photo_ids if one != file_id]
    await changed(session, "visits.photo.remove", visit, before)
    return visit


async def open_photo(session: WriteSession, visit_id: UUID, file_id: UUID, *, today: date) -> StoredFile:
    """The file of a photo, for who sees the visit. The edge reads the bytes after the commit.

    Raises Forbidden, VisitNotFound, PhotoNotFound, FileNotFound.
    """
    require(session.actor, VISITS_VIEW)
    visit = await session.find(Visit, Visit.id == visit_id, VISIT.within_reach(session, VISITS_VIEW, today))
    if visit is None:
        raise VisitNotFound
    if file_id not in visit.photo_ids:
        raise PhotoNotFound
    return await release_attached(session, file_id, PURPOSE)
