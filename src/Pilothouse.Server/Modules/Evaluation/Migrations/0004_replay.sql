-- resumed: how often a start of the server went on with it. replay: blob with the recording that answered instead of models.
ALTER TABLE evl_evaluation ADD COLUMN resumed BIGINT NOT NULL DEFAULT 0;
ALTER TABLE evl_evaluation ADD COLUMN replay TEXT;
-- The history of one case over the evaluations of its project. Cases stored before have none.
ALTER TABLE evl_case ADD COLUMN case_id TEXT;
CREATE INDEX evl_case_history ON evl_case (case_id, suite);
CREATE INDEX evl_case_outcome ON evl_case (evaluation_id, outcome, idx);
