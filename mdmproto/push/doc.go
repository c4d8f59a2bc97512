// Package push wakes Apple devices through the Apple Push Notification service (APNs): it tells them that a command waits, and nothing
// about it.
//
//	waker, err := push.New(push.Config{Certificate: "push.pem", Tokens: tokens})
//	platform := mdmproto.Platform(waker)
//
// # Words
//
// A Channel is where a device is reached: the push token, PushMagic and topic of its last TokenUpdate, on the device's own channel; those of
// its users are other channels, on which no lock arrives. The topic is the UID in the push certificate's subject. Devices enrol for one
// topic, and no other certificate reaches them.
//
// # Promises
//
// A push is a notice of type mdm with priority 10, the payload {"mdm": PushMagic} and an expiration, without which APNs would try once and
// keep nothing. At most 100 are under way at once, over one connection as a rule. Wake returns when its context ends, also while a
// connection is being made.
//
// The certificate's files are read again when they change, a few seconds later at most. From then on pushes use the new certificate, and
// the connections under the old one end. Files that cannot be used leave the old one in place, are logged once, and are reported by
// [Waker.Certificate], as are those of another topic: after these no enrolled device could be reached.
//
// What a failure was is an *[Error] with a stable [Class], never a reason to doubt the order: whoever waits for the device waits on. Its
// token is dead only when APNs says so (410), and until the device sends it anew; no other failure says anything about it, since a wrong
// host or topic fails in the same words for every device.
//
// No token and no PushMagic is in an error or in a log.
//
// # Not included
//
// The development environment (certificates for device management have none), provider tokens (JWT), PKCS#12 files, keys with a
// passphrase, and proxies: api.push.apple.com must be reachable on port 443.
//
// Specification: Apple, "Sending notification requests to APNs", "Handling notification responses from APNs", and Device Management,
// "Setting up push notifications for your MDM customers".
package push
