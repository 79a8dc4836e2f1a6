"""Notifications of results to commands and webhooks."""
