"""How the daemon takes possession of a file in the inbox."""
