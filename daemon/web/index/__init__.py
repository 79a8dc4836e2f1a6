"""The search index over sidecars."""
