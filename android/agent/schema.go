package agent

import (
	"embed"
	"io/fs"
)

//go:embed schema/*.json
var schemas embed.FS

// Schemas holds the JSON Schemas of the contract (draft 2020-12), one file for each message, such as command.json. They refer to
// definitions in defs.json.
func Schemas() fs.FS {
	sub, err := fs.Sub(schemas, "schema")
	if err != nil { // only for an invalid path
		panic(err)
	}
	return sub
}
