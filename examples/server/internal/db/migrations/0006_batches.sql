-- Bulk orders. What was ordered is in the ledger; here is for which devices, how far it is, and what became of each.
-- ask: the order as JSON, without a PIN. A shared PIN lies among the secrets of the server until the batch ends.
-- state: preparing (the devices are being written down), running, waiting (for a second person), then done or cancelled.
-- lease_by: the server that works on it now, until lease_until.
CREATE TABLE server_batches (
    id            TEXT    PRIMARY KEY,
    idempotency   TEXT    NOT NULL,
    ask           TEXT    NOT NULL,
    actor_id      TEXT    NOT NULL,
    actor_name    TEXT    NOT NULL,
    actor_address TEXT    NOT NULL,
    state         TEXT    NOT NULL,
    checked       INTEGER NOT NULL, -- preflight has looked at each device
    total         BIGINT  NOT NULL,
    cause         TEXT    NOT NULL, -- why it was cancelled
    stopped_by    TEXT    NOT NULL, -- who cancelled it, as JSON
    created_at    BIGINT  NOT NULL,
    ended_at      BIGINT  NOT NULL,
    lease_by      TEXT    NOT NULL,
    lease_until   BIGINT  NOT NULL
);
CREATE UNIQUE INDEX server_batches_idempotency ON server_batches (idempotency) WHERE idempotency <> '';
CREATE INDEX server_batches_created ON server_batches (created_at);
CREATE INDEX server_batches_state ON server_batches (state) WHERE state IN ('preparing', 'running', 'waiting');

-- The devices, numbered from 0 in the order of the bytes of their IDs: never more or fewer than when it was ordered.
-- outcome is what was known when the order was made (empty: nothing yet); what came of its action is the ledger's to say.
CREATE TABLE server_batch_items (
    batch   TEXT   NOT NULL REFERENCES server_batches (id),
    n       BIGINT NOT NULL,
    device  TEXT   NOT NULL,
    action  TEXT   NOT NULL DEFAULT '',
    outcome TEXT   NOT NULL DEFAULT '',
    code    TEXT   NOT NULL DEFAULT '',
    why     TEXT   NOT NULL DEFAULT '', -- the reason in words
    PRIMARY KEY (batch, n)
);
CREATE UNIQUE INDEX server_batch_items_device ON server_batch_items (batch, device);
CREATE INDEX server_batch_items_open ON server_batch_items (batch, n) WHERE outcome IN ('', 'ready');
