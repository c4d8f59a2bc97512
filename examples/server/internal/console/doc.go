// Package console is the web console of the reference server, for one administrator: sign in, find a Mac, lock it, read its PIN when
// somebody stands before it, and see who did what.
//
// It is plain HTML from html/template that works without scripts; a small script adds what is pleasant (fresh states, copying, a button
// that arms itself). Nothing is loaded from elsewhere, and the Content-Security-Policy allows no inline script or style.
//
// # Secrets
//
// A PIN is in one answer only: that of the form which asks for it with a reason, after the reveal was recorded. That answer is never
// stored by the browser and leaves the screen after 30 seconds. No page, address, session or log line has one; a PIN that an
// administrator chose is not sent back when the form is shown again.
//
// # Requests
//
// Everything but the sign-in page and the static files needs a session. Unsafe methods from another origin are refused
// (http.CrossOriginProtection), and the session cookie is HttpOnly and SameSite=Lax. Who may do what is asked where it is done, in
// lock.Service, with the administrator as the actor; the console decides nothing.
//
// # Not included
//
// Several administrators with different rights, approvals, bulk orders, mail.
package console
