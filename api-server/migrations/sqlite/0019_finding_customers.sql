-- By what a list by support is sorted: the share of answers that came in time, in millionths; where nobody
-- asked, after all others. Summaries that were made before say so of everybody; they are made anew, by their formula.
ALTER TABLE snapshots ADD COLUMN by_support INTEGER NOT NULL DEFAULT 9223372036854775807;
CREATE INDEX snapshots_support ON snapshots (by_support, account);
CREATE INDEX snapshots_flagged_support ON snapshots (flagged, by_support, account);
CREATE INDEX snapshots_level_support ON snapshots (level, by_support, account);
CREATE INDEX snapshots_plan_support ON snapshots (plan, by_support, account);
-- By which a customer is searched: letters from a to z are alike, large or small, in both engines.
CREATE INDEX accounts_folded ON accounts (lower(name));
CREATE INDEX accounts_folded_id ON accounts (lower(account));
