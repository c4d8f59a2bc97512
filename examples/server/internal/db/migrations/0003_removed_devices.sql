-- A device that was removed is in no list. Its row stays, for the certificates that are bound to it, until it enrols again.
ALTER TABLE server_devices ADD COLUMN removed INTEGER NOT NULL DEFAULT 0;
