// Package pin makes, checks and seals the secrets that open a locked device. It imports the standard library only.
//
// Most callers need four lines: a keyring at start, a PIN that follows a policy, a box to store, and later the PIN again.
//
//	keyring, err := pin.LoadKeyring("latchkey-data/keyring") // once: pin.CreateKeyring
//	code, err := pin.SixDigits().Generate()
//	box, err := keyring.Seal(ctx, code, binding)             // store the box before the code goes anywhere
//	code, err = keyring.Open(ctx, box, binding)              // code.Expose() is the text to show
//
// # Words
//
// A PIN is a secret in memory: digits for a Mac, a passcode for a phone (Parse), or the bytes of a token (Bytes). A Policy says
// which PINs are good ones, and makes them; a Rotation says when one may be used again. A Sealer turns a PIN into a Box, which
// may be stored anywhere, and back. A Binding names the action that the PIN belongs to; a box opens under the binding it was
// sealed with and no other. A Keyring is the Sealer of this package: one active key that seals, and retired keys that still
// open.
//
// # Promises
//
// A PIN leaves through Expose alone. Everything that prints one, in package fmt and log/slog, writes "[redacted]", also where it
// is an unexported field of another struct. Every encoder (text, JSON, XML, YAML, property list, binary, gob, SQL) fails with
// ErrSecret instead of storing a placeholder. No error of this package contains a secret, a part of a key, or a length of either.
//
// Generate gives each PIN that Check accepts the same probability, and no other any, with randomness from crypto/rand. It draws from a
// policy only when it knows beforehand that a good PIN will be found, failing with a probability below 2^-60, and refuses all others.
//
// A box tells neither the secret nor its length: all secrets of 1 to 32 bytes give boxes of one size, larger ones are padded to
// the next power of two. Two boxes of one PIN have nothing in common. There is no hash of a PIN anywhere: six digits are found
// from their hash in a moment. A wrong key, another binding and a damaged box are the same error, ErrOpen; a key that is not
// there is *MissingKeyError, since that can be mended. A box whose key ID was damaged looks like one of a key that is not there.
//
// # Policies
//
// A policy has a length and an alphabet, least numbers of characters of a class, a longest row in equal steps, rules against what people
// try first, and values to avoid. SixDigits is the one preset: what a platform demands is a policy that the platform's package returns.
// Check returns the first rule that a PIN breaks, and Findings all of them, for a dialog that answers as one types; the texts say what
// must hold and never repeat the PIN. The rules refuse so many codes, where some break several:
//
//	                     of 1,000,000 with six digits   of 10,000 with four
//	RuleRepeat                            190                      10
//	RuleSequence                          380                      20
//	RuleStep                            1,330                      70
//	RulePattern                         2,080                     190
//	RuleMirror                          1,000                     100
//	RuleDate                           86,344                     764
//	RuleKeypad                          4,110                     650
//	RuleCommon                             12                      53
//	RuleAll                            94,793   (9.48 %)        1,729   (17.29 %)
//	accepted                          905,207   (19.79 bits)    8,271   (13.01 bits)
//
// Dates are most of the price: without RuleDate, six digits have 0.13 bits more. Four digits need a policy with FewCodes: Generate
// refuses one that accepts fewer than 65,536 PINs unless it says so.
//
// MaxSequence is for platforms that count equal steps by themselves, as Android does with three: that refuses 34 PINs of four digits, 654 of
// five and 9,680 of six.
//
// The rules are about form, and have gaps where a closer look would refuse what a random draw yields as well: they do not see two halves of
// three repeated digits or more (000999, 777888), two runs in turn (135246), a number that counts (202122), nor a date that leaves out a
// zero (511990), and they compare with no word but those of the list.
//
// The list of RuleCommon has 92 entries: the ten most used PINs of four and of six digits that Ruhr University Bochum published with
// Markert et al., "This PIN Can Be Easily Guessed" (IEEE Symposium on Security and Privacy, 2020); the fifty of four digits that ABC News
// (Australia) found in the data of Have I Been Pwned in 2025; what Nick Berry's "PIN Analysis" (Data Genetics, 2012) adds to them; the 25
// passwords of SplashData's list of 2017; and password1 of the ten that the UK's National Cyber Security Centre published in 2019.
//
// On the development machine (AMD EPYC, one core) Generate takes 0.58 µs and 2 allocations for SixDigits, 0.7 µs with a serial number, a
// phone number and a name to avoid, and 3.5 µs for 12 printable characters with classes and rules; Check takes 0.15 µs and no
// allocation for six digits. Each value to avoid of 1 KiB adds 1 to 3 µs to both. Entropy counts policies of at most 2^20 strings out, in
// 0.12 s for six digits, 0.2 s when they avoid five values of 1 KiB, and 0.5 s at most.
//
// # Rotation
//
// A Rotation compares PINs in clear, opened for that moment. A new PIN differs from the last ones (10, or History) and from all that were
// disclosed; the one in use may be kept while it satisfies the policy of the day, is no older than 90 days (or MaxAge), and was shown to
// nobody. Which PINs were used, how old they are, and who has seen them, the caller knows: package lock reads it from its ledger.
//
// # The keyring file
//
// It is text of at most 64 KiB: first the line "latchkey-keyring 1", then a line for each key, fields divided by blanks, exactly
// one of them active. The ID has 1 to 64 characters of A-Z, a-z, 0-9, dot, underscore and hyphen, and is never given to a second
// key; the key is 32 random bytes in standard base64. A line that begins with # is a comment.
//
//	latchkey-keyring 1
//	active  2026-11 mGs8...=
//	retired 2025-03 0uVx...=
//
// On Unix the file must be closed to all but its owner. ParseKeyring takes the same text from an environment variable or a secret
// store. A semicolon ends a line as a line feed does (in a comment it does not), for where there is but one line:
//
//	KEYRING='latchkey-keyring 1; active 2026-11 mGs8...=; retired 2025-03 0uVx...='
//
// A keyring for a secret store is made by hand, of a key from `openssl rand -base64 32`; no function writes one anywhere but to a file:
//
//	printf 'latchkey-keyring 1; active %s %s\n' "$(date +%Y-%m)" "$(openssl rand -base64 32)"
//
// A key is durable before it seals: CreateKeyring and Save return when it is, and so does LoadKeyring, whoever changed the file.
//
// Back the keyring up apart from the database: without it no sealed PIN opens. Keep a removed key with the backups of the database
// that need it.
//
// # Changing keys
//
// A key is needed for as long as a box names it. Rotate, Activate and Without return a changed keyring, and Save writes it to its file;
// by hand, edit the file. A process sees the change when it loads the keyring again. Where one process seals:
//
//  1. Rotate and Save. The new key seals; the old one is retired, and still opens.
//  2. Seal anew what the old key holds, as the Reseal of package lock does, until it holds nothing.
//  3. Without and Save.
//
// Where several replicas seal, none may meet a box of a key that it does not have yet, and none may still seal with a key that is
// to go. So step 1 has two halves: give the new key to all replicas as a retired one, by k.Rotate().Activate(k.KeyIDs()[0]), and
// when the last of them has loaded it, Activate it on all. When the last of them has loaded that, go on with step 2.
//
// # The box
//
// All boxes begin with the letters LKP, the version 1, the length of the key ID in one byte, and the key ID. A Sealer of one's
// own puts its payload after that (NewBox). The payload of a Keyring is the suite 1, a random salt of 32 bytes, a random nonce of
// 12 bytes, and the ciphertext with a tag of 16 bytes. Its parts, with numbers big-endian, are:
//
//   - key: HKDF-SHA256 of the 32 bytes of the keyring's key, with the salt and the info "latchkey pin box 1", 32 bytes long
//   - plaintext: the length of the secret less one in two bytes, the secret, zeros until secret and zeros have 32 bytes or the
//     next power of two
//   - additional data: the box up to and with the salt; then Scope, Platform and Action of the binding, each after its length in
//     four bytes; then Secret in eight bytes
//   - ciphertext and tag: AES-256-GCM
//
// So the box of a PIN has 100 bytes and those of the key ID. On the development machine, sealing it takes 2.8 µs and 24 allocations,
// opening it 3.0 µs and 26; a token of 4 KiB takes 6 µs each way.
//
// The example KeyManagementService is a Sealer of one's own, whose master key stays in a key management service.
//
// Boxes that were written by a released version open with all later ones; testdata holds boxes that keep this promise.
//
// # Not included
//
// Storing boxes, deciding who may see a PIN, and recording that somebody did, are the work of package lock. Go cannot wipe a
// string from memory: a PIN lives until the garbage collector has taken it, and a core dump or swap may hold it.
package pin
