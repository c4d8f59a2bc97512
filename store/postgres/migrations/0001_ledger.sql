-- Times are microseconds since 1970, UTC. What has a column is what queries need; data is the whole action as JSON, but for due and wake.
-- Texts that are ordered or looked up have the collation "C", so that an upgrade of the system's locales cannot spoil an index.
-- There are no foreign keys: an action and what belongs to it are written in one transaction and never deleted, and looking up and locking
-- the action again for each row would double the cost of an order.
CREATE TABLE actions (
  id      TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  scope   TEXT COLLATE "C" NOT NULL,
  device  TEXT COLLATE "C" NOT NULL,
  serial  TEXT COLLATE "C" NOT NULL,
  actor   TEXT COLLATE "C" NOT NULL,
  kind    TEXT COLLATE "C" NOT NULL,
  state   TEXT COLLATE "C" NOT NULL,
  lane    TEXT COLLATE "C", -- NULL: holds none
  batch   TEXT COLLATE "C" NOT NULL,
  ref     TEXT COLLATE "C" NOT NULL,
  created BIGINT NOT NULL,
  due     BIGINT, -- NULL: never
  wake    BIGINT NOT NULL,
  version BIGINT NOT NULL,
  data    BYTEA  NOT NULL
);

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
  action TEXT COLLATE "C" NOT NULL,
  n      BIGINT NOT NULL,
  key_id TEXT COLLATE "C" NOT NULL,
  box    BYTEA  NOT NULL,
  PRIMARY KEY (action, n)
);

CREATE INDEX secrets_key ON secrets (key_id, action);

-- body is the exact bytes that were hashed; the columns before it are copies for queries. A notice has no action and no seq. An action's
-- event is inserted when the one before is there, so id follows seq within an action; it has gaps, and is no position.
CREATE TABLE events (
  id     BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  action TEXT COLLATE "C",
  seq    BIGINT,
  type   TEXT COLLATE "C" NOT NULL,
  time   BIGINT NOT NULL,
  scope  TEXT COLLATE "C" NOT NULL,
  device TEXT COLLATE "C" NOT NULL,
  actor  TEXT COLLATE "C" NOT NULL,
  prev   BYTEA  NOT NULL,
  hash   BYTEA  NOT NULL,
  body   BYTEA  NOT NULL
);

CREATE UNIQUE INDEX events_action ON events (action, seq) WHERE action IS NOT NULL;
CREATE UNIQUE INDEX events_notice ON events (hash) WHERE action IS NULL;
CREATE INDEX events_device ON events (scope, device);

-- Idempotency keys.
CREATE TABLE keys (
  scope  TEXT COLLATE "C" NOT NULL,
  key    TEXT COLLATE "C" NOT NULL,
  action TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (scope, key)
);

-- Events without a position, and the positions of all others: Sequence moves them.
CREATE TABLE outbox (
  event BIGINT NOT NULL PRIMARY KEY
);

CREATE TABLE log (
  position BIGINT NOT NULL PRIMARY KEY,
  event    BIGINT NOT NULL UNIQUE,
  type     TEXT COLLATE "C" NOT NULL -- that of the event, so that an index has the feed by type
);

CREATE INDEX log_type ON log (type, position);

-- The Merkle log over the feed. A tile grows, until it is full. What was signed stays.
CREATE TABLE log_tiles (
  level  BIGINT NOT NULL,
  n      BIGINT NOT NULL,
  hashes BYTEA  NOT NULL,
  PRIMARY KEY (level, n)
);

CREATE TABLE log_checkpoints (
  size BIGINT NOT NULL PRIMARY KEY,
  note BYTEA  NOT NULL
);

-- What happened stays, and nothing that a device may still need is deleted.
CREATE FUNCTION ledger_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% are never %', TG_ARGV[0], CASE TG_OP WHEN 'UPDATE' THEN 'changed' ELSE 'deleted' END;
END
$$;

CREATE TRIGGER events_update BEFORE UPDATE ON events EXECUTE FUNCTION ledger_refuse('events');
CREATE TRIGGER events_delete BEFORE DELETE OR TRUNCATE ON events EXECUTE FUNCTION ledger_refuse('events');
CREATE TRIGGER log_update BEFORE UPDATE ON log EXECUTE FUNCTION ledger_refuse('positions');
CREATE TRIGGER log_delete BEFORE DELETE OR TRUNCATE ON log EXECUTE FUNCTION ledger_refuse('positions');
CREATE TRIGGER actions_delete BEFORE DELETE OR TRUNCATE ON actions EXECUTE FUNCTION ledger_refuse('actions');
CREATE TRIGGER secrets_delete BEFORE DELETE OR TRUNCATE ON secrets EXECUTE FUNCTION ledger_refuse('secrets');
CREATE TRIGGER log_tiles_delete BEFORE DELETE OR TRUNCATE ON log_tiles EXECUTE FUNCTION ledger_refuse('tiles');
CREATE TRIGGER log_checkpoints_update BEFORE UPDATE ON log_checkpoints EXECUTE FUNCTION ledger_refuse('checkpoints');
CREATE TRIGGER log_checkpoints_delete BEFORE DELETE OR TRUNCATE ON log_checkpoints EXECUTE FUNCTION ledger_refuse('checkpoints');
