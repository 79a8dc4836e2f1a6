"""The supervising process: main loop, deliveries, wiring, reload, start-up checks."""
