package agent_test

import (
	"encoding/base64"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/android/agent"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/pin"
)

var update = flag.Bool("update", false, "write the golden files")

const (
	passcode = "48291573"
	tokenID  = lock.ID("0193506e-0000-7a31-9d0c-1f0f6c5d2a10")
)

func token(t testing.TB) pin.PIN {
	p, err := pin.Bytes([]byte(strings.Repeat("t0ken!", 6)[:32]))
	require.NoError(t, err)
	return p
}

func code(t testing.TB, s string) pin.PIN {
	p, err := pin.Parse(s)
	require.NoError(t, err)
	return p
}

// ordered is an order for dev-1.
func ordered(p *phone, kind lock.Kind, edits ...func(*lock.Order)) lock.Order {
	d := device("dev-1")
	d.Facts = map[string]lock.Fact{"mode": {Value: "device_owner"}}
	if p != nil {
		key, _ := json.Marshal(jose.JSONWebKey{Key: &p.agreement.PublicKey})
		d.Facts["agreement_key"] = lock.Fact{Value: string(key)}
	}
	o := lock.Order{Device: d, Action: lock.Action{ID: actionID, Kind: kind, NotAfter: now.Add(10*time.Minute + 7*time.Microsecond), Device: d}}
	for _, edit := range edits {
		edit(&o)
	}
	return o
}

func withPIN(t testing.TB) func(*lock.Order) {
	return func(o *lock.Order) { o.PIN = code(t, passcode) }
}

func withToken(t testing.TB) func(*lock.Order) {
	return func(o *lock.Order) { o.Secret, o.Action.Uses = token(t), tokenID }
}

func options(names ...string) func(*lock.Order) {
	return func(o *lock.Order) {
		o.Action.Options = map[string]string{}
		for _, n := range names {
			name, value, _ := strings.Cut(n, "=")
			o.Action.Options[name] = value
		}
	}
}

func mode(m string) func(*lock.Order) {
	return func(o *lock.Order) { o.Device.Facts["mode"] = lock.Fact{Value: m} }
}

// Every command, with what its secret holds in place of the JWE. The files are what an agent's developer reads.
func TestCommandsAreAsTheirGoldenFiles(t *testing.T) {
	p := &phone{signing: newKey(t), agreement: newKey(t)}
	for _, c := range []struct {
		name  string
		order lock.Order
	}{
		{"lock", ordered(nil, lock.KindLock)},
		{"lock_message", ordered(nil, lock.KindLock, func(o *lock.Order) { o.Action.Message, o.Action.PhoneNumber = "Lost. Please call", "+41 44 000 00 00" })},
		{"lock_profile", ordered(nil, lock.KindLock, options("scope=profile"), mode("profile_owner"))},
		{"lock_evict", ordered(nil, lock.KindLock, options("evict_ce_key=true"), mode("profile_owner"))},
		{"reset_token", ordered(p, lock.KindResetPasscode, withPIN(t), withToken(t), options("require_entry=true", "lock_now=true"))},
		{"reset_token_profile", ordered(p, lock.KindResetPasscode, withPIN(t), withToken(t), mode("profile_owner"))},
		{"reset_token_unknown_mode", ordered(p, lock.KindResetPasscode, withPIN(t), withToken(t), mode(""))},
		{"reset_direct", ordered(p, lock.KindResetPasscode, withPIN(t), options("do_not_ask_credentials_on_boot=true"))},
		{"clear_token", ordered(p, lock.KindClearPasscode, withToken(t))},
		{"clear_direct", ordered(nil, lock.KindClearPasscode)},
		{"provision", ordered(p, lock.KindProvisionToken, func(o *lock.Order) { o.Secret = token(t) })},
		{"provision_replace", ordered(p, lock.KindProvisionToken, func(o *lock.Order) { o.Secret, o.Action.Forced = token(t), true })},
		{"revoke", ordered(nil, lock.KindRevokeToken, func(o *lock.Order) { o.Action.Of = tokenID })},
	} {
		t.Run(c.name, func(t *testing.T) {
			body, err := agent.Platform(nil).Codec.Encode(c.order)
			require.NoError(t, err)
			for _, secret := range []string{passcode, c.order.Secret.Expose(), base64.StdEncoding.EncodeToString([]byte(c.order.Secret.Expose()))} {
				if secret != "" {
					assert.NotContains(t, string(body), secret)
				}
			}
			golden(t, "command/"+c.name+".json", opened(t, p, body))
			conforms(t, "command", numbered(t, body))
		})
	}
}

