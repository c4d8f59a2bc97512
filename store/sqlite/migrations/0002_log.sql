-- The feed by type: alarms, denials and readings are few among many events.
CREATE INDEX events_type ON events (type, position);

-- The Merkle log over the events: tiles of its tree, 8 levels high, and every checkpoint that was signed.
CREATE TABLE log_tiles (
  level  INTEGER NOT NULL,
  n      INTEGER NOT NULL,
  hashes BLOB    NOT NULL, -- 32 bytes each, at most 256
  PRIMARY KEY (level, n)
) STRICT;

CREATE TABLE log_checkpoints (
  size INTEGER NOT NULL PRIMARY KEY, -- number of leaves
  note BLOB    NOT NULL
) STRICT;

-- A tile grows, until it is full. What was signed stays.
CREATE TRIGGER log_tiles_delete BEFORE DELETE ON log_tiles BEGIN SELECT RAISE(ABORT, 'tiles are never deleted'); END;
CREATE TRIGGER log_checkpoints_update BEFORE UPDATE ON log_checkpoints BEGIN SELECT RAISE(ABORT, 'checkpoints are never changed'); END;
CREATE TRIGGER log_checkpoints_delete BEFORE DELETE ON log_checkpoints BEGIN SELECT RAISE(ABORT, 'checkpoints are never deleted'); END;
