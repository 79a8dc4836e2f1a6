"""Generator of glyphless.ttf, the font of the invisible text: one empty glyph, a square em.

    python -m daemon.ocr.render.glyphless

Needs fontTools (the extra `[train]`); the daemon only reads the generated file.
"""

from __future__ import annotations

from pathlib import Path

FILE = Path(__file__).with_name("glyphless.ttf")
UNITS = 1000  # of the em
DESCENT = 200  # of them lie below the baseline; the rest is above


def main() -> None:
    """Write the font; the output is reproducible byte for byte."""
    from fontTools.fontBuilder import FontBuilder
    from fontTools.ttLib.tables._g_l_y_f import Glyph

    names = [".notdef", "any"]
    builder = FontBuilder(UNITS, isTTF=True)
    builder.setupGlyphOrder(names)
    builder.setupCharacterMap({0xFFFF: "any"})
    builder.setupGlyf({name: Glyph() for name in names})
    builder.setupHorizontalMetrics(dict.fromkeys(names, (UNITS, 0)))
    builder.setupHorizontalHeader(ascent=UNITS - DESCENT, descent=-DESCENT)
    builder.setupNameTable({"familyName": "Glyphless", "styleName": "Regular"})
    builder.setupOS2(sTypoAscender=UNITS - DESCENT, sTypoDescender=-DESCENT)
    builder.setupPost(keepGlyphNames=False)
    builder.font["head"].created = builder.font["head"].modified = 0
    builder.font.recalcTimestamp = False
    builder.save(FILE)


if __name__ == "__main__":
    main()
