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
				"remote_lock_recover", "no", "laps", "no", "bitlocker", "yes"),
		},
		"desktop": {
			probed([]omadm.Code{200, 200, 404, 200, 200, 200}, [2]string{uriSwV, " " + buildDesktop + "\n"}, [2]string{uriEdition, "48"}),
			options("build", buildDesktop, "edition", "48", "class", "desktop", "remote_lock", "no", "sign_in_policy", "yes", "laps", "yes", "bitlocker", "yes"),
		},
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
