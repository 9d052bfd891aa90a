-- Tenants of the cluster that accounts are kept for. A row for each uid: a name that is used again is
-- another tenant. ended_at: since when it is gone, and its workloads' bindings with it.
CREATE TABLE tenants (
    account   TEXT COLLATE "C" NOT NULL REFERENCES accounts (account),
    uid       TEXT COLLATE "C" NOT NULL,
    name      TEXT COLLATE "C" NOT NULL,
    namespace TEXT COLLATE "C" NOT NULL,
    seen_at   BIGINT NOT NULL,
    ended_at  BIGINT,
    PRIMARY KEY (account, uid)
);

-- The plan that each one's spec asks for, since when it is known, and when it was agreed to; empty
-- when it asks for none.
CREATE TABLE tenant_plans (
    account     TEXT COLLATE "C" NOT NULL,
    uid         TEXT COLLATE "C" NOT NULL,
    plan        TEXT COLLATE "C" NOT NULL,
    generation  BIGINT NOT NULL,
    seen_at     BIGINT NOT NULL,
    accepted_at BIGINT,
    PRIMARY KEY (account, uid)
);

-- The alerts that the cluster was told as events, so that none is told twice.
CREATE TABLE tenant_alerts (
    account      TEXT COLLATE "C" NOT NULL,
    uid          TEXT COLLATE "C" NOT NULL,
    period_start BIGINT NOT NULL,
    meter        TEXT COLLATE "C" NOT NULL,
    level        TEXT COLLATE "C" NOT NULL,
    arming       BIGINT NOT NULL,
    kind         TEXT COLLATE "C" NOT NULL,
    told_at      BIGINT NOT NULL,
    PRIMARY KEY (account, uid, period_start, meter, level, arming, kind)
);
