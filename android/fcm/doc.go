// Package fcm wakes Android devices through Firebase Cloud Messaging (FCM): it tells the agent on them that a command waits, and nothing
// about it.
//
//	waker, err := fcm.New(fcm.Config{CredentialsFile: "service-account.json", Tokens: tokens})
//	platform := agent.Platform(hub) // a hub that calls waker for devices that are not connected
//
// # Promises
//
// A wake-up is the data message {"w": "1"} with high priority, which also reaches a device in Doze; with a collapse key, so that a device
// that was offline gets one, and never loses others for it; with a time to live; and with direct_boot_ok, so that an agent that is made for
// it is woken before the device's first unlock. Wake returns when its context ends, also while an access token is asked for.
//
// FCM gives no promise of its own: a device may be out of reach, have no Google services, or be told late because FCM found that the agent
// shows nothing to its user. The truth is what the device fetches, and it must also look by itself.
//
// What a failure was is an *[Error] with a stable [Class], never a reason to doubt the order: whoever waits for the device waits on. A
// device's token is dead only when FCM says so of the token (UNREGISTERED, or INVALID_ARGUMENT for the field message.token), and until the
// agent sends it anew; no other failure says anything about it, since a wrong project or a wrong host fails for every device.
//
// No registration token and no access token is in an error or in a log.
//
// # Not included
//
// Messages that people see, topics, and commands inside a message: the device fetches them.
//
// Specification: Firebase, "FCM HTTP v1 API" (projects.messages.send) and "ErrorCode".
package fcm
