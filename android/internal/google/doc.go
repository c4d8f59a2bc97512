// Package google is what the adapters of Google's services share: the service account's key file, access tokens that can be waited for
// with a context, and calls whose answers are bounded. Nothing of a body, a token or a URL is in its errors.
//
// Specification: Google, "Using OAuth 2.0 for server to server applications" (RFC 7523), and google.rpc.Status for errors.
package google
