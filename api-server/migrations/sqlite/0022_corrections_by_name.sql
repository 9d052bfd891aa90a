-- Whether a correction was made before is looked up by its name; without this through all of its account's. The
-- number of the corrected row makes it the best of the indexes in every planner's eyes.
CREATE INDEX usage_ledger_by_correction ON usage_ledger (account, source, event_id, ref_seq) WHERE ref_seq > 0;
