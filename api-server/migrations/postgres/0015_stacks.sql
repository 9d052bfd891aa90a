-- How far the stack of a tenant that was made of a request is, as the operator says; written when that
-- changes, NULL while it said nothing. stack is `starting`, `ready` or `removed`, since stack_since; of
-- its parts (stack_parts) so many are ready; stack_waits says what it waits for.
ALTER TABLE provisions ADD COLUMN stack TEXT COLLATE "C";
ALTER TABLE provisions ADD COLUMN stack_since BIGINT;
ALTER TABLE provisions ADD COLUMN stack_ready BIGINT;
ALTER TABLE provisions ADD COLUMN stack_parts BIGINT;
ALTER TABLE provisions ADD COLUMN stack_waits TEXT COLLATE "C";
