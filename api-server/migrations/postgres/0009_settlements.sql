-- The edges between which each day's last summary saw the period's bill.
ALTER TABLE snapshot_days ADD COLUMN cost_low_minor BIGINT;
ALTER TABLE snapshot_days ADD COLUMN cost_high_minor BIGINT;

-- What closed periods came to: total_minor is NULL when no plan was in force. Of the days of the period
-- that foresaw it, so many did so within their edges; the mean error is of those days, in millionths.
CREATE TABLE settlements (
    account      TEXT COLLATE "C" NOT NULL REFERENCES accounts (account),
    period_start BIGINT NOT NULL,
    recorded_at  BIGINT NOT NULL,
    total_minor  BIGINT,
    currency     TEXT COLLATE "C",
    foreseen     BIGINT NOT NULL,
    within       BIGINT NOT NULL,
    error_ppm    BIGINT,
    PRIMARY KEY (account, period_start)
);
