-- People, their factors, sessions and the audit trail. Forward only: a change is a new numbered file. IdentityContext is the model; a test holds both against each other.

-- People. One account, one role.
CREATE TABLE identity.account (
    id                    uuid NOT NULL,                  -- UUIDv7
    role                  integer NOT NULL,               -- see Role: 1 citizen … 11 audit-administrator
    organisation          text NOT NULL,                  -- of officials; else empty
    state                 integer NOT NULL,               -- 1 proposed, 2 enrolling, 3 active, 4 disabled, 5 refused
    created               bigint NOT NULL,                -- Unix milliseconds, as all times here but lockout_end
    used_step             bigint NOT NULL,                -- the step of 30 s (RFC 6238) whose code was accepted last; 0 before the first
    person                bytea,                          -- HMAC of the number of the person's document; of administrators and officials
    user_name             text,
    normalized_user_name  text,
    password_hash         text,                           -- PBKDF2 as ASP.NET Core Identity writes it
    security_stamp        text,
    concurrency_stamp     text,
    two_factor_enabled    boolean NOT NULL,
    lockout_end           timestamp with time zone,
    lockout_enabled       boolean NOT NULL,
    access_failed_count   integer NOT NULL,
    PRIMARY KEY (id)
);

-- Sign-ins with another issuer.
CREATE TABLE identity.account_login (
    login_provider        text NOT NULL,
    provider_key          text NOT NULL,
    provider_display_name text,
    user_id               uuid NOT NULL,
    PRIMARY KEY (login_provider, provider_key),
    FOREIGN KEY (user_id) REFERENCES identity.account (id) ON DELETE CASCADE
);

-- Secrets of factors, encrypted under the identity key.
CREATE TABLE identity.account_token (
    user_id               uuid NOT NULL,
    login_provider        text NOT NULL,
    name                  text NOT NULL,
    value                 text,
    PRIMARY KEY (user_id, login_provider, name),
    FOREIGN KEY (user_id) REFERENCES identity.account (id) ON DELETE CASCADE
);

-- Passkeys: public keys and their counters.
CREATE TABLE identity.account_passkey (
    credential_id         bytea NOT NULL,
    user_id               uuid NOT NULL,
    data                  jsonb NOT NULL,
    PRIMARY KEY (credential_id),
    FOREIGN KEY (user_id) REFERENCES identity.account (id) ON DELETE CASCADE
);

-- Sign-ins, open and ended.
CREATE TABLE identity.session (
    id                    uuid NOT NULL,
    account_id            uuid NOT NULL,
    key_hash              bytea NOT NULL,                 -- SHA-256 of the cookie
    created               bigint NOT NULL,
    seen                  bigint NOT NULL,                -- to the minute
    expires               bigint NOT NULL,
    methods               text NOT NULL,                  -- RFC 8176
    agent                 text NOT NULL,
    address               text NOT NULL,
    ended                 bigint,                         -- before its time
    PRIMARY KEY (id),
    FOREIGN KEY (account_id) REFERENCES identity.account (id) ON DELETE CASCADE
);

-- What is presented once; taking it deletes it.
CREATE TABLE identity.ticket (
    key_hash              bytea NOT NULL,                 -- SHA-256 of what the holder has
    purpose               integer NOT NULL,               -- see TicketPurpose
    account_id            uuid,
    state                 text NOT NULL,
    expires               bigint NOT NULL,
    PRIMARY KEY (key_hash)
);

-- What two officers do together.
CREATE TABLE identity.officer_act (
    id                    uuid NOT NULL,
    kind                  integer NOT NULL,               -- 1 create, 2 recover, 3 enable
    account_id            uuid NOT NULL,                  -- whom it is about
    reason                text NOT NULL,
    pin_hash              bytea NOT NULL,                 -- SHA-256 of what the proposer hands to the person, beside the link that the confirmer has
    proposed_by           uuid NOT NULL,
    proposed              bigint NOT NULL,
    expires               bigint NOT NULL,
    decided_by            uuid,
    decided               bigint,
    confirmed             boolean,
    PRIMARY KEY (id),
    FOREIGN KEY (account_id) REFERENCES identity.account (id) ON DELETE CASCADE
);

-- One row: something that only the identity key opens, so that a server with another key does not start.
CREATE TABLE identity.key_check (
    id                    integer NOT NULL,
    sealed                text NOT NULL,
    PRIMARY KEY (id)
);

-- The audit trail: numbered without a gap, each row with an HMAC over itself and its predecessor.
CREATE TABLE identity.audit (
    number                bigint NOT NULL,
    time                  bigint NOT NULL,
    actor                 text NOT NULL,
    event                 text NOT NULL,
    target                text NOT NULL,
    refused               text NOT NULL,                  -- empty: done
    address               text NOT NULL,
    mac                   bytea NOT NULL,
    PRIMARY KEY (number)
);

CREATE UNIQUE INDEX account_name ON identity.account (normalized_user_name);
-- Nobody holds two of the administrators' roles.
CREATE UNIQUE INDEX account_administrator ON identity.account (person) WHERE role IN (9, 10, 11);
CREATE INDEX account_login_account ON identity.account_login (user_id);
CREATE INDEX account_passkey_account ON identity.account_passkey (user_id);
CREATE UNIQUE INDEX session_key ON identity.session (key_hash);
CREATE INDEX session_account ON identity.session (account_id);
CREATE INDEX ticket_expires ON identity.ticket (expires);
CREATE INDEX officer_act_account ON identity.officer_act (account_id);
