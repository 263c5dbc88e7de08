-- When objects of an object store were last looked for; a disk keeps that itself.
CREATE TABLE blb_use (
    digest BLOB NOT NULL,
    form BIGINT NOT NULL,
    used_ms BIGINT NOT NULL,
    PRIMARY KEY (digest, form)
) WITHOUT ROWID;
