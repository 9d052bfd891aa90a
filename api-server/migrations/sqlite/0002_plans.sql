-- What was agreed with accounts, and the alerts that follow from use and quota.

-- Plan versions as they were published; they are never changed.
CREATE TABLE plan_versions (
    plan     TEXT NOT NULL,
    version  INTEGER NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (plan, version)
) WITHOUT ROWID;

-- n counts from 1 inside an account. at_seq is the account's newest row when it was recorded:
-- later rows are measured against it.
CREATE TABLE agreements (
    account      TEXT NOT NULL REFERENCES accounts (account),
    n            INTEGER NOT NULL,
    plan         TEXT NOT NULL,
    version      INTEGER NOT NULL,
    effective_at INTEGER NOT NULL,
    agreed_at    INTEGER NOT NULL,
    recorded_at  INTEGER NOT NULL,
    at_seq       INTEGER NOT NULL,
    PRIMARY KEY (account, n),
    FOREIGN KEY (plan, version) REFERENCES plan_versions (plan, version)
) WITHOUT ROWID;

CREATE TABLE alert_states (
    account      TEXT NOT NULL,
    period_start INTEGER NOT NULL,
    meter        TEXT NOT NULL,
    soft_arming  INTEGER NOT NULL,
    soft_fired   INTEGER NOT NULL,
    hard_arming  INTEGER NOT NULL,
    hard_fired   INTEGER NOT NULL,
    PRIMARY KEY (account, period_start, meter)
) WITHOUT ROWID;

-- seq is the row with which it happened, or the newest row when a change of plan did it.
CREATE TABLE alerts (
    account      TEXT NOT NULL,
    period_start INTEGER NOT NULL,
    meter        TEXT NOT NULL,
    level        TEXT NOT NULL,
    arming       INTEGER NOT NULL,
    kind         TEXT NOT NULL,
    seq          INTEGER NOT NULL,
    used_micro   INTEGER NOT NULL,
    quota_micro  INTEGER,
    at           INTEGER NOT NULL,
    PRIMARY KEY (account, period_start, meter, level, arming, kind)
) WITHOUT ROWID;
