-- platform: how a device is reached, as the ledger names it. Of an Android device cert is the SHA-256 of its signing key, there and in
-- server_bindings, where the key is kept from serving a second device.
ALTER TABLE server_devices ADD COLUMN platform TEXT NOT NULL DEFAULT 'apple';
CREATE INDEX server_devices_serial ON server_devices (serial) WHERE serial <> '';

-- told_until: until when one server alone may tell the ledger what it does not know yet of the device's bindings.
ALTER TABLE server_devices ADD COLUMN told_until BIGINT NOT NULL DEFAULT 0;
CREATE INDEX server_bindings_unrecorded ON server_bindings (device) WHERE unrecorded <> '';

-- What the server needs to talk to an Android device. signing_key: its public key (PKIX). seq: the number of the last command, which never
-- goes back; it leaves one out when the device enrols again or is removed. fcm_token is empty for one that is not woken; fcm_dead_at: when
-- FCM knew the token as dead, or 0. state_at: of when what it said last of itself is.
-- provisions: reset tokens that it was offered since one was there; provision_at: when the last one was. question: the ID under which it was
-- last asked for its state, empty once it has answered; asks: how often it was asked under that ID; asked_at: when it last was.
CREATE TABLE server_agents (
    device       TEXT    PRIMARY KEY REFERENCES server_devices (id),
    signing_key  BYTEA   NOT NULL,
    seq          BIGINT  NOT NULL,
    fcm_token    TEXT    NOT NULL,
    fcm_at       BIGINT  NOT NULL,
    fcm_dead_at  BIGINT  NOT NULL,
    state_at     BIGINT  NOT NULL,
    provisions   BIGINT  NOT NULL,
    provision_at BIGINT  NOT NULL,
    question     TEXT    NOT NULL,
    asks         BIGINT  NOT NULL,
    asked_at     BIGINT  NOT NULL
);

-- One-time enrolment codes. signing_key: the SHA-256 of the key that used the code up, and device what that became; NULL until then.
CREATE TABLE server_agent_codes (
    sha256      BYTEA  PRIMARY KEY,
    expires_at  BIGINT NOT NULL,
    signing_key BYTEA,
    device      TEXT
);

-- Requests that were taken, by the SHA-256 of their ID, as long as one of this time would be taken.
CREATE TABLE server_agent_requests (
    device TEXT   NOT NULL,
    jti    BYTEA  NOT NULL,
    until  BIGINT NOT NULL,
    PRIMARY KEY (device, jti)
);
CREATE INDEX server_agent_requests_until ON server_agent_requests (until);
