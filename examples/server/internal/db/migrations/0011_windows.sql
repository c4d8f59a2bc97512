-- What the server needs to talk to a Windows device, whose certificate is that of server_devices. dev_id: how it names itself in every
-- message. digest_user: whom its digests are of, empty where the certificate alone proves who it is. digest: B64(MD5(user:secret)), and
-- session: what is kept of it between its messages; both are encrypted with a key of the server that lies sealed among its secrets. version
-- counts what session was. channel: where WNS reaches it, empty when it is not woken; channel_at: when it named that last, channel_dead_at:
-- when WNS knew the channel as dead, or 0; asked_at: when it was asked for it last.
CREATE TABLE server_computers (
    device          TEXT   PRIMARY KEY REFERENCES server_devices (id),
    dev_id          TEXT   NOT NULL UNIQUE,
    digest_user     TEXT   NOT NULL,
    digest          BYTEA,
    session         BYTEA,
    version         BIGINT NOT NULL,
    channel         TEXT   NOT NULL,
    channel_at      BIGINT NOT NULL,
    channel_dead_at BIGINT NOT NULL,
    asked_at        BIGINT NOT NULL
);
CREATE INDEX server_devices_cert ON server_devices (cert);
