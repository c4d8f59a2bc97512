// Package amapi locks Android devices and resets their passcodes through the Android Management API (AMAPI): Google's own agent on the
// device does it, and this package speaks to Google.
//
//	client, err := amapi.NewClient(amapi.ClientConfig{CredentialsFile: "service-account.json"})
//	platform, err := amapi.Platform(amapi.Config{Client: client})
//	notifications, err := amapi.NewHandler(amapi.NotifyConfig{Service: service, Token: token, Scope: "acme"}) // for Pub/Sub's push
//
// A [Client] is also of use alone: it issues commands, and looks up, lists and cancels their operations.
//
// # Devices
//
// A device's lock.Device.Platform is [PlatformName], and its ID is its resource name, as in enterprises/LC01/devices/3a5f. Embedders whose
// devices have other IDs give two functions, one for each direction: Config.Name and NotifyConfig.Device. Preflight reads the facts that
// package android names: mode (device_owner for a fully managed device, company_profile_owner for a company's device with a work profile,
// profile_owner for a person's own), api_level, secure_lock, and those of the password policy. What is not known is warned about.
//
// # Orders
//
//	lock            LOCK             as if the screen had timed out. It needs a passcode to keep anybody out
//	reset-passcode  RESET_PASSWORD   options require_entry, lock_now, do_not_ask_credentials_on_boot: "true" or "false"
//	clear-passcode  RESET_PASSWORD   with an empty password
//	lost-mode       START_LOST_MODE  message and phone number; options email, street_address, organization: texts
//	unlock          STOP_LOST_MODE
//
// Lost mode is for a company's devices, with Android 11, or 13 with a work profile. On a person's own device it is refused before anything
// is sent, since Google reports it as done and the device ignores it. It is not possible within 12 hours of a passcode reset: start it
// first. A passcode that is made here has at least eight digits; one of the caller's own needs six where it is of digits alone, from Android
// 14 on. A passcode that the device's policy asks for cannot be removed.
//
// # Results
//
// A command is an operation with a name, which the action keeps as its Ref. What became of it comes by Pub/Sub, and lock.Service.Run also
// asks, so that a notification that gets lost does no harm. The command's own status counts first, then its error, then that of the
// operation.
//
//   - Done without an error is acknowledged, with the fact proves = receipt: the device received the command. Google promises no more, and
//     field reports have resets that were done and had no effect. So it releases nothing else: after a passcode was removed, the one that was
//     set before stays one that may open the device. A status of lost mode is acknowledged with proves = effect.
//   - An error, or another status, is refused, with Google's word as the fact code.
//   - A reset that ended with an error that leaves open what the device did (UNKNOWN, INTERNAL, ...) is not refused. Its passcode stays one
//     that may open the device, and the action lapses at its deadline. So does a command that expired.
//   - An operation that Google has forgotten says nothing.
//
// Each command has a duration, which ends with the action's NotAfter, or up to two seconds before: its fraction of a second is a mark of the
// action. A command whose answer got lost may be with Google: before it is issued again, the device's operations are listed, and one of the
// same type with that mark is its own; if there is none, it is issued again, with the same passcode. What is cancelled is cancelled in all
// operations with its mark, also when the name of none is known: what became of such a one nobody learns, so its passcode stays one that may
// open the device. Should Google give back durations in whole seconds, no operation has a mark: then a command may be there twice, and only
// the last whose name is known is cancelled.
//
// Errors are an *[Error] with a stable [Class]. A command that Google does not take (400), or for a device that it does not know (404), is
// refused for good; one that met a quota (429) or a denial was not taken, and one that met 5xx, or no answer, may have been. Nothing is
// retried here: that is the business of Run, which waits as long as Google asks.
//
// # Secrets
//
// A new passcode is in the body of one request, and nowhere else: not in an error, a fact or a log, nor in an [Operation], although Google
// may repeat it there. An answer's text is not kept, only Google's words, which are capitals. Redirects are not followed, answers are
// bounded in size and depth.
//
// # Notifications
//
// [NewHandler] takes Pub/Sub's push requests, which prove themselves by a secret in the URL, or as the embedder verifies (OpenID Connect).
// Configure the topic with the notification type COMMAND; others go to a function of the embedder. A notification of an operation that is
// not on record is asked for again for ten minutes, since its name may be on its way, and then acknowledged: it is somebody else's.
//
// # Not included
//
// Enterprises, enrolment, policies, and other commands, WIPE among them. Google allows the use of this API to vendors of device management
// with customers of their own, and not for devices that are locked when a payment is missed.
//
// Specification: Google, "Android Management API", enterprises.devices.issueCommand, enterprises.devices.operations, and "Notifications".
package amapi
