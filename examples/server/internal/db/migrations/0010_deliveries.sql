-- Where an account gets mail; empty: nowhere.
ALTER TABLE server_accounts ADD COLUMN email TEXT NOT NULL DEFAULT '';

-- New passcodes that go out by mail, one row for each recipient. No passcode is in here, and of a link no more than the SHA-256 of its token.
-- state: waiting (for the action's confirmation, or for the next attempt), sent, opened, failed, void (there is nothing to send any more).
-- version fences what a worker writes that was overtaken by another one.
CREATE TABLE server_deliveries (
    id            TEXT    PRIMARY KEY,
    action        TEXT    NOT NULL,
    recipient     TEXT    NOT NULL, -- admin or user
    address       TEXT    NOT NULL,
    actor_id      TEXT    NOT NULL, -- who ordered it: whose rights it is revealed with
    actor_name    TEXT    NOT NULL,
    actor_address TEXT    NOT NULL,
    mode          TEXT    NOT NULL, -- link or clear, as it was sent; empty: not yet
    state         TEXT    NOT NULL,
    cause         TEXT    NOT NULL, -- why the last attempt failed, or there is nothing to send
    attempts      INTEGER NOT NULL,
    version       BIGINT  NOT NULL,
    ordered_at    BIGINT  NOT NULL,
    due_at        BIGINT  NOT NULL, -- when a worker looks at it next; of what does not wait: when it ended, or its link expires
    begun_at      BIGINT  NOT NULL, -- the first attempt, or the first after a second person approved
    sent_at       BIGINT  NOT NULL,
    expires_at    BIGINT  NOT NULL, -- of the link
    opened_at     BIGINT  NOT NULL,
    token         BYTEA             -- SHA-256; NULL: there is no link
);
CREATE INDEX server_deliveries_action ON server_deliveries (action);
CREATE INDEX server_deliveries_due ON server_deliveries (due_at) WHERE state = 'waiting';
CREATE INDEX server_deliveries_ended ON server_deliveries (due_at) WHERE state <> 'waiting';
CREATE UNIQUE INDEX server_deliveries_token ON server_deliveries (token) WHERE token IS NOT NULL;
