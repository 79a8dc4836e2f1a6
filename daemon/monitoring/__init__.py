"""Health, heartbeat, metrics and systemd notifications."""
