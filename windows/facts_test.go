package windows

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
)

// deviceWith is a device of which these facts are known.
func deviceWith(facts map[string]string) lock.Device {
	d := lock.Device{Scope: "default", ID: "device-0001", Platform: PlatformName, Facts: map[string]lock.Fact{}}
	for name, value := range facts {
		d.Facts[name] = lock.Fact{Value: value}
	}
	return d
}

func TestFromDevice(t *testing.T) {
	all := deviceWith(map[string]string{
		"class": "desktop", "edition": "48", "build": "10.0.22631.4460", "user_enrolled": "no", "remote_lock": "no", "remote_lock_reset": "yes",
		"remote_lock_recover": "no", "sign_in_policy": "yes", "laps": "yes", "bitlocker": "no", "pin_recovery": "yes", "max_msg_size": "65536",
		"signed_in": "user",
	})
	require.Equal(t, Facts{
		Class: ClassDesktop, Edition: 48, Build: "10.0.22631.4460", UserEnrolled: No, RemoteLock: No, Reset: Yes, Recover: No, SignInPolicy: Yes,
		LAPS: Yes, BitLocker: No, PINRecovery: Yes, MaxMsgSize: 65536, SignedIn: "user",
	}, FromDevice(all))
	require.Zero(t, FromDevice(lock.Device{}), "nothing is known")
	require.Zero(t, FromDevice(deviceWith(map[string]string{
		"class": "toaster", "edition": "-4", "remote_lock": "maybe", "max_msg_size": "99999999999",
	})), "what cannot be read is unknown")
}

func TestSince(t *testing.T) {
	for build, want := range map[string]Answer{
		"10.0.17134.1": Yes, "10.0.17134": Yes, "10.0.17133.9999": No, "10.0.22631.4460": Yes, "8.10.14219.341": No, "11.0.1.0": Yes,
		"": Unknown, "10.0": Unknown, "10.0.x.1": Unknown, "10.0.17134.1.1": Unknown, "10.0.-1.0": Unknown,
	} {
		assert.Equal(t, want, Facts{Build: build}.since(build1803, 0), build)
	}
	require.Equal(t, No, Facts{Build: "10.0.19041.1127"}.since(holographic20H2, 1128))
	require.Equal(t, Yes, Facts{Build: "10.0.19041.1128"}.since(holographic20H2, 1128))
	require.Equal(t, No, Facts{Build: "10.0.19041"}.since(holographic20H2, 1128), "without a revision it is the first one")
}

func TestClassOf(t *testing.T) {
	for edition, want := range map[int]Class{
		4: ClassDesktop, 48: ClassDesktop, 101: ClassDesktop, 121: ClassDesktop, 104: ClassPhone, 133: ClassPhone, 135: ClassHoloLens,
		136: ClassHoloLens, 7: "", 0: "", 9999: "",
	} {
		assert.Equal(t, want, classOf(edition), edition)
	}
}
