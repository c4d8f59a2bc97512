package amapi_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/android/amapi"
	"github.com/latchkey-mdm/latchkey/android/amapi/amapitest"
	"github.com/latchkey-mdm/latchkey/lock"
)

// TestDevices: what devices do with a command, as the facts say, and what this package makes of it.
func TestDevices(t *testing.T) {
	reset := func(code string) amapi.Command {
		c := amapi.Command{Type: amapi.TypeResetPassword}
		if code != "" {
			c.NewPassword = token(&testing.T{}, code)
		}
		return c
	}
	lost := amapi.Command{Type: amapi.TypeStartLostMode, LostMode: amapi.LostMode{Message: "Please call", EmailAddress: "it@example.org"}}
	type device = amapitest.Device
	owner := device{Mode: amapitest.DeviceOwner, APILevel: 34, Passcode: "0000"}
	with := func(d device, edit func(*device)) device { edit(&d); return d }
	for name, c := range map[string]struct {
		device  device
		command amapi.Command
		outcome lock.Outcome
		code    string
		after   func(device) bool
	}{
		"lock":                               {owner, amapi.Command{Type: amapi.TypeLock}, lock.Acknowledged, "DONE", func(d device) bool { return d.Locks == 1 }},
		"six digits on 14":                   {owner, reset("482915"), lock.Acknowledged, "DONE", func(d device) bool { return d.Passcode == "482915" }},
		"five digits on 14":                  {owner, reset("48291"), lock.Refused, "INVALID_VALUE", func(d device) bool { return d.Passcode == "0000" }},
		"four letters on 14":                 {owner, reset("abcd"), lock.Acknowledged, "DONE", func(d device) bool { return d.Passcode == "abcd" }},
		"five digits on 13":                  {with(owner, func(d *device) { d.APILevel = 33 }), reset("48291"), lock.Acknowledged, "DONE", func(d device) bool { return d.Passcode == "48291" }},
		"seventeen":                          {owner, reset("48291573482915734"), lock.Refused, "INVALID_VALUE", func(d device) bool { return d.Passcode == "0000" }},
		"removed":                            {owner, reset(""), lock.Acknowledged, "DONE", func(d device) bool { return d.Passcode == "" }},
		"ignored":                            {with(owner, func(d *device) { d.Ignores = true }), reset("482915"), lock.Acknowledged, "DONE", func(d device) bool { return d.Passcode == "0000" }},
		"lost mode":                          {owner, lost, lock.Acknowledged, "SUCCESS", func(d device) bool { return d.Lost == "Please call, it@example.org" }},
		"lost mode twice":                    {with(owner, func(d *device) { d.Lost = "x" }), lost, lock.Acknowledged, "ALREADY_IN_LOST_MODE", func(d device) bool { return d.Lost == "x" }},
		"lost mode after a reset":            {with(owner, func(d *device) { d.ResetAt = start.Add(-11 * time.Hour) }), lost, lock.Refused, "RESET_PASSWORD_RECENTLY", func(d device) bool { return d.Lost == "" }},
		"lost mode half a day after a reset": {with(owner, func(d *device) { d.ResetAt = start.Add(-12 * time.Hour) }), lost, lock.Acknowledged, "SUCCESS", func(d device) bool { return d.Lost != "" }},
		"lost mode that was left":            {with(owner, func(d *device) { d.LeftAt = start.Add(-time.Hour) }), lost, lock.Refused, "USER_EXIT_LOST_MODE_RECENTLY", func(d device) bool { return d.Lost == "" }},
		"lost mode on 10":                    {with(owner, func(d *device) { d.APILevel = 29 }), lost, lock.Refused, "API_LEVEL", func(d device) bool { return d.Lost == "" }},
		"lost mode, own device":              {device{Mode: amapitest.ProfileOwner, APILevel: 34}, lost, lock.Acknowledged, "DONE", func(d device) bool { return d.Lost == "" }},
		"lost mode, company's work profile on 12": {device{Mode: amapitest.CompanyProfileOwner, APILevel: 32}, lost, lock.Refused, "API_LEVEL", func(d device) bool { return d.Lost == "" }},
		"end of lost mode":                        {with(owner, func(d *device) { d.Lost = "x" }), amapi.Command{Type: amapi.TypeStopLostMode}, lock.Acknowledged, "SUCCESS", func(d device) bool { return d.Lost == "" }},
		"end of nothing":                          {owner, amapi.Command{Type: amapi.TypeStopLostMode}, lock.Acknowledged, "NOT_IN_LOST_MODE", func(d device) bool { return d.Lost == "" }},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, h *harness) {
				h.google.Enroll(phone, c.device)
				issued, err := h.client.Issue(t.Context(), phone, c.command)
				require.NoError(t, err)
				require.False(t, issued.Done)
				require.Equal(t, 1, h.google.Sync(phone))
				o, err := h.client.Operation(t.Context(), issued.Name)
				require.NoError(t, err)
				report := o.Report()
				assert.Equal(t, c.outcome, report.Outcome)
				assert.Equal(t, c.code, report.Facts["code"])
				assert.True(t, c.after(h.google.Device(phone)), "%+v", h.google.Device(phone))
			})
		})
	}
}

// start is when the time of a bubble begins.
var start = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
