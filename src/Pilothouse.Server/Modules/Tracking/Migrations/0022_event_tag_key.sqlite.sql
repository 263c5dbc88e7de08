-- The key is a hash of the tag: an index of PostgreSQL cannot hold long tags.
DROP TABLE trk_event_tag;
CREATE TABLE trk_event_tag (
    run BIGINT NOT NULL, folder TEXT NOT NULL, key TEXT NOT NULL, tag BLOB NOT NULL, described BIGINT NOT NULL, plugin TEXT NOT NULL, content BLOB NOT NULL,
    display_name TEXT NOT NULL, description TEXT NOT NULL, data_class BIGINT NOT NULL, PRIMARY KEY (run, folder, key)
);
