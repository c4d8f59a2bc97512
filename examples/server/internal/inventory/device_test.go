package inventory_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/mdmproto"
)

// TestChipIsThatOfPreflight holds the chip that is listed against what preflight says of the same facts.
func TestChipIsThatOfPreflight(t *testing.T) {
	yes, no := true, false
	for _, c := range []struct {
		name  string
		facts map[string]string
		want  *bool
	}{
		{"nothing but a version", map[string]string{"OSVersion": "15.1"}, nil},
		{"says so", map[string]string{"OSVersion": "15.1", "IsAppleSilicon": "true"}, &yes},
		{"denies it", map[string]string{"OSVersion": "15.1", "IsAppleSilicon": "false"}, &no},
		{"hint of macOS 11", map[string]string{"OSVersion": "11.4", "SupportsiOSAppInstalls": "true"}, &yes},
		{"no hint", map[string]string{"OSVersion": "11.4", "SupportsiOSAppInstalls": "false"}, nil},
		{"before macOS 11", map[string]string{"OSVersion": "10.13.6"}, &no},
		{"nonsense", map[string]string{"OSVersion": "eleven"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.enrol("A")
			w.answer(c.facts)
			d, err := w.Find(t.Context(), "A")
			require.NoError(t, err)
			assert.Equal(t, c.want, d.Silicon)
			listed, err := w.Devices(t.Context(), ada, "", "", 0)
			require.NoError(t, err)
			assert.Equal(t, c.want, listed[0].Silicon)
			findings := mdmproto.Platform(nil).Codec.Plan(d.Device, lock.Request{}).Findings
			unknown := slices.ContainsFunc(findings, func(f lock.Finding) bool { return f.Code == "chip_unknown" })
			assert.Equal(t, unknown, d.Silicon == nil, "%v", findings)
		})
	}
}

func TestOldPadIsNoIntel(t *testing.T) {
	w := newWorld(t)
	w.enrol("A")
	w.answer(map[string]string{"OSVersion": "10.3", "ProductName": "iPad6,3"})
	d, err := w.Find(t.Context(), "A")
	require.NoError(t, err)
	assert.Nil(t, d.Silicon)
}
