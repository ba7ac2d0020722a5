-- The tables of a chain in PostgreSQL, in a database of its own. Forward only: a change is a new numbered file.
CREATE SCHEMA notary;
SET LOCAL search_path = notary, pg_catalog;

CREATE TABLE schema_version (version bigint NOT NULL);
INSERT INTO schema_version VALUES (1);

-- One row: the head of the chain, and the lock that every append takes first.
CREATE TABLE head (
    one       bigint PRIMARY KEY CHECK (one = 1),
    size      bigint NOT NULL,            -- leaves committed
    root      bytea  NOT NULL,            -- 32 bytes, of the tree of that size
    edge      bytea  NOT NULL,            -- 32 bytes for each perfect subtree on the right edge, largest first
    sealed    bigint NOT NULL,            -- last sealed time, Unix milliseconds
    note      bytea  NOT NULL,            -- the last stored signed note (a checkpoint of size <= head.size)
    note_size bigint NOT NULL
) WITH (fillfactor = 10);

-- The sealed leaves, one row a batch: entries as in a C2SP entry bundle, each a big-endian 16-bit length and the bytes.
CREATE TABLE segment (
    first   bigint PRIMARY KEY,
    count   bigint NOT NULL,
    entries bytea  NOT NULL
);
ALTER TABLE segment ALTER COLUMN entries SET STORAGE EXTERNAL; -- hashes do not compress

-- Hash tiles (C2SP tlog-tiles), 1 to 256 hashes of 32 bytes; the rightmost of each level grows.
CREATE TABLE tile (
    level  bigint NOT NULL,
    number bigint NOT NULL,
    hashes bytea  NOT NULL,
    PRIMARY KEY (level, number)
);
ALTER TABLE tile ALTER COLUMN hashes SET STORAGE EXTERNAL;

-- Beside the ledger, erasable one by one: the item box of the evidence record at that index; empty: lost with a database.
CREATE TABLE item (
    number bigint PRIMARY KEY,
    box    bytea  NOT NULL
);
ALTER TABLE item ALTER COLUMN box SET STORAGE EXTERNAL; -- ciphertext

-- Idempotency: what a request with this key was answered, for 30 days.
CREATE TABLE request (
    account  text   NOT NULL,
    key      text   NOT NULL,
    digest   bytea  NOT NULL,             -- SHA-256 of the raw body
    first    bigint NOT NULL,             -- index of the first good line
    count    bigint NOT NULL,
    outcomes bytea  NOT NULL,             -- refused lines, as the answer named them
    at       bigint NOT NULL,             -- Unix milliseconds
    PRIMARY KEY (account, key)
);
CREATE INDEX request_at ON request (at);

-- Indexes of the leaves that change the state of admission (all but plain evidence): what is read at start instead of the whole chain.
CREATE TABLE state_leaf (
    number bigint PRIMARY KEY
);

-- Look-up by digest and id: keyed hashes of 128 bits, and the leaf. Written with the batch, so that every process finds what any of them sealed.
CREATE TABLE lookup (
    high bigint NOT NULL,
    low  bigint NOT NULL,
    leaf bigint NOT NULL,
    PRIMARY KEY (high, low, leaf)
);