// opened is a command with its secret in clear beside it, in place of the JWE.
func opened(t *testing.T, p *phone, body []byte) []byte {
	var c map[string]any
	require.NoError(t, json.Unmarshal(body, &c))
	args, ok := c["args"].(map[string]any)
	require.True(t, ok)
	if sealed, ok := args["secret"].(string); ok {
		args["secret"] = json.RawMessage(decrypt(t, p, sealed))
	}
	c["seq"], c["iat"] = 42, now // as it gets them when it leaves
	text, err := json.MarshalIndent(c, "", "  ")
	require.NoError(t, err)
	return append(text, '\n')
}

// decrypt is what a phone does: its own key, these algorithms, and no others.
func decrypt(t *testing.T, p *phone, sealed string) []byte {
	jwe, err := jose.ParseEncryptedCompact(sealed, []jose.KeyAlgorithm{jose.ECDH_ES}, []jose.ContentEncryption{jose.A256GCM})
	require.NoError(t, err)
	assert.NotContains(t, jwe.Header.ExtraHeaders, "zip")
	plain, err := jwe.Decrypt(p.agreement)
	require.NoError(t, err)
	conforms(t, "secret", plain)
	return plain
}

// numbered is a command as it leaves.
func numbered(t *testing.T, body []byte) []byte {
	var c map[string]any
	require.NoError(t, json.Unmarshal(body, &c))
	c["seq"], c["iat"] = 1, now
	return marshal(t, c)
}

func golden(t *testing.T, name string, got []byte) {
	file := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, got, 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, string(want), string(got))
}

func TestEachEncryptionIsAnother(t *testing.T) {
	p := &phone{agreement: newKey(t)}
	o := ordered(p, lock.KindResetPasscode, withPIN(t), withToken(t))
	a, err := agent.Platform(nil).Codec.Encode(o)
	require.NoError(t, err)
	b, err := agent.Platform(nil).Codec.Encode(o)
	require.NoError(t, err)
	assert.NotEqual(t, a, b)
}

func TestOrderThatCannotBeEncoded(t *testing.T) {
	p := &phone{agreement: newKey(t)}
	key := func(value string) func(*lock.Order) {
		return func(o *lock.Order) { o.Device.Facts["agreement_key"] = lock.Fact{Value: value} }
	}
	short, err := pin.Bytes([]byte("0123456789abcdef0123456789abcde"))
	require.NoError(t, err)
	for _, c := range []struct {
		name, field string
		order       lock.Order
	}{
		{"no deadline", "not_after", ordered(p, lock.KindLock, func(o *lock.Order) { o.Action.NotAfter = time.Time{} })},
		{"a long message", "message", ordered(p, lock.KindLock, func(o *lock.Order) { o.Action.Message = strings.Repeat("x", 1025) })},
		{"a message that is not UTF-8", "message", ordered(p, lock.KindLock, func(o *lock.Order) { o.Action.Message = "\xff" })},
		{"no passcode", "pin", ordered(p, lock.KindResetPasscode, withToken(t))},
		{"no key", "device.facts.agreement_key", ordered(nil, lock.KindResetPasscode, withPIN(t))},
		{"no key for a token", "device.facts.agreement_key", ordered(nil, lock.KindProvisionToken, withToken(t))},
		{"a key that is none", "device.facts.agreement_key", ordered(p, lock.KindResetPasscode, withPIN(t), key(`{"kty":"OKP"}`))},
		{"a key that is off the curve", "device.facts.agreement_key", ordered(p, lock.KindResetPasscode, withPIN(t), key(swapXY(t, jwkText(t, &p.agreement.PublicKey))))},
		{"no token", "secret", ordered(p, lock.KindProvisionToken)},
		{"no token for a reset", "secret", ordered(p, lock.KindResetPasscode, withPIN(t), func(o *lock.Order) { o.Action.Uses = tokenID })},
		{"a short token", "secret", ordered(p, lock.KindProvisionToken, func(o *lock.Order) { o.Secret = short })},
		{"nothing to revoke", "of", ordered(p, lock.KindRevokeToken)},
		{"another kind", "kind", ordered(p, lock.KindLostMode)},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := agent.Platform(nil).Codec.Encode(c.order)
			var input *lock.InputError
			require.ErrorAs(t, err, &input)
			assert.Equal(t, c.field, input.Field)
			assert.NotContains(t, err.Error(), passcode)
		})
	}
}

func TestPlatform(t *testing.T) {
	hub := agent.NewHub(nil)
	p := agent.Platform(hub)
	assert.Equal(t, "android", p.Name)
	assert.Equal(t, 10, p.MaxDeliveries)
	assert.Same(t, hub, p.Waker)
	assert.Nil(t, p.Sender)
	plan := p.Codec.Plan(device("dev-1"), lock.Request{Device: device("dev-1"), Kind: lock.KindLock})
	assert.True(t, plan.NoPIN, "as package android plans it")
}
