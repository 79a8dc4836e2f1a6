"""How a CRNN is made; development commands, never imported by the running daemon."""
