-- By which version of the formula a period is billed and held against its quotas: that of the program that
-- opened it, for good. Those from before this version of the schema are of the first.
ALTER TABLE periods ADD COLUMN formula INTEGER NOT NULL DEFAULT 1;
