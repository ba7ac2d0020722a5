-- What is known of a chain beyond its own seals: final and anchored checkpoints. Forward only: a change is a new numbered file.
-- One row: the newest final checkpoint. Its bytes are fixed here, once: proofs, anchors and tokens carry them.
CREATE TABLE final (
    one  INTEGER PRIMARY KEY CHECK (one = 1),
    size INTEGER NOT NULL,
    note BLOB    NOT NULL,                    -- text, the log's line, the quorum's lines in order
    at   INTEGER NOT NULL                     -- Unix milliseconds
) STRICT;

-- Final checkpoints that the main chain anchored.
CREATE TABLE anchored (
    size       INTEGER PRIMARY KEY,
    note       BLOB    NOT NULL,
    main_index INTEGER NOT NULL,              -- of the anchor leaf on the main chain
    at         INTEGER NOT NULL
) STRICT;
