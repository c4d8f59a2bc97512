package db

// Texts is a query for the texts of a JSON list, which is the value at a placeholder, as rows of one column called value: a list of any
// length is one variable so.
func (d *DB) Texts(placeholder string) string {
	if d.pool != nil {
		return `SELECT value FROM json_array_elements_text(` + placeholder + `::json)`
	}
	return `SELECT value FROM json_each(` + placeholder + `)`
}

// Bytewise goes behind a text that is compared or ordered by its bytes: PostgreSQL would do so by the rules of a language.
func (d *DB) Bytewise() string {
	if d.pool != nil {
		return ` COLLATE "C"`
	}
	return ""
}
