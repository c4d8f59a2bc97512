-- Times are microseconds since 1970 in UTC. Nothing here is in clear that opens a device: codes and API tokens are kept as SHA-256,
-- keys in boxes of the keyring.

-- One row: the device CA. The box holds its key.
CREATE TABLE server_ca (
    id      INTEGER PRIMARY KEY CHECK (id = 1),
    cert    BYTEA   NOT NULL,
    key_id  TEXT    NOT NULL,
    key_box BYTEA   NOT NULL
);

-- Certificates that the CA issued. renews: the device whose certificate it replaces, empty for an enrolment.
CREATE TABLE server_certificates (
    sha256    BYTEA  PRIMARY KEY,
    der       BYTEA  NOT NULL,
    renews    TEXT   NOT NULL,
    issued_at BIGINT NOT NULL
);

-- One-time enrolment codes. issued: the certificate that used the code up.
CREATE TABLE server_challenges (
    sha256     BYTEA  PRIMARY KEY,
    renews     TEXT   NOT NULL,
    expires_at BIGINT NOT NULL,
    issued     BYTEA
);

-- cert is the certificate in use; old_cert the one before, from a renewal until the new one is used.
CREATE TABLE server_devices (
    id           TEXT   PRIMARY KEY,
    serial       TEXT   NOT NULL,
    name         TEXT   NOT NULL,
    user_name    TEXT   NOT NULL,
    model        TEXT   NOT NULL,
    os_version   TEXT   NOT NULL,
    product_name TEXT   NOT NULL,
    enrolled     INTEGER NOT NULL,
    enrolled_at  BIGINT NOT NULL,
    seen_at      BIGINT NOT NULL,
    cert         BYTEA  NOT NULL,
    old_cert     BYTEA
);
CREATE INDEX server_devices_name ON server_devices (name, id);

-- Every certificate that a device ever enrolled with, so that none serves a second device.
-- unrecorded: what came of it (new, again, renewed) as long as the ledger does not know, then empty.
CREATE TABLE server_bindings (
    cert       BYTEA   PRIMARY KEY,
    device     TEXT    NOT NULL REFERENCES server_devices (id),
    unrecorded TEXT    NOT NULL,
    expires_at BIGINT  NOT NULL
);

-- user_id is empty on the device's own channel.
CREATE TABLE server_channels (
    device     TEXT   NOT NULL REFERENCES server_devices (id),
    user_id    TEXT   NOT NULL,
    user_name  TEXT   NOT NULL,
    token      BYTEA  NOT NULL,
    magic      BYTEA  NOT NULL,
    topic      TEXT   NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (device, user_id)
);

CREATE TABLE server_facts (
    device    TEXT   NOT NULL REFERENCES server_devices (id),
    name      TEXT   NOT NULL,
    value     TEXT   NOT NULL,
    learnt_at BIGINT NOT NULL,
    PRIMARY KEY (device, name)
);

-- Questions that a device has not answered yet. deferred: it said NotNow since it last came by itself.
CREATE TABLE server_queries (
    id       TEXT   PRIMARY KEY,
    device   TEXT   NOT NULL REFERENCES server_devices (id),
    kind     TEXT   NOT NULL,
    deferred INTEGER NOT NULL,
    UNIQUE (device, kind)
);

CREATE TABLE server_accounts (
    name     TEXT PRIMARY KEY,
    password TEXT NOT NULL
);

CREATE TABLE server_tokens (
    sha256     BYTEA  PRIMARY KEY,
    account    TEXT   NOT NULL REFERENCES server_accounts (name),
    created_at BIGINT NOT NULL
);
