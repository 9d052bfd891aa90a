-- Tenants of the cluster that accounts are kept for. A row for each uid: a name that is used again is
-- another tenant. ended_at: since when it is gone, and its workloads' bindings with it.
CREATE TABLE tenants (
    account   TEXT NOT NULL REFERENCES accounts (account),
    uid       TEXT NOT NULL,
    name      TEXT NOT NULL,
    namespace TEXT NOT NULL,
    seen_at   INTEGER NOT NULL,
    ended_at  INTEGER,
    PRIMARY KEY (account, uid)
) WITHOUT ROWID;

-- The plan that each one's spec asks for, since when it is known, and when it was agreed to; empty
-- when it asks for none.
CREATE TABLE tenant_plans (
    account     TEXT NOT NULL,
    uid         TEXT NOT NULL,
    plan        TEXT NOT NULL,
    generation  INTEGER NOT NULL,
    seen_at     INTEGER NOT NULL,
    accepted_at INTEGER,
    PRIMARY KEY (account, uid)
) WITHOUT ROWID;

-- The alerts that the cluster was told as events, so that none is told twice.
CREATE TABLE tenant_alerts (
    account      TEXT NOT NULL,
    uid          TEXT NOT NULL,
    period_start INTEGER NOT NULL,
    meter        TEXT NOT NULL,
    level        TEXT NOT NULL,
    arming       INTEGER NOT NULL,
    kind         TEXT NOT NULL,
    told_at      INTEGER NOT NULL,
    PRIMARY KEY (account, uid, period_start, meter, level, arming, kind)
) WITHOUT ROWID;
