-- Right or wrong by case, packed (FlakeRule), of every suite that asked anew: whether a case flickers is read from the latest ones of the same target.
CREATE TABLE evl_verdict (
    evaluation_id TEXT NOT NULL,
    suite TEXT NOT NULL,
    project TEXT NOT NULL,
    target TEXT NOT NULL,
    verdicts TEXT NOT NULL,
    PRIMARY KEY (evaluation_id, suite)
);
CREATE INDEX evl_verdict_target ON evl_verdict (project, suite, target, evaluation_id);
