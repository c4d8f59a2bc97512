-- What several servers of one database share.

-- Secrets of the server itself. public: what may be known of one, as a certificate. The box holds the rest.
CREATE TABLE server_secrets (
    name   TEXT  PRIMARY KEY,
    public BYTEA NOT NULL,
    key_id TEXT  NOT NULL,
    box    BYTEA NOT NULL
);

INSERT INTO server_secrets (name, public, key_id, box) SELECT 'device CA key', cert, key_id, key_box FROM server_ca;
DROP TABLE server_ca;

-- Who is signed in. id is a hash of what the browser has. No data: it has ended, and a request that was on its way does not bring it back.
CREATE TABLE server_sessions (
    id         TEXT   PRIMARY KEY,
    data       BYTEA  NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX server_sessions_expires_at ON server_sessions (expires_at);

-- How much an address has tried to sign in: by when it has all its tries back.
CREATE TABLE server_tries (
    network TEXT   PRIMARY KEY,
    back_at BIGINT NOT NULL
);
CREATE INDEX server_tries_back_at ON server_tries (back_at);
