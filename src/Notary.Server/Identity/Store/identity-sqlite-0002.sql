-- What the OpenID provider keeps: its keys, what persons allowed to clients, and what may be presented once. Forward only.

-- The keys that sign tokens, encrypted under the identity key. A key is published before it signs, and verifies until what it signed has expired.
CREATE TABLE token_key (
    number                INTEGER NOT NULL,               -- from 1
    kid                   TEXT NOT NULL,                  -- RFC 7638 thumbprint
    private_key           TEXT NOT NULL,                  -- PKCS #8, encrypted
    created               INTEGER NOT NULL,               -- Unix milliseconds, as all times here
    signs_from            INTEGER NOT NULL,
    PRIMARY KEY (number)
) STRICT;

-- What a person allowed to a client at one time; its tokens are one family.
CREATE TABLE client_authorization (
    id                    TEXT NOT NULL,                  -- UUIDv7
    client                TEXT NOT NULL,
    account_id            TEXT NOT NULL,
    session_id            TEXT NOT NULL,                  -- in which it was allowed
    scope                 TEXT NOT NULL,                  -- sorted, separated by spaces
    redirect_uri          TEXT NOT NULL,
    challenge             TEXT NOT NULL,                  -- RFC 7636, S256
    nonce                 TEXT NOT NULL,
    key_thumbprint        TEXT NOT NULL,                  -- dpop_jkt of RFC 9449 clause 10, or empty
    auth_time             INTEGER NOT NULL,
    methods               TEXT NOT NULL,                  -- of the session, RFC 8176
    created               INTEGER NOT NULL,
    expires               INTEGER NOT NULL,               -- nothing is refreshed after it
    revoked               INTEGER,
    PRIMARY KEY (id),
    FOREIGN KEY (account_id) REFERENCES account (id) ON DELETE CASCADE
) STRICT;

-- Codes and refresh tokens. A used one stays: who presents it again reveals that it was stolen.
CREATE TABLE authorization_secret (
    key_hash              BLOB NOT NULL,                  -- SHA-256 of what the client has
    authorization_id      TEXT NOT NULL,
    kind                  INTEGER NOT NULL,               -- 1 code, 2 refresh token
    expires               INTEGER NOT NULL,
    used                  INTEGER,
    PRIMARY KEY (key_hash),
    FOREIGN KEY (authorization_id) REFERENCES client_authorization (id) ON DELETE CASCADE
) STRICT;

-- Assertions and proofs that were presented, until they have expired.
CREATE TABLE used_assertion (
    key_hash              BLOB NOT NULL,                  -- SHA-256 of kind, sender and jti
    expires               INTEGER NOT NULL,
    PRIMARY KEY (key_hash)
) STRICT;

CREATE INDEX client_authorization_account ON client_authorization (account_id);
CREATE INDEX authorization_secret_authorization ON authorization_secret (authorization_id);
CREATE INDEX used_assertion_expires ON used_assertion (expires);
