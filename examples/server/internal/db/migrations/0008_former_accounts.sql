-- The names of accounts that were removed. None is given again: what was asked for, approved and recorded under it is not another's.
CREATE TABLE server_former_accounts (name TEXT PRIMARY KEY);

-- When the password was set, or the account made: a session from before has ended.
ALTER TABLE server_accounts ADD COLUMN password_at BIGINT NOT NULL DEFAULT 0;
UPDATE server_accounts SET password_at = created_at;
