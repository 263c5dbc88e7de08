CREATE TABLE aud_entry (
    idx BIGINT PRIMARY KEY,
    time_ms BIGINT NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    details TEXT NOT NULL,
    leaf_hash TEXT NOT NULL,
    hash TEXT NOT NULL
);
CREATE INDEX aud_entry_subject ON aud_entry (subject, idx);
-- One row: the end of the chain. Locking it serialises the appenders.
CREATE TABLE aud_head (id BIGINT PRIMARY KEY, size BIGINT NOT NULL, hash TEXT NOT NULL);
INSERT INTO aud_head (id, size, hash) VALUES (1, 0, '');
