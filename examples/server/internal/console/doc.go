// Package console is the web console of the reference server, for one administrator: sign in, find a Mac, lock it, read its PIN when
// somebody stands before it, see who did what, and verify that this is as it was written. Of an Android device it resets the passcode, and
// says beforehand what works on that very device.
//
// It is plain HTML from html/template that works without scripts; a small script adds what is pleasant (fresh states, copying, a button
// that arms itself). Nothing is loaded from elsewhere, and the Content-Security-Policy allows no inline script or style.
//
// # Secrets
//
// A PIN is in one answer only: that of the form which asks for it, or for the device's answer with it, with a reason, after the reveal was
// recorded. It is never stored by the browser and leaves the screen after 30 seconds, an answer after two minutes; what came of it can be said
// afterwards. No page, address, session or log line has one; a PIN that an administrator chose is not sent back when the form is shown again.
// While it is typed it goes to the server for the findings of its policy, in the body of a request, and is not compared with the PINs of the
// ledger: only an order does that, because an order is on record.
//
// # Requests
//
// Everything but the sign-in page, the static files and the pages of one-time links needs a session. Unsafe methods from another origin are refused
// (http.CrossOriginProtection), and the session cookie is HttpOnly and SameSite=Lax. Who may do what is asked where it is done, in
// lock.Service and in the packages of groups and bulk orders, with the account as the actor; the console decides nothing. It shows what the
// account is good for: what it may not do is not offered, and what is of other groups is not there.
//
// # A passcode reset
//
// It has two steps. In the first, device and user are verified: whoever orders types the end of the serial number, or of a device
// without one its name, and who uses it. The second has the new passcode, what the device does with it, who gets it by mail, and the table of
// what works there, from package android. The order verifies once more. The page of the device then shows how far it has come, and where the
// mails are. A mail is a reveal by who orders it, so that it takes the same right. A reset token is shown to nobody.
//
// # Windows
//
// The page of a Windows device shows what works on it, from package windows. A desktop is locked by a sign-in lock-out, which has to be ticked:
// nobody can sign in any more, and an unlock from here, whose dialog shows what it puts back, is the only way out. A reset has no PIN to
// choose: the device makes it, and it is here once the device has answered. When it is not, the page says so in red, with what to do, and
// shows the kept answer of the device to who may reveal, as a reveal and for two minutes. So it does with an answer that no order waits for.
//
// # A second person
//
// What waits for one is in the inbox of those who may approve, with a count beside the way to it; whoever asked sees that it waits, and for
// what. A reveal that was approved is shown by its requester, once. To break the glass takes a right and a reason, and leaves a task in the
// same inbox.
//
// # What is kept
//
// A device that was removed, or enrolled anew under another ID, is found by its whole serial number, and its PINs are revealed from there.
// A purge is previewed, and its button armed by hand; what it took stays in the history of the device, with who and why.
//
// # One-time links
//
// The page of a link that was mailed (package delivery) says itself who may open it. A GET shows a button, and a POST the passcode, once. Its
// address is a secret: no log line has it, and no other site learns it.
//
// # Not included
//
// Pages to change accounts and API tokens: "server account" and "server token" do that.
package console
