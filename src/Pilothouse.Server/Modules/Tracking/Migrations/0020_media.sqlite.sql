-- What a run logs besides numbers: histogram, text, image, pr_curve, audio, tensor.
CREATE TABLE trk_media_series (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    run BIGINT NOT NULL,
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    display_name TEXT NOT NULL,
    description TEXT NOT NULL,
    plugin TEXT NOT NULL,
    content BLOB,
    UNIQUE (run, kind, key)
);
-- digest: first half of the SHA-256 of the payload, so that the same point again adds nothing. Payload in data, or, when large, in the blob store.
CREATE TABLE trk_media (
    series BIGINT NOT NULL, step BIGINT NOT NULL, time_ms BIGINT NOT NULL, digest TEXT NOT NULL, size BIGINT NOT NULL, blob TEXT, data BLOB
);
CREATE UNIQUE INDEX trk_media_point ON trk_media (series, step, time_ms, digest);
