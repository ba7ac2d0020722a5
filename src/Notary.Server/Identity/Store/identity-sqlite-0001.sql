-- People, their factors, sessions and the audit trail. Forward only: a change is a new numbered file. IdentityContext is the model; a test holds both against each other.

-- People. One account, one role.
CREATE TABLE account (
    id                    TEXT NOT NULL,                  -- UUIDv7
    role                  INTEGER NOT NULL,               -- see Role: 1 citizen … 11 audit-administrator
    organisation          TEXT NOT NULL,                  -- of officials; else empty
    state                 INTEGER NOT NULL,               -- 1 proposed, 2 enrolling, 3 active, 4 disabled, 5 refused
    created               INTEGER NOT NULL,               -- Unix milliseconds, as all times here but lockout_end
    used_step             INTEGER NOT NULL,               -- the step of 30 s (RFC 6238) whose code was accepted last; 0 before the first
    person                BLOB,                           -- HMAC of the number of the person's document; of administrators and officials
    user_name             TEXT,
    normalized_user_name  TEXT,
    password_hash         TEXT,                           -- PBKDF2 as ASP.NET Core Identity writes it
    security_stamp        TEXT,
    concurrency_stamp     TEXT,
    two_factor_enabled    INTEGER NOT NULL,
    lockout_end           TEXT,
    lockout_enabled       INTEGER NOT NULL,
    access_failed_count   INTEGER NOT NULL,
    PRIMARY KEY (id)
) STRICT;

-- Sign-ins with another issuer.
CREATE TABLE account_login (
    login_provider        TEXT NOT NULL,
    provider_key          TEXT NOT NULL,
    provider_display_name TEXT,
    user_id               TEXT NOT NULL,
    PRIMARY KEY (login_provider, provider_key),
    FOREIGN KEY (user_id) REFERENCES account (id) ON DELETE CASCADE
) STRICT;

-- Secrets of factors, encrypted under the identity key.
CREATE TABLE account_token (
    user_id               TEXT NOT NULL,
    login_provider        TEXT NOT NULL,
    name                  TEXT NOT NULL,
    value                 TEXT,
    PRIMARY KEY (user_id, login_provider, name),
    FOREIGN KEY (user_id) REFERENCES account (id) ON DELETE CASCADE
) STRICT;

-- Passkeys: public keys and their counters.
CREATE TABLE account_passkey (
    credential_id         BLOB NOT NULL,
    user_id               TEXT NOT NULL,
    data                  TEXT NOT NULL,
    PRIMARY KEY (credential_id),
    FOREIGN KEY (user_id) REFERENCES account (id) ON DELETE CASCADE
) STRICT;

-- Sign-ins, open and ended.
CREATE TABLE session (
    id                    TEXT NOT NULL,
    account_id            TEXT NOT NULL,
    key_hash              BLOB NOT NULL,                  -- SHA-256 of the cookie
    created               INTEGER NOT NULL,
    seen                  INTEGER NOT NULL,               -- to the minute
    expires               INTEGER NOT NULL,
    methods               TEXT NOT NULL,                  -- RFC 8176
    agent                 TEXT NOT NULL,
    address               TEXT NOT NULL,
    ended                 INTEGER,                        -- before its time
    PRIMARY KEY (id),
    FOREIGN KEY (account_id) REFERENCES account (id) ON DELETE CASCADE
) STRICT;

-- What is presented once; taking it deletes it.
CREATE TABLE ticket (
    key_hash              BLOB NOT NULL,                  -- SHA-256 of what the holder has
    purpose               INTEGER NOT NULL,               -- see TicketPurpose
    account_id            TEXT,
    state                 TEXT NOT NULL,
    expires               INTEGER NOT NULL,
    PRIMARY KEY (key_hash)
) STRICT;

-- What two officers do together.
CREATE TABLE officer_act (
    id                    TEXT NOT NULL,
    kind                  INTEGER NOT NULL,               -- 1 create, 2 recover, 3 enable
    account_id            TEXT NOT NULL,                  -- whom it is about
    reason                TEXT NOT NULL,
    pin_hash              BLOB NOT NULL,                  -- SHA-256 of what the proposer hands to the person, beside the link that the confirmer has
    proposed_by           TEXT NOT NULL,
    proposed              INTEGER NOT NULL,
    expires               INTEGER NOT NULL,
    decided_by            TEXT,
    decided               INTEGER,
    confirmed             INTEGER,
    PRIMARY KEY (id),
    FOREIGN KEY (account_id) REFERENCES account (id) ON DELETE CASCADE
) STRICT;

-- One row: something that only the identity key opens, so that a server with another key does not start.
CREATE TABLE key_check (
    id                    INTEGER NOT NULL,
    sealed                TEXT NOT NULL,
    PRIMARY KEY (id)
) STRICT;

-- The audit trail: numbered without a gap, each row with an HMAC over itself and its predecessor.
CREATE TABLE audit (
    number                INTEGER NOT NULL,
    time                  INTEGER NOT NULL,
    actor                 TEXT NOT NULL,
    event                 TEXT NOT NULL,
    target                TEXT NOT NULL,
    refused               TEXT NOT NULL,                  -- empty: done
    address               TEXT NOT NULL,
    mac                   BLOB NOT NULL,
    PRIMARY KEY (number)
) STRICT;

CREATE UNIQUE INDEX account_name ON account (normalized_user_name);
-- Nobody holds two of the administrators' roles.
CREATE UNIQUE INDEX account_administrator ON account (person) WHERE role IN (9, 10, 11);
CREATE INDEX account_login_account ON account_login (user_id);
CREATE INDEX account_passkey_account ON account_passkey (user_id);
CREATE UNIQUE INDEX session_key ON session (key_hash);
CREATE INDEX session_account ON session (account_id);
CREATE INDEX ticket_expires ON ticket (expires);
CREATE INDEX officer_act_account ON officer_act (account_id);
