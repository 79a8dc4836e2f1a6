"""Generation of synthetic text lines: fonts, drawing, damage, crops."""
