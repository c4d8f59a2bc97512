package agent

import (
	"github.com/latchkey-mdm/latchkey/android"
	"github.com/latchkey-mdm/latchkey/lock"
)

// PlatformName names this way of reaching devices: see lock.Device.Platform.
const PlatformName = "android"

// maxDeliveries is how often a command may leave without a result. More than a platform that cannot recognise a repeated command would
// want: an agent answers a repeated ID with its stored result, and a reset that crashed half way sets the same passcode again.
const maxDeliveries = 10

// Platform is the way to devices that run an agent of this contract. The waker tells a device to poll: a [Hub], which may have another
// behind it, such as FCM; nil when devices only come by themselves.
func Platform(w lock.Waker) lock.Platform {
	return lock.Platform{Name: PlatformName, Codec: codec{}, Waker: w, MaxDeliveries: maxDeliveries}
}

// codec makes the commands of the contract. What they will do on a device is for the rules of package android to say.
type codec struct{}

// Plan implements lock.Codec.
func (codec) Plan(d lock.Device, r lock.Request) lock.Plan { return android.Plan(d, r) }
