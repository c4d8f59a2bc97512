-- A server writes here, and deletes it, to find out whether there is room.
CREATE TABLE server_heartbeat (
    id   TEXT  PRIMARY KEY,
    room BYTEA NOT NULL
);
