// Package windowstest simulates Windows devices that are managed over OMA-DM: for tests, demonstrations, and for anyone who embeds a
// server of his own. A [Device] is the OMA-DM client with the management tree that it works on, and a little of what a person sees of
// it. It speaks over a real http.Client: one whose transport presents a client certificate, or any with a digest.
//
// The package reads and writes SyncML by itself and shares no code with the server side of this module, so that a misreading of the
// protocol on one side is not repeated on the other.
//
//	d, err := windowstest.New(windowstest.Config{Class: windowstest.Phone, PIN: "1234"})
//	err = d.SetServer("https://mdm.example.com/windows/dm", client)
//	err = d.Sync(ctx)             // one whole session
//	open := d.Type(d.State().PIN) // the PIN that the device may have made meanwhile
//
// # A session
//
// [Device.Sync] begins with Alert 1201, Alert 1224 with the login status, and the DevInfo, and goes on until the server has nothing more
// to ask. A device with a User makes digests of the newest nonce, which it keeps from session to session; without a nonce it sends none,
// and is challenged. After 401 or 407 it sends the same again in its next message; a digest that is refused twice is the end
// ([ErrRefused]). After 212 it sends no digests any more, after 200 one in every message. It sends to RespURI from the message on that
// follows one. It answers with statuses in the server's order, and with Results after the status of their command.
//
// A message that gets lost (a network error, an HTTP status of 500 or more, a fault of the script) is sent again, up to three times in
// all, with the same MsgID and the same bytes, and without a pause. What a hook cuts ([Device.OnSend], [Device.OnReceive]) is not tried
// again, and what the device has to say then is never said: the next session knows nothing of it.
//
// Commands that no Sequence or Atomic holds together may be executed in any order. The device executes the last one first.
//
// # What it demands of the server
//
// Sync ends with a [*Violation], and executes nothing of the message, where the server breaks one of these rules:
//
//   - HTTP: the content type, a Content-Length, no chunks, and no more bytes than MaxMsgSize.
//   - XML: SyncML 1.2 with the namespaces of its elements, in the order of the DTD; no DOCTYPE, at most 16 levels.
//   - SyncHdr: VerDTD, VerProto, the session's ID, the server's own MsgID counted from 1, the device's ID; RespURI is absolute.
//   - CmdIDs are there, not 0, and unique in the message. Addresses of nodes have no white space, no empty segment, and begin with "./".
//   - The status of SyncHdr comes first; then one of every Alert and Replace of the device's message, in its order, and no others.
//   - A challenge has a nonce of 16 bytes or more, answers every command 401 or 407, and brings no commands. The status of a digest
//     brings the next nonce.
//   - No command comes before the digest of a device that has one, with an abort, or while the device owes statuses.
//   - Every message has Final, but for one with Alert 1222; that answers a message without Final, and brings no commands.
//
// # The management tree
//
// All classes have DevInfo, DevDetail (the serial number from build 17763 on), WindowsLicensing/Edition, the account's name and secret (a
// new one holds from the next session on), DMClient/Provider/{ID}/Push and Poll, Reboot/RebootNow, Policy/Config, and PassportForWork.
//
//   - RemoteLock: a phone has it whole (LockAndRecoverPIN from build 15063 on), HoloLens has Lock, a desktop has none of it unless
//     Config.RemoteLock is set. Lock without a PIN is 405. LockAndResetPIN makes a PIN, locks, and NewPINValue returns that PIN once;
//     after that, and before, it returns a value of format null. A restart loses a PIN that was not read, unless Config.KeepsPIN is set.
//   - Policy/Config: a node that is not set is 404, and Replace makes it. UserRights (build 17134) and LocalPoliciesSecurityOptions
//     (16299) are on desktops only. DenyLocalLogOn holds from the next [Device.SignIn] on.
//   - RebootNow restarts the device at the end of the session, however that ends.
//   - LAPS, from the builds on that have it: its policies are written within an Atomic; ResetPassword is pending for one reading of its
//     status, and does nothing without a BackupDirectory.
//   - BitLocker, from build 18363 on: a rotation is 202, and pending for one reading of its status.
//   - Atomic is all or nothing: 507, with 216 for what was undone and 215 for what was not reached. Get, Exec, Atomic and Sequence in it
//     are 500, and so is Replace of what it added.
//   - Sequence is 200 by itself, and one command that fails stops none after it.
//   - A device enrolled for a user answers 405 for Policy, and 406 for Reboot.
//
// # Making it go wrong
//
// [Device.Script] prepares what goes wrong; nothing is random but the PINs that the device makes. [Device.Set] is somebody who changes a
// node on the device. A broken network is also the business of the hooks and of the http.Client.
//
// # What hardware may do otherwise
//
// Not known from hardware, and simulated as the documents have it or as seems likely: that a new PIN can be read in a later message
// (Config.MessagePIN says otherwise), what a restart does to it, and how long after a lost answer the client repeats a message; what a
// desktop answers for RemoteLock (404 here), a HoloLens for Lock without a PIN (405), and a device for a policy of LAPS outside an Atomic
// (405); who bears the status of an Atomic that could not be rolled back ([FailRollback] takes it as an argument); what
// DenyLocalLogOn does to people who sign in with an account of the cloud; and names of nodes in another case, which Windows often takes
// and the device never does.
//
// # Not included
//
// Enrolment, WBXML, basic authentication and HMAC, digests of the server towards the device, large objects (406), pushes (a device
// speaks when it is told to, or all the time in Run), user interaction (Alerts 1100 to 1104), RemoteWipe, Accounts, user-scope nodes,
// certificates, and limits on the device's own messages.
package windowstest
