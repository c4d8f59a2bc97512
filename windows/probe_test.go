package windows

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/windows/omadm"
	"github.com/latchkey-mdm/latchkey/windows/syncml"
)

// probed is the answer to Probe: the codes in the order of its questions, and their results.
func probed(codes []omadm.Code, results ...[2]string) omadm.Answer {
	a := answered(Probe(), codes...)
	for _, r := range results {
		a = bring(a, r[0], "chr", r[1])
	}
	return a
}

func TestProbe(t *testing.T) {
	commands := Probe()
	require.NotEmpty(t, wire(t, commands))
	for _, c := range commands {
		require.Equal(t, syncml.VerbGet, c.Verb, "it changes nothing")
		require.Len(t, c.Items, 1, "each has its own status")
		require.NotEqual(t, uriNewPIN, c.Items[0].Target.URI, "which can be read once")
	}
}

func TestReadProbe(t *testing.T) {
	const children = "Lock/LockAndResetPIN/LockAndRecoverPIN/NewPINValue"
	for name, c := range map[string]struct {
		answer omadm.Answer
		want   map[string]string
	}{
		"phone": {
			probed([]omadm.Code{200, 200, 200, 405, 404, 404}, [2]string{uriSwV, buildPhone}, [2]string{uriEdition, "104"}, [2]string{uriRemoteLock, children}),
			options("build", buildPhone, "edition", "104", "class", "phone", "remote_lock", "yes", "remote_lock_reset", "yes", "remote_lock_recover", "yes",
				"sign_in_policy", "no", "laps", "no", "bitlocker", "no"),
		},
		"HoloLens": {
			probed([]omadm.Code{200, 200, 200, 404, 404, 200}, [2]string{uriSwV, "10.0.22621.1399"}, [2]string{uriEdition, "136"}, [2]string{uriRemoteLock, "Lock"}),
			options("build", "10.0.22621.1399", "edition", "136", "class", "hololens", "remote_lock", "yes", "remote_lock_reset", "no",
				"remote_lock_recover", "no", "sign_in_policy", "unknown", "laps", "no", "bitlocker", "yes"),
		},
		"desktop": {
			probed([]omadm.Code{200, 200, 404, 200, 200, 200}, [2]string{uriSwV, " " + buildDesktop + "\n"}, [2]string{uriEdition, "48"}),
			options("build", buildDesktop, "edition", "48", "class", "desktop", "remote_lock", "no", "sign_in_policy", "unknown", "laps", "yes", "bitlocker", "yes"),
		},
		"what stands on the label": {
			probed([]omadm.Code{0, 0, 0, 0, 0, 0, 200, 200, 200, 200}, [2]string{uriSerial, " 5CD1234XYZ\n"}, [2]string{uriName, "DESKTOP-1"},
				[2]string{uriMaker, "Contoso"}, [2]string{uriModel, "Slate 3"}),
			options("serial", "5CD1234XYZ", "name", "DESKTOP-1", "model", "Contoso Slate 3"),
		},
		"its maker in its model":     {probed(nil, [2]string{uriMaker, "Contoso"}, [2]string{uriModel, "Contoso Slate 3"}), options("model", "Contoso Slate 3")},
		"a maker alone":              {probed(nil, [2]string{uriMaker, "Contoso"}), options()},
		"server edition":             {probed([]omadm.Code{0, 200}, [2]string{uriEdition, "7"}), options("edition", "7")},
		"not said":                   {probed(nil), options()},
		"refused":                    {probed([]omadm.Code{425, 425, 425, 425, 425, 425}), options()},
		"406":                        {probed([]omadm.Code{0, 0, 406}), options("remote_lock", "no")},
		"remote lock 405":            {probed([]omadm.Code{0, 0, 405}), options()},
		"a list of something else":   {probed([]omadm.Code{0, 0, 200}, [2]string{uriRemoteLock, "a/b"}), options()},
		"reset without its value":    {probed([]omadm.Code{0, 0, 200}, [2]string{uriRemoteLock, "Lock/LockAndResetPIN"}), options("remote_lock", "yes", "remote_lock_reset", "no", "remote_lock_recover", "no")},
		"reset without a lock":       {probed([]omadm.Code{0, 0, 200}, [2]string{uriRemoteLock, "LockAndResetPIN/NewPINValue"}), options("remote_lock", "no", "remote_lock_reset", "yes", "remote_lock_recover", "no")},
		"a build that is none":       {probed([]omadm.Code{200}, [2]string{uriSwV, "Windows 11"}), options()},
		"a build without end":        {probed([]omadm.Code{200}, [2]string{uriSwV, strings.Repeat("1.", 400)}), options()},
		"an edition that is none":    {probed([]omadm.Code{0, 200}, [2]string{uriEdition, "-1"}), options()},
		"results in another message": {earlier(probed([]omadm.Code{200, 200, 200}, [2]string{uriSwV, buildPhone}, [2]string{uriRemoteLock, children})), options()},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.want, ReadProbe(c.answer)) })
	}
}

// What many devices have in place of a serial number would give each of them the others' history.
func TestSerialThatIsNone(t *testing.T) {
	for _, s := range []string{"", "None", "To be filled by O.E.M.", "Default string", "0", "00000000", "123456789", "0123456789", "1234567890", "N/A",
		"SN1\u20ac\u20ac", "0123456789ABCDEF", "00000000-0000", "12345678-1234", "1234567890ABCDEF", "1234567890abcdef", "System Serial Number 1", "SN1   X",
		"AB1\x01\x02\x03\x04", "None123", "X.X.X.1", "Type1 - Board Serial", "1\u200b\u200b", "1\u200b\u200b\u200b", "SystemSerialNumber1", "12345678901234567890",
		"O.E.M.1234", "....1....", "VMware-56 4d 01 02", strings.Repeat("5CD1", 16) + "X"} {
		t.Run(s, func(t *testing.T) { require.Empty(t, serial(s)) })
	}
	for _, s := range []string{"5CD1234XYZ", "VMware-564d0102", "0000-0012-3456", "9120", "1234ABCD", "5CDBOSS001", strings.Repeat("5CD1", 16)} {
		t.Run(s, func(t *testing.T) { require.Equal(t, s, serial(s)) })
	}
}
