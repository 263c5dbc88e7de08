ALTER TABLE rep_branch_rule ADD COLUMN required_checks TEXT NOT NULL DEFAULT '[]';
