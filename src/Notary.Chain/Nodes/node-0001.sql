-- What a ledger node keeps beside the tables of the chain that it mirrors. Forward only: a change is a new numbered file.
-- One row: whose copy this is. The chain is bound by the first start, for ever.
CREATE TABLE node (
    one     INTEGER PRIMARY KEY CHECK (one = 1),
    genesis BLOB                              -- SHA-256 of the chain's genesis document; NULL before the first start
) STRICT;
INSERT INTO node (one, genesis) VALUES (1, NULL);

-- Checkpoints of the log that were taken: uploads may end at them.
CREATE TABLE pending (
    size INTEGER PRIMARY KEY,
    root BLOB NOT NULL,
    note BLOB NOT NULL                        -- text and the log's line
) STRICT;

-- Checkpoints that the log signed and that were not taken, above what is stored: compared when the entries get there.
CREATE TABLE unheld (
    size INTEGER NOT NULL,
    root BLOB    NOT NULL,
    note BLOB    NOT NULL,
    PRIMARY KEY (size, root)
) STRICT;

-- What was found wrong, each thing once.
CREATE TABLE evidence (
    id     INTEGER PRIMARY KEY,
    kind   INTEGER NOT NULL,                  -- AlarmKind
    place  INTEGER NOT NULL,                  -- tree size, or index of the leaf
    at     INTEGER NOT NULL,                  -- Unix milliseconds
    reason TEXT    NOT NULL,
    about  BLOB    NOT NULL,                  -- 32 bytes: the other root, or the hash of the leaf
    ours   BLOB    NOT NULL,                  -- what this node holds: a note, or a root of 32 bytes
    theirs BLOB    NOT NULL,                  -- the note that contradicts it; a leaf lies among the entries
    UNIQUE (kind, place, about)
) STRICT;
