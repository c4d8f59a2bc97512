// Package pushtest is a stand-in for the Apple Push Notification service (APNs), for tests of whatever wakes Apple devices: it speaks
// HTTP/2 over TLS, demands a client certificate, checks requests as APNs does, and fails in the ways that it is told.
//
//	apns, err := pushtest.Start("com.apple.mgmt.External.test")
//	defer apns.Close()
//	waker, err := push.New(push.Config{Host: apns.URL(), Roots: apns.Roots(), Certificate: file, Tokens: tokens}) // file: apns.Certificate
//	apns.Script(token, pushtest.Answer{Status: 410, Reason: "Unregistered", Timestamp: time.Now()})
//
// An answer is scripted for a token, or for all that have no script of their own. What is not scripted is checked and accepted: path,
// method, topic, push type, priority, expiration and payload. The server keeps what it was sent, and counts connections.
//
// Specification: Apple, "Sending notification requests to APNs" and "Handling notification responses from APNs".
package pushtest
