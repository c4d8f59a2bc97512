package group

// Visible is a term of a WHERE clause, on both engines: the account of the name at a placeholder sees the device whose ID is in a column.
// Of an account that is not there nothing is true. That the device is in the inventory is for the query to say.
func Visible(device, account string) string {
	return `(` + Whole(account) + ` OR ` + device + ` IN (` + Seen(account) + `))`
}

// Seen is a query for the IDs of the devices in the groups of an account, and in the groups below them.
func Seen(account string) string {
	return `WITH RECURSIVE seen (id) AS (
			SELECT grp FROM server_account_groups WHERE account = ` + account + `
			UNION SELECT g.id FROM server_groups g JOIN seen ON g.parent = seen.id
		) SELECT m.member FROM server_group_members m JOIN seen ON m.grp = seen.id`
}

// Whole is true of an account that is not restricted: it sees every device.
func Whole(account string) string {
	return `EXISTS (SELECT 1 FROM server_accounts WHERE name = ` + account + ` AND restricted = 0)`
}
