// Package amapitest is a stand-in for what the Android adapters ask of Google, over HTTP: the Android Management API with its devices, its
// operations and their notifications; the endpoint that gives access tokens; and Firebase Cloud Messaging.
//
//	google, err := amapitest.Start(amapitest.Config{})
//	defer google.Close()
//	err = google.WriteCredentials("service-account.json")
//	client, err := amapi.NewClient(amapi.ClientConfig{Host: google.URL(), CredentialsFile: "service-account.json"})
//	google.Enroll("enterprises/LC01/devices/3a5f", amapitest.Device{Mode: amapitest.DeviceOwner, APILevel: 34})
//
// A command waits until the device syncs, is cancelled, or expires by the stand-in's clock. Then a notification waits to be delivered, in
// whatever order and as often as the test says. Operations repeat the whole command, with the new password: what keeps it is found out.
//
// Requests are checked: access token and scope, path, and fields, types and values of the body. What is scripted is answered as told: an
// error of any kind, nothing at all, or the work done and the answer lost. The server keeps what it was asked. It is safe for concurrent
// use.
//
// How an operation that expired looks is not documented by Google. Here it has the error DEADLINE_EXCEEDED.
//
// Specification: Google, "Android Management API" (enterprises.devices.issueCommand, operations), "FCM HTTP v1 API", "Using OAuth 2.0 for
// server to server applications", and "Push subscriptions" of Pub/Sub.
package amapitest
