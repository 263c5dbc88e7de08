-- Where a version comes from, one row a fact, to be asked from either end. relation is in words, read from cause to effect.
CREATE TABLE reg_edge (
    object_type TEXT NOT NULL,
    name TEXT NOT NULL,
    version BIGINT NOT NULL,
    relation TEXT NOT NULL,
    source_kind TEXT NOT NULL,
    source_id TEXT NOT NULL,
    PRIMARY KEY (object_type, name, version, relation, source_kind, source_id)
);
CREATE INDEX reg_edge_source ON reg_edge (source_kind, source_id);
INSERT INTO reg_edge SELECT object_type, name, version, 'made by', 'run', run_id FROM reg_version WHERE run_id IS NOT NULL;
INSERT INTO reg_edge SELECT object_type, name, version, 'code', 'commit', COALESCE(project, '-') || '/' || commit_id FROM reg_version WHERE commit_id IS NOT NULL;
INSERT INTO reg_edge SELECT object_type, name, version, 'registered from', 'logged_model', model_id FROM reg_version WHERE model_id IS NOT NULL;
INSERT INTO reg_edge SELECT object_type, name, version, 'base model', 'model', substr(base_model, 9) FROM reg_version WHERE base_model LIKE 'models:/%/%';
INSERT INTO reg_edge SELECT v.object_type, v.name, v.version, 'trained on', 'dataset', substr(d, 11) FROM reg_version v, jsonb_array_elements_text(v.datasets::jsonb) d WHERE d LIKE 'datasets:/%/%' ON CONFLICT DO NOTHING;
INSERT INTO reg_edge SELECT 'dataset', v.name, v.version, 'derived from', 'dataset', substr(d, 11) FROM reg_dataset_version v, jsonb_array_elements_text(v.parents::jsonb) d WHERE d LIKE 'datasets:/%/%' ON CONFLICT DO NOTHING;
