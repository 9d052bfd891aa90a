-- What is known of accounts beside their use, and what all of it comes to.

-- Who asked for an agreement, and what it cost within the period in which it was made; what waits
-- for the period's end costs nothing in it.
CREATE TABLE agreement_notes (
    account      TEXT COLLATE "C" NOT NULL,
    n            BIGINT NOT NULL,
    actor        TEXT COLLATE "C" NOT NULL,
    credit_minor BIGINT,
    charge_minor BIGINT,
    PRIMARY KEY (account, n),
    FOREIGN KEY (account, n) REFERENCES agreements (account, n)
);

-- What customer success said of an account; n counts from 1 inside an account, the newest holds.
-- NULL is not known.
CREATE TABLE account_facts (
    account             TEXT COLLATE "C" NOT NULL REFERENCES accounts (account),
    n                   BIGINT NOT NULL,
    recorded_at         BIGINT NOT NULL,
    actor               TEXT COLLATE "C" NOT NULL,
    stage               TEXT COLLATE "C",
    go_live             TEXT COLLATE "C",
    departments_active  BIGINT,
    departments_planned BIGINT,
    criteria_met        BIGINT,
    criteria_due        BIGINT,
    budget_used_ppm     BIGINT,
    days_overdue        BIGINT,
    open_sev1           BIGINT,
    open_sev2           BIGINT,
    sev1_past_sla       BIGINT,
    PRIMARY KEY (account, n)
);

-- Answers of support. sla_hours is what was promised for it; met is 1 when it came within them.
CREATE TABLE support_interactions (
    account     TEXT COLLATE "C" NOT NULL REFERENCES accounts (account),
    n           BIGINT NOT NULL,
    source      TEXT COLLATE "C" NOT NULL,
    id          TEXT COLLATE "C" NOT NULL,
    opened_at   BIGINT NOT NULL,
    answered_at BIGINT NOT NULL,
    sla_hours   BIGINT NOT NULL,
    met         BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL,
    actor       TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (account, n)
);
CREATE UNIQUE INDEX support_interactions_by_id ON support_interactions (account, source, id);
CREATE INDEX support_interactions_by_time ON support_interactions (account, opened_at, n, met);

-- The newest summary of each account. stale is 1 when what it was computed from has changed since:
-- a row that happened before it, a plan, a fact. by_* are what lists are sorted by, with a place for
-- what is not known: health after all others, ratio and cost before. plan is '' where there is none.
CREATE TABLE snapshots (
    account         TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES accounts (account),
    computed_at     BIGINT NOT NULL,
    valid_until     BIGINT NOT NULL,
    ledger_seq      BIGINT NOT NULL,
    formula_version BIGINT NOT NULL,
    stale           BIGINT NOT NULL,
    plan            TEXT COLLATE "C" NOT NULL,
    version         BIGINT,
    health_bp       BIGINT,
    coverage_bp     BIGINT NOT NULL,
    standing        TEXT COLLATE "C" NOT NULL,
    flagged         BIGINT NOT NULL,
    level           TEXT COLLATE "C" NOT NULL,
    ratio_ppm       BIGINT,
    meter           TEXT COLLATE "C",
    currency        TEXT COLLATE "C",
    cost_minor      BIGINT,
    cost_low_minor  BIGINT,
    cost_high_minor BIGINT,
    by_health       BIGINT NOT NULL,
    by_ratio        BIGINT NOT NULL,
    by_cost         BIGINT NOT NULL,
    reason          TEXT COLLATE "C",
    costs           TEXT COLLATE "C",
    helps           TEXT COLLATE "C"
);
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
    account  TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES snapshots (account),
    document TEXT COLLATE "C" NOT NULL
);

-- The last summary of each day (UTC, as days since 1970), for lines over time.
CREATE TABLE snapshot_days (
    account     TEXT COLLATE "C" NOT NULL,
    day         BIGINT NOT NULL,
    computed_at BIGINT NOT NULL,
    ledger_seq  BIGINT NOT NULL,
    stale       BIGINT NOT NULL,
    flagged     BIGINT NOT NULL,
    health_bp   BIGINT,
    ratio_ppm   BIGINT,
    cost_minor  BIGINT,
    PRIMARY KEY (account, day)
);

-- The form with which an account came.
CREATE INDEX intakes_by_tenant ON intakes (tenant, status);
