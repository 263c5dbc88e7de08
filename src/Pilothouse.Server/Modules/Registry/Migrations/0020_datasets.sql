-- Versions of many files, with what was found in them. Content may come back: a version that repeats an older one's is a version (a commit that undoes another).
CREATE TABLE reg_dataset (
    name TEXT NOT NULL,
    version BIGINT NOT NULL,
    digest TEXT NOT NULL,
    format TEXT NOT NULL,
    size BIGINT NOT NULL,
    row_count BIGINT NOT NULL,
    column_names TEXT NOT NULL,
    files TEXT NOT NULL,
    splits TEXT NOT NULL,
    derivation TEXT,
    profile TEXT,
    description TEXT,
    project TEXT,
    source TEXT,
    parents TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    PRIMARY KEY (name, version)
);
INSERT INTO reg_dataset (name, version, digest, format, size, row_count, column_names, files, splits, description, project, source, parents, created_by, created_ms)
SELECT name, version, digest, format, size, row_count, column_names,
    '[{"path":"data.' || format || '","digest":"' || digest || '","size":' || CAST(size AS TEXT) || ',"rows":' || CAST(row_count AS TEXT) || '}]', '[]',
    description, project, source, parents, created_by, created_ms FROM reg_dataset_version;
DROP TABLE reg_dataset_version;
ALTER TABLE reg_dataset RENAME TO reg_dataset_version;
CREATE INDEX reg_dataset_digest ON reg_dataset_version (name, digest);
