-- What a release lists, and the evidence about it, to be asked from either end.
CREATE TABLE pkg_edge (
    release_digest TEXT NOT NULL,
    relation TEXT NOT NULL,
    source_kind TEXT NOT NULL,
    source_id TEXT NOT NULL,
    PRIMARY KEY (release_digest, relation, source_kind, source_id)
);
CREATE INDEX pkg_edge_source ON pkg_edge (source_kind, source_id);
CREATE INDEX pkg_release_commit ON pkg_release (commit_id);
INSERT INTO pkg_edge SELECT r.digest, 'contains', 'model', substr(c ->> 'reference', 9) FROM pkg_release r, jsonb_array_elements(r.components::jsonb) c WHERE c ->> 'reference' LIKE 'models:/%/%' ON CONFLICT DO NOTHING;
INSERT INTO pkg_edge SELECT r.digest, 'dataset of', 'dataset', substr(c ->> 'reference', 11) FROM pkg_release r, jsonb_array_elements(r.components::jsonb) c WHERE c ->> 'reference' LIKE 'datasets:/%/%' ON CONFLICT DO NOTHING;
INSERT INTO pkg_edge SELECT release_digest, 'evidence', evidence_type, source_id FROM pkg_evidence WHERE evidence_type IN ('evaluation', 'fairness') ON CONFLICT DO NOTHING;
