// Package wns wakes Windows devices through the Windows Push Notification Services (WNS): a raw notification makes the device's OMA-DM client
// begin a session with its server. It says nothing of the command that waits, and the client ignores what it says.
//
//	waker, err := wns.New(wns.Config{ClientID: "ms-app://S-1-15-2-...", Secret: secret, Channels: channels})
//	platform := lock.Platform{Name: "windows", Codec: codec, Waker: waker}
//
// # What has to be there
//
// The publisher registers an app in the Microsoft Store's partner centre, which gives a package family name (PFN), a package SID and a
// client secret; no app is ever published. The server sets the PFN on each device (DMClient/Provider/{ID}/Push/PFN), and reads
// .../Push/ChannelURI in every session: a channel lives 30 days, and the device makes another after 15. The embedder keeps that address,
// and gives it to the Waker by [Channels].
//
// # Promises
//
// The address comes from a device, so it is used only when it is https, with a host below notify.windows.com, no port, no user, and no
// other way of naming a host; anything else is refused, and nothing is sent. No redirect is followed.
//
// One access token serves all devices until it expires. When several ask for one at once, one request is made. When WNS no longer takes it,
// it is asked for anew, once for each wake-up. Wake returns when its context ends, also while a token is asked for.
//
// A notification is kept by WNS for a device that is offline (KeepFor); without that it would be lost. A nil error says that WNS took it, not
// that it arrived: push is what makes a command fast, and what delivers it is the session that the device begins, also by its own schedule.
//
// What a failure was is an *[Error] with a stable [Class], never a reason to doubt the order. A channel is dead when WNS says that it has
// expired (410) or never was (404); no other failure says anything about it.
//
// No channel, no access token and no client secret is in an error, and this package logs nothing.
//
// # Not included
//
// Notifications that people see, reading the channel from the device, and setting its PFN: those are commands of a session.
//
// Specification: Microsoft, "Push notification service request and response headers", "Push notification support for device management".
package wns
