-- Groups: of devices, which are a tree, and of users, which are not. parent is empty at the top. Names differ below one parent.
CREATE TABLE server_groups (
    id     TEXT PRIMARY KEY,
    kind   TEXT NOT NULL, -- devices or users
    name   TEXT NOT NULL,
    parent TEXT NOT NULL,
    UNIQUE (kind, parent, name)
);
CREATE INDEX server_groups_parent ON server_groups (parent);

-- member: the ID of a device that is in the inventory, or the name of a user as devices report it.
CREATE TABLE server_group_members (
    grp    TEXT NOT NULL REFERENCES server_groups (id),
    member TEXT NOT NULL,
    PRIMARY KEY (grp, member)
);
CREATE INDEX server_group_members_member ON server_group_members (member);
CREATE INDEX server_devices_user ON server_devices (user_name);

-- rights: verbs with a space between; the first administrator has all whatever is written here. password is empty for who has none and
-- uses API tokens alone. restricted: sees the devices of its groups and their subgroups alone, none without a group.
ALTER TABLE server_accounts ADD COLUMN rights TEXT NOT NULL DEFAULT '';
ALTER TABLE server_accounts ADD COLUMN restricted INTEGER NOT NULL DEFAULT 0;
ALTER TABLE server_accounts ADD COLUMN created_at BIGINT NOT NULL DEFAULT 0;

CREATE TABLE server_account_groups (
    account TEXT NOT NULL REFERENCES server_accounts (name),
    grp     TEXT NOT NULL REFERENCES server_groups (id),
    PRIMARY KEY (account, grp)
);
