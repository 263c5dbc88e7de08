-- The state of the registry that builds were last started for: one row.
CREATE TABLE pip_version_mark (
    id BIGINT NOT NULL PRIMARY KEY,
    state TEXT NOT NULL
);
