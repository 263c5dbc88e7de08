-- Models and prompts as MLflow's clients see them too: tags, stages, sources, versions that were deleted. One table of versions, tags and aliases for both.
ALTER TABLE reg_object ADD COLUMN description TEXT;
ALTER TABLE reg_object ADD COLUMN deleted_ms BIGINT;
ALTER TABLE reg_object ADD COLUMN renamed_to TEXT;
CREATE TABLE reg_version (
    object_type TEXT NOT NULL,
    name TEXT NOT NULL,
    version BIGINT NOT NULL,
    kind TEXT NOT NULL,
    digest TEXT,
    size BIGINT NOT NULL,
    files TEXT NOT NULL,
    template TEXT,
    variables TEXT NOT NULL,
    description TEXT,
    stage TEXT NOT NULL,
    source TEXT,
    location TEXT,
    run_id TEXT,
    run_link TEXT,
    model_id TEXT,
    project TEXT,
    commit_id TEXT,
    datasets TEXT NOT NULL,
    base_model TEXT,
    created_by TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    updated_ms BIGINT NOT NULL,
    deleted_ms BIGINT,
    PRIMARY KEY (object_type, name, version)
);
INSERT INTO reg_version (object_type, name, version, kind, digest, size, files, variables, description, stage, run_id, project, commit_id, datasets, base_model, created_by, created_ms, updated_ms)
SELECT 'model', name, version, kind, digest, size, files, '[]', description, 'None', run_id, project, commit_id, datasets, base_model, created_by, created_ms, created_ms FROM reg_model_version;
INSERT INTO reg_version (object_type, name, version, kind, digest, size, files, template, variables, description, stage, project, commit_id, datasets, created_by, created_ms, updated_ms)
SELECT 'prompt', name, version, CASE WHEN template LIKE '[{"role"%' THEN 'chat' ELSE 'text' END, digest, 0, '[]', template, variables, description, 'None', project, commit_id, '[]', created_by, created_ms, created_ms
FROM reg_prompt_version;
DROP TABLE reg_model_version;
DROP TABLE reg_prompt_version;
CREATE INDEX reg_version_digest ON reg_version (digest);
CREATE INDEX reg_version_run ON reg_version (run_id);
CREATE INDEX reg_version_updated ON reg_version (object_type, updated_ms);
-- Tags of an object have version 0.
CREATE TABLE reg_tag (
    object_type TEXT NOT NULL,
    name TEXT NOT NULL,
    version BIGINT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (object_type, name, version, key)
);
CREATE INDEX reg_tag_key ON reg_tag (object_type, key);
CREATE TABLE reg_pointer (
    object_type TEXT NOT NULL,
    name TEXT NOT NULL,
    alias TEXT NOT NULL,
    version BIGINT NOT NULL,
    updated_ms BIGINT NOT NULL,
    PRIMARY KEY (object_type, name, alias)
);
INSERT INTO reg_pointer (object_type, name, alias, version, updated_ms) SELECT 'model', name, alias, version, updated_ms FROM reg_alias;
DROP TABLE reg_alias;
