"""The day sheet as a PDF. It brings its Chinese font along, as far as that is used in it."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from io import BytesIO
from threading import Lock

from steward_core.visits.day_sheet import DaySheet
from steward_core.visits.day_sheet_font import font_for
from steward_core.visits.day_sheet_words import COLUMNS, HEADING, LEGEND, NOTHING, cells, subtitle, times

FONT = "NotoSansSC"
_WIDTHS = (17, 40, 44, 34, 32, 34, 40, 33)
"""Of the columns, in millimetres."""


_PRINTING = Lock()
"""The library knows fonts by their names for the whole process, and each print has characters of its own."""


def pdf_sheet(sheet: DaySheet, locale: str) -> bytes:
    """The sheet on A4, crosswise, in `zh-CN` or `en`."""
    # Few processes ever print: the library is loaded by the first that does.
    from reportlab.pdfbase.pdfmetrics import registerFont  # noqa: PLC0415 - see above
    from reportlab.pdfbase.ttfonts import TTFont  # noqa: PLC0415 - see above

    title = HEADING.in_locale(locale)
    above = [one.in_locale(locale) for one in (subtitle(sheet), times(sheet), LEGEND)]
    if not sheet.stops:
        above.append(NOTHING.in_locale(locale))
    rows = [[column.in_locale(locale) for column in COLUMNS], *([*cells(stop, locale)] for stop in sheet.stops)]
    outlines = font_for([title, *above, *(text for row in rows for text in row)])
    with _PRINTING:
        font = TTFont(FONT, outlines)
        registerFont(font)
        try:
            return _printed(f"{title} {sheet.day}", title, above, rows)
        finally:
            font.unregister()


def _printed(name: str, title: str, above: Sequence[str], rows: Sequence[Sequence[str]]) -> bytes:
    from reportlab.lib import colors  # noqa: PLC0415 - see above
    from reportlab.lib.pagesizes import A4, landscape  # noqa: PLC0415 - see above
    from reportlab.lib.styles import ParagraphStyle  # noqa: PLC0415 - see above
    from reportlab.lib.units import mm  # noqa: PLC0415 - see above
    from reportlab.platypus import LongTable, Paragraph, SimpleDocTemplate, Spacer, TableStyle  # noqa: PLC0415 - see above

    plain = ParagraphStyle("plain", fontName=FONT, fontSize=8, leading=10.5, wordWrap="CJK")
    heading = ParagraphStyle("heading", parent=plain, fontSize=14, leading=18)

    def cell(text: str) -> Paragraph:
        return Paragraph(escape(text).replace("\n", "<br/>"), plain)

    style = TableStyle(
        [
            ("GRID", (0, 0), (-1, -1), 0.4, colors.black),
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("BACKGROUND", (0, 0), (-1, 0), colors.whitesmoke),
        ]
    )
    table = LongTable(
        [[cell(text) for text in row] for row in rows],
        colWidths=[width * mm for width in _WIDTHS],
        repeatRows=1,
        style=style,
        splitInRow=1,
    )
    target = BytesIO()
    document = SimpleDocTemplate(
        target,
        pagesize=landscape(A4),
        leftMargin=10 * mm,
        rightMargin=10 * mm,
        topMargin=10 * mm,
        bottomMargin=10 * mm,
        title=name,
        invariant=1,
    )
    document.build(
        [Paragraph(escape(title), heading), *(cell(text) for text in above), Spacer(1, 3 * mm), table],
    )
    return target.getvalue()
