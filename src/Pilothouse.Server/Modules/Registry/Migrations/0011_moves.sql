-- Every move of an alias or a stage, written in the transaction of the move and of its audit entry; never deleted.
-- pointer: '@champion' or a stage. State: a version, or the versions of a stage separated by commas; null = none.
CREATE TABLE reg_move (
    audit_index BIGINT NOT NULL,
    object_type TEXT NOT NULL,
    name TEXT NOT NULL,
    pointer TEXT NOT NULL,
    kind TEXT NOT NULL,
    old_state TEXT,
    new_state TEXT,
    actor TEXT NOT NULL,
    reason TEXT,
    time_ms BIGINT NOT NULL,
    PRIMARY KEY (audit_index, pointer)
);
CREATE INDEX reg_move_pointer ON reg_move (object_type, name, pointer, audit_index);
-- What aliases pointed to before moves were kept. Their audit entries are not known here.
INSERT INTO reg_move (audit_index, object_type, name, pointer, kind, new_state, actor, time_ms)
SELECT -ROW_NUMBER() OVER (ORDER BY object_type, name, alias), object_type, name, '@' || alias, 'set', CAST(version AS TEXT), 'unknown', updated_ms FROM reg_pointer;
