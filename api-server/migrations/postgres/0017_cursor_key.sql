-- What signs the cursors of lists: made by the first server, so that any server reads another one's.
CREATE TABLE cursor_key (
    id BIGINT NOT NULL PRIMARY KEY,
    k  BYTEA NOT NULL
);
