-- What was agreed with accounts, and the alerts that follow from use and quota.

-- Plan versions as they were published; they are never changed.
CREATE TABLE plan_versions (
    plan     TEXT COLLATE "C" NOT NULL,
    version  BIGINT NOT NULL,
    document TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (plan, version)
);

-- n counts from 1 inside an account. at_seq is the account's newest row when it was recorded:
-- later rows are measured against it.
CREATE TABLE agreements (
    account      TEXT COLLATE "C" NOT NULL REFERENCES accounts (account),
    n            BIGINT NOT NULL,
    plan         TEXT COLLATE "C" NOT NULL,
    version      BIGINT NOT NULL,
    effective_at BIGINT NOT NULL,
    agreed_at    BIGINT NOT NULL,
    recorded_at  BIGINT NOT NULL,
    at_seq       BIGINT NOT NULL,
    PRIMARY KEY (account, n),
    FOREIGN KEY (plan, version) REFERENCES plan_versions (plan, version)
);

CREATE TABLE alert_states (
    account      TEXT COLLATE "C" NOT NULL,
    period_start BIGINT NOT NULL,
    meter        TEXT COLLATE "C" NOT NULL,
    soft_arming  BIGINT NOT NULL,
    soft_fired   BIGINT NOT NULL,
    hard_arming  BIGINT NOT NULL,
    hard_fired   BIGINT NOT NULL,
    PRIMARY KEY (account, period_start, meter)
);

-- seq is the row with which it happened, or the newest row when a change of plan did it.
CREATE TABLE alerts (
    account      TEXT COLLATE "C" NOT NULL,
    period_start BIGINT NOT NULL,
    meter        TEXT COLLATE "C" NOT NULL,
    level        TEXT COLLATE "C" NOT NULL,
    arming       BIGINT NOT NULL,
    kind         TEXT COLLATE "C" NOT NULL,
    seq          BIGINT NOT NULL,
    used_micro   BIGINT NOT NULL,
    quota_micro  BIGINT,
    at           BIGINT NOT NULL,
    PRIMARY KEY (account, period_start, meter, level, arming, kind)
);
