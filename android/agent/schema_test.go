package agent_test

import (
	"bytes"
	"io/fs"
	"os"
	"regexp"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/android/agent"
)

// schemaOf compiles one of the contract's schemas.
func schemaOf(t testing.TB, name string) *jsonschema.Schema {
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	files, err := fs.Glob(agent.Schemas(), "*.json")
	require.NoError(t, err)
	for _, file := range files {
		text, err := fs.ReadFile(agent.Schemas(), file)
		require.NoError(t, err)
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		require.NoError(t, err, file)
		require.NoError(t, c.AddResource("agent:///"+file, doc))
	}
	s, err := c.Compile("agent:///" + name + ".json")
	require.NoError(t, err, name)
	return s
}

// fits says what a schema has against a document.
func fits(t testing.TB, name string, doc []byte) error {
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(doc))
	require.NoError(t, err)
	return schemaOf(t, name).Validate(value)
}

func conforms(t testing.TB, name string, doc []byte) {
	assert.NoError(t, fits(t, name, doc), "%s", doc)
}

func TestSchemasAreSchemas(t *testing.T) {
	files, err := fs.Glob(agent.Schemas(), "*.json")
	require.NoError(t, err)
	require.Len(t, files, 13)
	for _, file := range files {
		t.Run(file, func(t *testing.T) { schemaOf(t, file[:len(file)-len(".json")]) })
	}
}

func TestSchemasRefuse(t *testing.T) {
	const id = `"id":"0193506e-3c2a-7a31-9d0c-1f0f6c5d2a10"`
	head := `{"v":1,"typ":"android.dpc.command",` + id + `,"dev":"d","user":0,"seq":1,"iat":"2026-11-21T16:00:00Z","exp":"2026-11-21T16:10:00Z","pre":{},`
	result := `{"v":1,"typ":"android.dpc.result",` + id + `,"dev":"d",`
	for _, c := range []struct{ name, schema, doc string }{
		{"a passcode in clear", "command", head + `"cmd":"reset_password","args":{"method":"direct","secret":"123456","flags":[]}}`},
		{"a token without its ID", "command", head + `"cmd":"reset_password","args":{"method":"token","secret":"a..b.c.d","flags":[]}}`},
		{"an unknown command", "command", head + `"cmd":"wipe","args":{}}`},
		{"an unknown flag", "command", head + `"cmd":"clear_password","args":{"method":"direct","flags":["wipe"]}}`},
		{"a time without a zone", "command", `{"v":1,"typ":"android.dpc.command",` + id + `,"dev":"d","user":0,"seq":1,"iat":"2026-11-21T16:00:00","exp":"2026-11-21T16:10:00Z","pre":{},"cmd":"token_status","args":{}}`},
		{"success with a code of failure", "result", result + `"state":"succeeded","code":"TOKEN_NOT_ACTIVE"}`},
		{"an unknown state", "result", result + `"state":"done","code":"OK"}`},
		{"a private key", "enroll", `{"v":1,"typ":"android.dpc.enroll","code":"c","iat":"2026-11-21T16:00:00Z","device":{},"agreement_key":{"kty":"EC","crv":"P-256","d":"x"}}`},
		{"seventeen results", "results", `{"v":1,"results":["a.b.c","a.b.c","a.b.c","a.b.c","a.b.c","a.b.c","a.b.c","a.b.c","a.b.c","a.b.c","a.b.c","a.b.c","a.b.c","a.b.c","a.b.c","a.b.c","a.b.c"]}`},
		{"an unknown member of the state", "state-report", `{"v":1,"typ":"android.dpc.state","dev":"d","iat":"2026-11-21T16:00:00Z","device":{"imei":"1"}}`},
	} {
		t.Run(c.name, func(t *testing.T) { assert.Error(t, fits(t, c.schema, []byte(c.doc))) })
	}
}

// The codes stand in three places: the code, the manual, and the schema.
func TestEveryCodeIsDocumented(t *testing.T) {
	read := func(file string) string {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		return string(text)
	}
	manual, schema := read("doc.go"), read("schema/result.json")
	codes := regexp.MustCompile(`Code = "([A-Z_]+)"`).FindAllStringSubmatch(read("codes.go"), -1)
	require.Len(t, codes, 26)
	for _, c := range codes {
		assert.Contains(t, manual, c[1])
		assert.Contains(t, schema, `"`+c[1]+`"`)
	}
}
