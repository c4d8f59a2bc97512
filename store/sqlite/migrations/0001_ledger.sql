-- Times are microseconds since 1970, UTC. What has a column is what queries need; data is the whole action as JSON, but for due and wake.
CREATE TABLE actions (
  id      TEXT    NOT NULL PRIMARY KEY,
  scope   TEXT    NOT NULL,
  device  TEXT    NOT NULL,
  serial  TEXT    NOT NULL,
  actor   TEXT    NOT NULL,
  kind    TEXT    NOT NULL,
  state   TEXT    NOT NULL,
  lane    TEXT, -- NULL: holds none
  batch   TEXT    NOT NULL,
  ref     TEXT    NOT NULL,
  created INTEGER NOT NULL,
  due     INTEGER, -- NULL: never
  wake    INTEGER NOT NULL,
  version INTEGER NOT NULL,
  data    BLOB    NOT NULL
) STRICT;

-- One live action for each device and lane.
CREATE UNIQUE INDEX actions_lane ON actions (scope, device, lane) WHERE lane IS NOT NULL;
CREATE INDEX actions_device ON actions (scope, device, id);
CREATE INDEX actions_scope ON actions (scope, id);
CREATE INDEX actions_due ON actions (due, id) WHERE due IS NOT NULL;
CREATE INDEX actions_serial ON actions (serial, id) WHERE serial <> '';
CREATE INDEX actions_batch ON actions (batch, id) WHERE batch <> '';
CREATE INDEX actions_ref ON actions (ref, id) WHERE ref <> '';

-- Sealed boxes. A purged one is empty.
CREATE TABLE secrets (
  action TEXT    NOT NULL REFERENCES actions (id),
  n      INTEGER NOT NULL,
  key_id TEXT    NOT NULL,
  box    BLOB    NOT NULL,
  PRIMARY KEY (action, n)
) STRICT, WITHOUT ROWID;

CREATE INDEX secrets_key ON secrets (key_id);

-- body is the exact bytes that were hashed; the columns before it are copies for queries. A notice has no action and no seq.
CREATE TABLE events (
  position INTEGER PRIMARY KEY,
  action   TEXT REFERENCES actions (id),
  seq      INTEGER,
  type     TEXT    NOT NULL,
  time     INTEGER NOT NULL,
  scope    TEXT    NOT NULL,
  device   TEXT    NOT NULL,
  actor    TEXT    NOT NULL,
  prev     BLOB    NOT NULL,
  hash     BLOB    NOT NULL,
  body     BLOB    NOT NULL
) STRICT;

CREATE UNIQUE INDEX events_action ON events (action, seq) WHERE action IS NOT NULL;
CREATE UNIQUE INDEX events_notice ON events (hash) WHERE action IS NULL;
CREATE INDEX events_device ON events (scope, device);

-- Idempotency keys.
CREATE TABLE keys (
  scope  TEXT NOT NULL,
  key    TEXT NOT NULL,
  action TEXT NOT NULL REFERENCES actions (id),
  PRIMARY KEY (scope, key)
) STRICT, WITHOUT ROWID;

-- What happened stays, and nothing that a device may still need is deleted.
CREATE TRIGGER events_update BEFORE UPDATE ON events BEGIN SELECT RAISE(ABORT, 'events are never changed'); END;
CREATE TRIGGER events_delete BEFORE DELETE ON events BEGIN SELECT RAISE(ABORT, 'events are never deleted'); END;
CREATE TRIGGER actions_delete BEFORE DELETE ON actions BEGIN SELECT RAISE(ABORT, 'actions are never deleted'); END;
CREATE TRIGGER secrets_delete BEFORE DELETE ON secrets BEGIN SELECT RAISE(ABORT, 'secrets are never deleted'); END;
