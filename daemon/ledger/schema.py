"""The tables of the ledger's file, version by version, and the migration to each."""

from __future__ import annotations

VERSION = 3
_FIRST = """
CREATE TABLE claims (
    id          TEXT PRIMARY KEY,             -- the token of the claim
    name        BLOB NOT NULL,                -- path relative to the inbox, in bytes
    bytes       INTEGER NOT NULL,
    sha256      TEXT NOT NULL,
    profile     TEXT NOT NULL,
    stamp       TEXT NOT NULL,                -- bytes:mtime:inode as it was read
    state       TEXT NOT NULL CHECK (state IN ('claimed', 'answering', 'answered', 'closed')),
    starts      INTEGER NOT NULL DEFAULT 0,   -- how often a daemon began to read it
    attempts    INTEGER NOT NULL DEFAULT 0,   -- starts and, within them, tries after a death
    status      TEXT CHECK (status IN ('done', 'partial', 'failed', 'duplicate')),
    answer      BLOB,                         -- path relative to the outbox
    claimed_at  TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    answered_at TEXT
) STRICT;
CREATE INDEX claims_by_content ON claims (sha256, profile, status);
CREATE INDEX claims_open ON claims (state) WHERE state != 'closed';
CREATE TABLE facts (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
"""
# a delivered row stays, without its text, so that no hook gets a second notification of one answer;
# the columns `letter` (the text) and `why` (the reason) keep the names that older files have
_SECOND = """
CREATE TABLE deliveries (
    claim       TEXT NOT NULL,                -- the answer's
    hook        TEXT NOT NULL,                -- its name in the config
    event       TEXT NOT NULL,                -- document.done and so on
    name        BLOB NOT NULL,                -- as in claims
    answer      BLOB NOT NULL,                -- as in claims
    letter      TEXT NOT NULL,                -- JSON, empty once delivered
    state       TEXT NOT NULL CHECK (state IN ('waiting', 'delivered', 'dead')),
    attempts    INTEGER NOT NULL DEFAULT 0,   -- that failed
    due_at      REAL NOT NULL DEFAULT 0,      -- seconds since 1970
    why         TEXT,                         -- reason of the last failure
    made_at     TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    ended_at    TEXT,
    PRIMARY KEY (claim, hook)
) STRICT;
CREATE INDEX deliveries_due ON deliveries (hook, state, due_at);
"""
# answers that an operator wants to be read again; a row stays, so that others see what was replaced
_THIRD = """
CREATE TABLE rereads (
    claim        TEXT PRIMARY KEY,            -- the answer's
    state        TEXT NOT NULL CHECK (state IN ('waiting', 'replaced', 'kept')),
    starts       INTEGER NOT NULL DEFAULT 0,  -- how often a daemon began to read it again
    finished_at  TEXT,                        -- of the reading that is about to replace the answer
    reason       TEXT,                        -- why the earlier answer was kept
    requested_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    ended_at     TEXT
) STRICT;
CREATE INDEX rereads_by_state ON rereads (state, ended_at);
"""
_STEPS = (_FIRST, _SECOND, _THIRD)  # from version 0 to 1, and so on


def script(version: int) -> str:
    """Return the statements that migrate `version` to the present one, as one transaction.

    A kill or a full disk during the migration leaves the file as it was.
    """
    steps = "".join(_STEPS[version:])
    return f"BEGIN IMMEDIATE; {steps} PRAGMA user_version = {VERSION}; COMMIT;"
