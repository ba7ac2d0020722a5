-- Which version of the trust file the anchored checkpoints were last looked through under. A later version may reach back (a key is revoked at an index that the main chain has
-- passed): what it does not accept any more is taken out, and anchored again in a larger checkpoint.
CREATE TABLE judged (
    one     INTEGER PRIMARY KEY CHECK (one = 1),
    version INTEGER NOT NULL
) STRICT;
