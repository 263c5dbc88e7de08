-- What names that move stood for when the evaluation was planned (JSON). Runs from before have none.
ALTER TABLE evl_evaluation ADD COLUMN pins TEXT;
