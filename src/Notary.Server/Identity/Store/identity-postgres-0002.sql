-- What the OpenID provider keeps: its keys, what persons allowed to clients, and what may be presented once. Forward only.

-- The keys that sign tokens, encrypted under the identity key. A key is published before it signs, and verifies until what it signed has expired.
CREATE TABLE identity.token_key (
    number                bigint NOT NULL,                -- from 1
    kid                   text NOT NULL,                  -- RFC 7638 thumbprint
    private_key           text NOT NULL,                  -- PKCS #8, encrypted
    created               bigint NOT NULL,                -- Unix milliseconds, as all times here
    signs_from            bigint NOT NULL,
    PRIMARY KEY (number)
);

-- What a person allowed to a client at one time; its tokens are one family.
CREATE TABLE identity.client_authorization (
    id                    uuid NOT NULL,                  -- UUIDv7
    client                text NOT NULL,
    account_id            uuid NOT NULL,
    session_id            uuid NOT NULL,                  -- in which it was allowed
    scope                 text NOT NULL,                  -- sorted, separated by spaces
    redirect_uri          text NOT NULL,
    challenge             text NOT NULL,                  -- RFC 7636, S256
    nonce                 text NOT NULL,
    key_thumbprint        text NOT NULL,                  -- dpop_jkt of RFC 9449 clause 10, or empty
    auth_time             bigint NOT NULL,
    methods               text NOT NULL,                  -- of the session, RFC 8176
    created               bigint NOT NULL,
    expires               bigint NOT NULL,                -- nothing is refreshed after it
    revoked               bigint,
    PRIMARY KEY (id),
    FOREIGN KEY (account_id) REFERENCES identity.account (id) ON DELETE CASCADE
);

-- Codes and refresh tokens. A used one stays: who presents it again reveals that it was stolen.
CREATE TABLE identity.authorization_secret (
    key_hash              bytea NOT NULL,                 -- SHA-256 of what the client has
    authorization_id      uuid NOT NULL,
    kind                  integer NOT NULL,               -- 1 code, 2 refresh token
    expires               bigint NOT NULL,
    used                  bigint,
    PRIMARY KEY (key_hash),
    FOREIGN KEY (authorization_id) REFERENCES identity.client_authorization (id) ON DELETE CASCADE
);

-- Assertions and proofs that were presented, until they have expired.
CREATE TABLE identity.used_assertion (
    key_hash              bytea NOT NULL,                 -- SHA-256 of kind, sender and jti
    expires               bigint NOT NULL,
    PRIMARY KEY (key_hash)
);

CREATE INDEX client_authorization_account ON identity.client_authorization (account_id);
CREATE INDEX authorization_secret_authorization ON identity.authorization_secret (authorization_id);
CREATE INDEX used_assertion_expires ON identity.used_assertion (expires);
