package amapi_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/android/amapi"
	"github.com/latchkey-mdm/latchkey/lock"
)

// TestCommandIsRedacted: no way of printing a command shows its passcode, or what a lost screen says.
func TestCommandIsRedacted(t *testing.T) {
	c := amapi.Command{Type: amapi.TypeResetPassword, NewPassword: token(t, "48291573"), LostMode: amapi.LostMode{PhoneNumber: "48291573"}}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", slog.Any("command", c), slog.Any("pointer", &c), slog.Any("nested", []any{c}))
	for _, text := range []string{
		log.String(), fmt.Sprint(c), fmt.Sprintf("%v %+v %#v %s %q %x", c, c, c, c, c, c), fmt.Sprintf("%+v %#v", &c, struct{ C amapi.Command }{c}),
	} {
		assert.NotContains(t, text, "48291573")
		assert.NotContains(t, text, "3438323931353733", "in hexadecimal")
	}
	_, err := json.Marshal(c)
	require.Error(t, err)
	_, err = json.Marshal(map[string]any{"c": &c})
	require.Error(t, err)
}

// TestEncodeIsTheWayOut: only the body that leaves has the passcode.
func TestEncodeIsTheWayOut(t *testing.T) {
	body, err := codec(t).Encode(lock.Order{Action: lock.Action{Kind: lock.KindResetPasscode}, PIN: token(t, "48291573")})
	require.NoError(t, err)
	assert.JSONEq(t, `{"type":"RESET_PASSWORD","newPassword":"48291573"}`, string(body))
}
