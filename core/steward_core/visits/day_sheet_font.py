"""The font of printed sheets: Noto Sans SC, of which a print carries the characters that stand in it.

The library that makes PDFs embeds outlines of TrueType only, and the font has others; those of the characters in use
are turned into such. That takes time by their number and not by that of the font.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib.resources import as_file, files
from io import BytesIO
from typing import Any

UNKNOWN = ".notdef"
"""The glyph of characters that the font has not: a box."""
_DEVIATION = 1.0
"""By how much an outline may differ, in thousandths of the height of a line."""


def font_for(texts: Iterable[str]) -> BytesIO:
    """A TrueType font of the characters of `texts`, the same for the same characters."""
    # Few processes ever print: the library is loaded by the first that does.
    from fontTools.ttLib import TTFont  # noqa: PLC0415 - see above

    package = files("pylopdf_fonts_zh_cn")
    with as_file(package / "NotoSansSC-Regular.otf") as path, TTFont(path, lazy=True) as source:
        known = source.getBestCmap()
        wanted = {ord(one) for text in texts for one in text} | set(range(0x20, 0x7F))
        return _with_outlines(source, {code: known[code] for code in sorted(wanted) if code in known})


def _with_outlines(source: Any, names: dict[int, str]) -> BytesIO:
    """A font of those glyphs of another, by the code points that they stand for."""
    from fontTools.fontBuilder import FontBuilder  # noqa: PLC0415 - see above
    from fontTools.pens.cu2quPen import Cu2QuPen  # noqa: PLC0415 - see above
    from fontTools.pens.ttGlyphPen import TTGlyphPen  # noqa: PLC0415 - see above

    order = [UNKNOWN, *sorted(set(names.values()) - {UNKNOWN})]
    drawn, outlines = source.getGlyphSet(), {}
    for name in order:
        pen = TTGlyphPen(None)
        drawn[name].draw(Cu2QuPen(pen, _DEVIATION, reverse_direction=True))
        outlines[name] = pen.glyph()
    head, lines, os2 = source["head"], source["hhea"], source["OS/2"]
    builder = FontBuilder(head.unitsPerEm, isTTF=True)
    builder.setupGlyphOrder(order)
    builder.setupCharacterMap(names)
    builder.setupGlyf(outlines)
    widths = source["hmtx"].metrics
    builder.setupHorizontalMetrics({name: (widths[name][0], getattr(outlines[name], "xMin", 0)) for name in order})
    builder.setupHorizontalHeader(ascent=lines.ascent, descent=lines.descent)
    builder.setupNameTable({"familyName": "Noto Sans SC", "styleName": "Regular", "psName": "NotoSansSC-Regular"})
    builder.setupOS2(
        sTypoAscender=os2.sTypoAscender, sTypoDescender=os2.sTypoDescender, sCapHeight=os2.sCapHeight, fsType=0
    )
    builder.setupPost(keepGlyphNames=False)
    builder.font["head"].created = builder.font["head"].modified = head.modified  # the same font on any day
    builder.font.recalcTimestamp = False
    made = BytesIO()
    builder.save(made)
    made.seek(0)
    return made
