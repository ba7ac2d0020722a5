-- What is known of the chain beyond its own seals, for all servers that share it.
SET LOCAL search_path = notary, pg_catalog;

-- One row: the newest final checkpoint. Its bytes are fixed here, once: proofs, anchors and tokens carry them.
CREATE TABLE final (
    one  bigint PRIMARY KEY CHECK (one = 1),
    size bigint NOT NULL,
    note bytea  NOT NULL,                 -- text, the log's line, the quorum's lines in order
    at   bigint NOT NULL                  -- Unix milliseconds
) WITH (fillfactor = 10);

-- Final checkpoints that the main chain anchored.
CREATE TABLE anchored (
    size       bigint PRIMARY KEY,
    note       bytea  NOT NULL,
    main_index bigint NOT NULL,           -- of the anchor leaf on the main chain
    at         bigint NOT NULL
);

-- Which version of the trust file the anchored checkpoints were last looked through under.
CREATE TABLE judged (
    one     bigint PRIMARY KEY CHECK (one = 1),
    version bigint NOT NULL
);

UPDATE schema_version SET version = 2;
