-- The edges between which each day's last summary saw the period's bill.
ALTER TABLE snapshot_days ADD COLUMN cost_low_minor INTEGER;
ALTER TABLE snapshot_days ADD COLUMN cost_high_minor INTEGER;

-- What closed periods came to: total_minor is NULL when no plan was in force. Of the days of the period
-- that foresaw it, so many did so within their edges; the mean error is of those days, in millionths.
CREATE TABLE settlements (
    account      TEXT NOT NULL REFERENCES accounts (account),
    period_start INTEGER NOT NULL,
    recorded_at  INTEGER NOT NULL,
    total_minor  INTEGER,
    currency     TEXT,
    foreseen     INTEGER NOT NULL,
    within       INTEGER NOT NULL,
    error_ppm    INTEGER,
    PRIMARY KEY (account, period_start)
) WITHOUT ROWID;
