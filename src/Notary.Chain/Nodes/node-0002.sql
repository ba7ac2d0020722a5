-- What the node says in its own name, signed: refused leaves, and that its key came into use. Served to anyone, never changed.
CREATE TABLE statement (
    id    INTEGER PRIMARY KEY,                -- in the order in which they were made, from 1 on
    kind  INTEGER NOT NULL,                   -- RecordKind: 15 node, 25 alarm
    place INTEGER NOT NULL,                   -- of an alarm the index of the leaf, of a node record 0
    bytes BLOB    NOT NULL,                   -- canonical JSON with the signature
    UNIQUE (kind, place)
) STRICT;
