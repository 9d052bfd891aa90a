-- The ledger: who is counted, what was counted, and what follows from it.
-- Times are UTC milliseconds, quantities millionths of a unit. Every key leads with the account.

CREATE TABLE accounts (
    account    TEXT NOT NULL PRIMARY KEY,
    name       TEXT NOT NULL,
    zone       TEXT NOT NULL,
    anchor_day INTEGER NOT NULL,
    currency   TEXT NOT NULL,
    created_at INTEGER NOT NULL
) WITHOUT ROWID;

-- Which workload's projected token stands for which account.
CREATE TABLE bindings (
    account             TEXT NOT NULL REFERENCES accounts (account),
    namespace           TEXT NOT NULL,
    service_account     TEXT NOT NULL,
    service_account_uid TEXT NOT NULL,
    bound_at            INTEGER NOT NULL,
    PRIMARY KEY (account, namespace, service_account)
) WITHOUT ROWID;
CREATE UNIQUE INDEX bindings_by_workload ON bindings (namespace, service_account);

-- The newest row of each account.
CREATE TABLE heads (
    account TEXT NOT NULL PRIMARY KEY REFERENCES accounts (account),
    seq     INTEGER NOT NULL,
    chain   BLOB NOT NULL
) WITHOUT ROWID;

-- kind: 0 usage, 1 correction, 2 void. seq counts from 1 inside an account, without gaps.
-- happened_in is the start of the closed period in which it happened, when that is not the one
-- whose figures it enters.
CREATE TABLE usage_ledger (
    account      TEXT NOT NULL REFERENCES accounts (account),
    seq          INTEGER NOT NULL,
    kind         INTEGER NOT NULL,
    source       TEXT NOT NULL,
    event_id     TEXT NOT NULL,
    meter        TEXT NOT NULL,
    t_event      INTEGER NOT NULL,
    t_ingest     INTEGER NOT NULL,
    t_stored     INTEGER NOT NULL,
    qty_micro    INTEGER NOT NULL,
    ref_seq      INTEGER,
    period_start INTEGER NOT NULL,
    happened_in  INTEGER,
    dims_hash    BLOB,
    chain        BLOB NOT NULL,
    PRIMARY KEY (account, seq)
) WITHOUT ROWID;
CREATE INDEX usage_ledger_by_ref ON usage_ledger (account, ref_seq) WHERE ref_seq IS NOT NULL;

CREATE TRIGGER usage_ledger_never_updated BEFORE UPDATE ON usage_ledger
BEGIN
    SELECT RAISE(ABORT, 'the ledger is append-only');
END;
CREATE TRIGGER usage_ledger_never_deleted BEFORE DELETE ON usage_ledger
BEGIN
    SELECT RAISE(ABORT, 'the ledger is append-only');
END;

-- What may name people stands apart, so that it can be erased; the chain holds its salted hash.
CREATE TABLE event_dims (
    account TEXT NOT NULL,
    seq     INTEGER NOT NULL,
    salt    BLOB NOT NULL,
    dims    TEXT NOT NULL,
    PRIMARY KEY (account, seq)
) WITHOUT ROWID;

-- month is the month of arrival, as 202611.
CREATE TABLE dedup (
    account  TEXT NOT NULL,
    month    INTEGER NOT NULL,
    k        BLOB NOT NULL,
    seq      INTEGER NOT NULL,
    body     BLOB NOT NULL,
    t_ingest INTEGER NOT NULL,
    PRIMARY KEY (account, month, k)
) WITHOUT ROWID;

CREATE TABLE periods (
    account      TEXT NOT NULL,
    period_start INTEGER NOT NULL,
    period_end   INTEGER NOT NULL,
    closed_at    INTEGER,
    closed_seq   INTEGER,
    PRIMARY KEY (account, period_start)
) WITHOUT ROWID;

CREATE TABLE usage_period (
    account      TEXT NOT NULL,
    period_start INTEGER NOT NULL,
    meter        TEXT NOT NULL,
    cnt          INTEGER NOT NULL,
    used_micro   INTEGER NOT NULL,
    last_seq     INTEGER NOT NULL,
    PRIMARY KEY (account, period_start, meter)
) WITHOUT ROWID;

CREATE TABLE usage_rollup_hour (
    account      TEXT NOT NULL,
    meter        TEXT NOT NULL,
    period_start INTEGER NOT NULL,
    hour         INTEGER NOT NULL,
    cnt          INTEGER NOT NULL,
    qty_micro    INTEGER NOT NULL,
    first_seq    INTEGER NOT NULL,
    last_seq     INTEGER NOT NULL,
    PRIMARY KEY (account, meter, period_start, hour)
) WITHOUT ROWID;
