CREATE TABLE idn_token (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    sha256 TEXT NOT NULL UNIQUE,
    role BIGINT NOT NULL,
    created_ms BIGINT NOT NULL,
    expires_ms BIGINT
);
