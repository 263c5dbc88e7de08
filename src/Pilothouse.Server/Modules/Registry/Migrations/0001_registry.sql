-- One row an object; locking it serialises the registrations of its versions.
CREATE TABLE reg_object (
    object_type TEXT NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    latest_version BIGINT NOT NULL,
    created_ms BIGINT NOT NULL,
    updated_ms BIGINT NOT NULL,
    PRIMARY KEY (object_type, name)
);
CREATE TABLE reg_model_version (
    name TEXT NOT NULL,
    version BIGINT NOT NULL,
    kind TEXT NOT NULL,
    digest TEXT NOT NULL,
    size BIGINT NOT NULL,
    files TEXT NOT NULL,
    description TEXT,
    run_id TEXT,
    project TEXT,
    commit_id TEXT,
    datasets TEXT NOT NULL,
    base_model TEXT,
    created_by TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    PRIMARY KEY (name, version),
    UNIQUE (name, digest)
);
CREATE TABLE reg_alias (
    name TEXT NOT NULL,
    alias TEXT NOT NULL,
    version BIGINT NOT NULL,
    updated_ms BIGINT NOT NULL,
    PRIMARY KEY (name, alias)
);
CREATE TABLE reg_dataset_version (
    name TEXT NOT NULL,
    version BIGINT NOT NULL,
    digest TEXT NOT NULL,
    format TEXT NOT NULL,
    size BIGINT NOT NULL,
    row_count BIGINT NOT NULL,
    column_names TEXT NOT NULL,
    description TEXT,
    project TEXT,
    source TEXT,
    parents TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    PRIMARY KEY (name, version),
    UNIQUE (name, digest)
);
CREATE TABLE reg_prompt_version (
    name TEXT NOT NULL,
    version BIGINT NOT NULL,
    digest TEXT NOT NULL,
    template TEXT NOT NULL,
    variables TEXT NOT NULL,
    description TEXT,
    project TEXT,
    commit_id TEXT,
    created_by TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    PRIMARY KEY (name, version),
    UNIQUE (name, digest)
);
