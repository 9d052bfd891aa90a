-- What is needed to read the ledger back, and to forget what it need not know.

CREATE INDEX alerts_by_time ON alerts (at, account, period_start, meter, level, arming, kind);
CREATE INDEX usage_ledger_by_time ON usage_ledger (account, t_event, seq);

-- Events that were not taken, the newest of each account: their names and what was wrong with them.
-- n counts from 1 inside an account. size_until is the size of all rows up to this one, kept or not,
-- so that the oldest are dropped by comparing. faults is JSON.
CREATE TABLE rejects (
    account       TEXT NOT NULL REFERENCES accounts (account),
    n             INTEGER NOT NULL,
    source        TEXT,
    event_id      TEXT,
    meter         TEXT,
    t_event       INTEGER,
    t_ingest      INTEGER NOT NULL,
    t_stored      INTEGER NOT NULL,
    first_seen_at INTEGER,
    faults        TEXT NOT NULL,
    size_until    INTEGER NOT NULL,
    PRIMARY KEY (account, n)
) WITHOUT ROWID;

-- The newest number and size of each account's rejects.
CREATE TABLE reject_rings (
    account TEXT NOT NULL PRIMARY KEY REFERENCES accounts (account),
    newest  INTEGER NOT NULL,
    size    INTEGER NOT NULL
) WITHOUT ROWID;

-- What was erased, by whom and why; of whom is nowhere. counts is JSON.
CREATE TABLE erasures (
    erasure   TEXT NOT NULL PRIMARY KEY,
    at        INTEGER NOT NULL,
    kind      TEXT NOT NULL,
    account   TEXT,
    intake    TEXT,
    actor     TEXT NOT NULL,
    reason    TEXT NOT NULL,
    reference TEXT NOT NULL,
    counts    TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX erasures_by_time ON erasures (at, erasure);
