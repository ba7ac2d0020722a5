-- The chain's own tables. Forward only: a change is a new numbered file.
-- One row: the head of the chain, and the lock that every append takes first.
CREATE TABLE head (
    one       INTEGER PRIMARY KEY CHECK (one = 1),
    size      INTEGER NOT NULL,           -- leaves committed
    root      BLOB    NOT NULL,           -- 32 bytes, of the tree of that size
    edge      BLOB    NOT NULL,           -- 32 bytes for each perfect subtree on the right edge, largest first
    sealed    INTEGER NOT NULL,           -- last sealed time, Unix milliseconds
    note      BLOB    NOT NULL,           -- the last stored signed note (a checkpoint of size <= head.size)
    note_size INTEGER NOT NULL
) STRICT;

-- The sealed leaves, one row a batch: entries as in a C2SP entry bundle, each a big-endian 16-bit length and the bytes.
CREATE TABLE segment (
    first   INTEGER PRIMARY KEY,
    count   INTEGER NOT NULL,
    entries BLOB    NOT NULL
) STRICT;

-- Hash tiles (C2SP tlog-tiles), 1 to 256 hashes of 32 bytes; the rightmost of each level grows.
CREATE TABLE tile (
    level  INTEGER NOT NULL,
    number INTEGER NOT NULL,
    hashes BLOB    NOT NULL,
    PRIMARY KEY (level, number)
) STRICT;

-- Beside the ledger, erasable one by one: the item box of the evidence record at that index; empty: lost with a database.
CREATE TABLE item (
    number INTEGER PRIMARY KEY,
    box    BLOB NOT NULL
) STRICT;

-- Idempotency: what a request with this key was answered, for 30 days.
CREATE TABLE request (
    account  TEXT    NOT NULL,
    key      TEXT    NOT NULL,
    digest   BLOB    NOT NULL,            -- SHA-256 of the raw body
    first    INTEGER NOT NULL,            -- index of the first good line
    count    INTEGER NOT NULL,
    outcomes BLOB    NOT NULL,            -- refused lines, as the answer named them
    at       INTEGER NOT NULL,            -- Unix milliseconds
    PRIMARY KEY (account, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX request_at ON request (at);

-- Indexes of the leaves that change the state of admission (all but plain evidence): what is read at start instead of the whole chain.
CREATE TABLE state_leaf (
    number INTEGER PRIMARY KEY
) STRICT;

-- Look-up keys waiting for the digest index: rows go when a durable run of the index holds them.
CREATE TABLE feed (
    first INTEGER PRIMARY KEY,
    keys  BLOB NOT NULL                   -- entries of 24 bytes: key (16), leaf index (8, big-endian)
) STRICT;
