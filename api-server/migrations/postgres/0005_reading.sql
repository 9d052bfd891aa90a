-- What is needed to read the ledger back, and to forget what it need not know.

CREATE INDEX alerts_by_time ON alerts (at, account, period_start, meter, level, arming, kind);
CREATE INDEX usage_ledger_by_time ON usage_ledger (account, t_event, seq);

-- Events that were not taken, the newest of each account: their names and what was wrong with them.
-- n counts from 1 inside an account. size_until is the size of all rows up to this one, kept or not,
-- so that the oldest are dropped by comparing. faults is JSON.
CREATE TABLE rejects (
    account       TEXT COLLATE "C" NOT NULL REFERENCES accounts (account),
    n             BIGINT NOT NULL,
    source        TEXT COLLATE "C",
    event_id      TEXT COLLATE "C",
    meter         TEXT COLLATE "C",
    t_event       BIGINT,
    t_ingest      BIGINT NOT NULL,
    t_stored      BIGINT NOT NULL,
    first_seen_at BIGINT,
    faults        TEXT COLLATE "C" NOT NULL,
    size_until    BIGINT NOT NULL,
    PRIMARY KEY (account, n)
);

-- The newest number and size of each account's rejects.
CREATE TABLE reject_rings (
    account TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES accounts (account),
    newest  BIGINT NOT NULL,
    size    BIGINT NOT NULL
);

-- What was erased, by whom and why; of whom is nowhere. counts is JSON.
CREATE TABLE erasures (
    erasure   TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    at        BIGINT NOT NULL,
    kind      TEXT COLLATE "C" NOT NULL,
    account   TEXT COLLATE "C",
    intake    TEXT COLLATE "C",
    actor     TEXT COLLATE "C" NOT NULL,
    reason    TEXT COLLATE "C" NOT NULL,
    reference TEXT COLLATE "C" NOT NULL,
    counts    TEXT COLLATE "C" NOT NULL
);
CREATE INDEX erasures_by_time ON erasures (at, erasure);
