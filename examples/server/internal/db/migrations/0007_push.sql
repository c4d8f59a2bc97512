-- When APNs knew the token as dead; 0: never. It counts unless the device has sent the token since.
ALTER TABLE server_channels ADD COLUMN dead_at BIGINT NOT NULL DEFAULT 0;
