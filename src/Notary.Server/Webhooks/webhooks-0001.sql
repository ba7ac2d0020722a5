-- The webhooks of accounts and how far each has been told. Forward only: a change is a new numbered file. No secret lies here: each is derived from its salt by the webhook key.
CREATE TABLE webhook (
    account    TEXT    NOT NULL,
    chain      TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    url        TEXT    NOT NULL,
    salt       BLOB    NOT NULL,              -- 32 random bytes
    created    INTEGER NOT NULL,              -- Unix milliseconds, as all times here
    position   TEXT    NOT NULL,              -- id of the last event that it took, or of where it began
    pending_id TEXT    NOT NULL,              -- id of the event that it is to take next; empty without one
    pending    BLOB    NOT NULL,              -- that event's body: each attempt sends the same bytes
    attempts   INTEGER NOT NULL,              -- failed ones with that event
    next_try   INTEGER NOT NULL,
    delivered  INTEGER NOT NULL,              -- last success; 0 before the first
    failed     INTEGER NOT NULL,              -- last failure; 0 before the first
    failing    INTEGER NOT NULL,              -- first failure since the last success; 0 without one
    failure    TEXT    NOT NULL,              -- how the last failure went
    disabled   TEXT    NOT NULL,              -- empty, gone or failing
    PRIMARY KEY (account, chain, name)
) STRICT, WITHOUT ROWID;
