package oracle_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/api/androidmanagement/v1"
	messaging "google.golang.org/api/fcm/v1"

	"github.com/latchkey-mdm/latchkey/android/amapi"
	"github.com/latchkey-mdm/latchkey/android/fcm"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/pin"
)

func code(t *testing.T, digits string) pin.PIN {
	t.Helper()
	p, err := pin.Parse(digits)
	require.NoError(t, err)
	return p
}

func message(text string) *androidmanagement.UserFacingMessage {
	return &androidmanagement.UserFacingMessage{DefaultMessage: text}
}

// TestIssue: our client and Google's make the same request of each command.
func TestIssue(t *testing.T) {
	for name, c := range map[string]struct {
		ours    amapi.Command
		googles androidmanagement.Command
	}{
		"lock": {
			amapi.Command{Type: amapi.TypeLock, Duration: time.Hour},
			androidmanagement.Command{Type: "LOCK", Duration: "3600s"},
		},
		"lock with Google's duration": {amapi.Command{Type: amapi.TypeLock}, androidmanagement.Command{Type: "LOCK"}},
		"reset": {
			amapi.Command{Type: amapi.TypeResetPassword, Duration: 10 * time.Minute, NewPassword: code(t, "48291573")},
			androidmanagement.Command{Type: "RESET_PASSWORD", Duration: "600s", NewPassword: "48291573"},
		},
		"reset with all flags and odd characters": {
			amapi.Command{
				Type: amapi.TypeResetPassword, NewPassword: code(t, `a"<\&>é1`),
				Flags: []amapi.Flag{amapi.FlagRequireEntry, amapi.FlagDoNotAsk, amapi.FlagLockNow},
			},
			androidmanagement.Command{
				Type: "RESET_PASSWORD", NewPassword: `a"<\&>é1`,
				ResetPasswordFlags: []string{"REQUIRE_ENTRY", "DO_NOT_ASK_CREDENTIALS_ON_BOOT", "LOCK_NOW"},
			},
		},
		"clear": {
			amapi.Command{Type: amapi.TypeResetPassword, Duration: time.Minute},
			androidmanagement.Command{Type: "RESET_PASSWORD", Duration: "60s", ForceSendFields: []string{"NewPassword"}},
		},
		"lost mode": {
			amapi.Command{Type: amapi.TypeStartLostMode, Duration: time.Hour, LostMode: amapi.LostMode{
				Message: "Please call", PhoneNumber: "+49 30 1", EmailAddress: "it@example.org", StreetAddress: "1 Road", Organization: "Example",
			}},
			androidmanagement.Command{Type: "START_LOST_MODE", Duration: "3600s", StartLostModeParams: &androidmanagement.StartLostModeParams{
				LostMessage: message("Please call"), LostPhoneNumber: message("+49 30 1"), LostEmailAddress: "it@example.org",
				LostStreetAddress: message("1 Road"), LostOrganization: message("Example"),
			}},
		},
		"lost mode with a message alone": {
			amapi.Command{Type: amapi.TypeStartLostMode, LostMode: amapi.LostMode{Message: "Please call"}},
			androidmanagement.Command{
				Type: "START_LOST_MODE", StartLostModeParams: &androidmanagement.StartLostModeParams{LostMessage: message("Please call")},
			},
		},
		"end of lost mode": {
			amapi.Command{Type: amapi.TypeStopLostMode},
			androidmanagement.Command{Type: "STOP_LOST_MODE", StopLostModeParams: &androidmanagement.StopLostModeParams{}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := record(t)
			_, err := ours(t, r).Issue(t.Context(), device, c.ours)
			require.NoError(t, err)
			got := r.take(t)
			_, err = googles(t, r).IssueCommand(device, &c.googles).Do()
			require.NoError(t, err)
			require.NotNil(t, got.Body)
			assert.Equal(t, r.take(t), got)
		})
	}
}

// TestOperations: so they do for what became of a command.
func TestOperations(t *testing.T) {
	for name, c := range map[string]struct {
		ours    func(context.Context, *amapi.Client) error
		googles func(*androidmanagement.EnterprisesDevicesService) error
	}{
		"get": {
			func(ctx context.Context, c *amapi.Client) error { _, err := c.Operation(ctx, operation); return err },
			func(s *androidmanagement.EnterprisesDevicesService) error {
				_, err := s.Operations.Get(operation).Do()
				return err
			},
		},
		"list": {
			func(ctx context.Context, c *amapi.Client) error { _, err := c.Operations(ctx, device); return err },
			func(s *androidmanagement.EnterprisesDevicesService) error {
				_, err := s.Operations.List(device + "/operations").PageSize(100).Do()
				return err
			},
		},
		"cancel": {
			func(ctx context.Context, c *amapi.Client) error { return c.Cancel(ctx, operation) },
			func(s *androidmanagement.EnterprisesDevicesService) error {
				_, err := s.Operations.Cancel(operation).Do()
				return err
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := record(t)
			require.NoError(t, c.ours(t.Context(), ours(t, r)))
			got := r.take(t)
			require.NoError(t, c.googles(googles(t, r)))
			assert.Equal(t, r.take(t), got)
		})
	}
}

// tokens has one for every device.
type tokens struct{}

func (tokens) Token(context.Context, lock.Device) (string, error) { return "registration", nil }

func (tokens) Dead(context.Context, lock.Device, string, time.Time) error { return nil }

func TestWake(t *testing.T) {
	r := record(t)
	waker, err := fcm.New(fcm.Config{Host: r.URL, Credentials: source(), Project: "p-1", Tokens: tokens{}, KeepFor: time.Hour})
	require.NoError(t, err)
	require.NoError(t, waker.Wake(t.Context(), lock.Device{Scope: "acme", ID: "phone"}))
	got := r.take(t)
	_, err = googlesFCM(t, r).Send("projects/p-1", &messaging.SendMessageRequest{Message: &messaging.Message{
		Token: "registration", Data: map[string]string{"w": "1"},
		Android: &messaging.AndroidConfig{CollapseKey: "cmd", Priority: "HIGH", Ttl: "3600s", DirectBootOk: true},
	}}).Do()
	require.NoError(t, err)
	require.NotNil(t, got.Body)
	assert.Equal(t, r.take(t), got)
}
