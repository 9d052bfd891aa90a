-- What each day's last summary knew, as JSON of a few numbers, and by which formulas it was computed: with
-- them it can be computed again from the rows. NULL of days before this version.
ALTER TABLE snapshot_days ADD COLUMN formula_version BIGINT;
ALTER TABLE snapshot_days ADD COLUMN knew TEXT COLLATE "C";
