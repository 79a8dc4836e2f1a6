"""The documents: a catalogue over ledger, sidecars and inbox, with full-text search."""
