-- What is known of accounts beside their use, and what all of it comes to.

-- Who asked for an agreement, and what it cost within the period in which it was made; what waits
-- for the period's end costs nothing in it.
CREATE TABLE agreement_notes (
    account      TEXT NOT NULL,
    n            INTEGER NOT NULL,
    actor        TEXT NOT NULL,
    credit_minor INTEGER,
    charge_minor INTEGER,
    PRIMARY KEY (account, n),
    FOREIGN KEY (account, n) REFERENCES agreements (account, n)
) WITHOUT ROWID;

-- What customer success said of an account; n counts from 1 inside an account, the newest holds.
-- NULL is not known.
CREATE TABLE account_facts (
    account             TEXT NOT NULL REFERENCES accounts (account),
    n                   INTEGER NOT NULL,
    recorded_at         INTEGER NOT NULL,
    actor               TEXT NOT NULL,
    stage               TEXT,
    go_live             TEXT,
    departments_active  INTEGER,
    departments_planned INTEGER,
    criteria_met        INTEGER,
    criteria_due        INTEGER,
    budget_used_ppm     INTEGER,
    days_overdue        INTEGER,
    open_sev1           INTEGER,
    open_sev2           INTEGER,
    sev1_past_sla       INTEGER,
    PRIMARY KEY (account, n)
) WITHOUT ROWID;

-- Answers of support. sla_hours is what was promised for it; met is 1 when it came within them.
CREATE TABLE support_interactions (
    account     TEXT NOT NULL REFERENCES accounts (account),
    n           INTEGER NOT NULL,
    source      TEXT NOT NULL,
    id          TEXT NOT NULL,
    opened_at   INTEGER NOT NULL,
    answered_at INTEGER NOT NULL,
    sla_hours   INTEGER NOT NULL,
    met         INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL,
    actor       TEXT NOT NULL,
    PRIMARY KEY (account, n)
) WITHOUT ROWID;
CREATE UNIQUE INDEX support_interactions_by_id ON support_interactions (account, source, id);
CREATE INDEX support_interactions_by_time ON support_interactions (account, opened_at, n, met);

-- The newest summary of each account. stale is 1 when what it was computed from has changed since:
-- a row that happened before it, a plan, a fact. by_* are what lists are sorted by, with a place for
-- what is not known: health after all others, ratio and cost before. plan is '' where there is none.
CREATE TABLE snapshots (
    account         TEXT NOT NULL PRIMARY KEY REFERENCES accounts (account),
    computed_at     INTEGER NOT NULL,
    valid_until     INTEGER NOT NULL,
    ledger_seq      INTEGER NOT NULL,
    formula_version INTEGER NOT NULL,
    stale           INTEGER NOT NULL,
    plan            TEXT NOT NULL,
    version         INTEGER,
    health_bp       INTEGER,
    coverage_bp     INTEGER NOT NULL,
    standing        TEXT NOT NULL,
    flagged         INTEGER NOT NULL,
    level           TEXT NOT NULL,
    ratio_ppm       INTEGER,
    meter           TEXT,
    currency        TEXT,
    cost_minor      INTEGER,
    cost_low_minor  INTEGER,
    cost_high_minor INTEGER,
    by_health       INTEGER NOT NULL,
    by_ratio        INTEGER NOT NULL,
    by_cost         INTEGER NOT NULL,
    reason          TEXT,
    costs           TEXT,
    helps           TEXT
) WITHOUT ROWID;
-- Each filter of the list with each of its orders, so that a page reads a page.
CREATE INDEX snapshots_health ON snapshots (by_health, account);
CREATE INDEX snapshots_ratio ON snapshots (by_ratio, account);
CREATE INDEX snapshots_cost ON snapshots (by_cost, account);
CREATE INDEX snapshots_flagged ON snapshots (flagged, account);
CREATE INDEX snapshots_flagged_health ON snapshots (flagged, by_health, account);
CREATE INDEX snapshots_flagged_ratio ON snapshots (flagged, by_ratio, account);
CREATE INDEX snapshots_flagged_cost ON snapshots (flagged, by_cost, account);
CREATE INDEX snapshots_level ON snapshots (level, account);
CREATE INDEX snapshots_level_health ON snapshots (level, by_health, account);
CREATE INDEX snapshots_level_ratio ON snapshots (level, by_ratio, account);
CREATE INDEX snapshots_level_cost ON snapshots (level, by_cost, account);
CREATE INDEX snapshots_plan ON snapshots (plan, account);
CREATE INDEX snapshots_plan_health ON snapshots (plan, by_health, account);
CREATE INDEX snapshots_plan_ratio ON snapshots (plan, by_ratio, account);
CREATE INDEX snapshots_plan_cost ON snapshots (plan, by_cost, account);

-- What a summary was computed from, as JSON: with it, it can be computed again and compared.
CREATE TABLE snapshot_inputs (
    account  TEXT NOT NULL PRIMARY KEY REFERENCES snapshots (account),
    document TEXT NOT NULL
) WITHOUT ROWID;

-- The last summary of each day (UTC, as days since 1970), for lines over time.
CREATE TABLE snapshot_days (
    account     TEXT NOT NULL,
    day         INTEGER NOT NULL,
    computed_at INTEGER NOT NULL,
    ledger_seq  INTEGER NOT NULL,
    stale       INTEGER NOT NULL,
    flagged     INTEGER NOT NULL,
    health_bp   INTEGER,
    ratio_ppm   INTEGER,
    cost_minor  INTEGER,
    PRIMARY KEY (account, day)
) WITHOUT ROWID;

-- The form with which an account came.
CREATE INDEX intakes_by_tenant ON intakes (tenant, status);
