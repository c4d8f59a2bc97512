package main

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/account"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/ca"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/computers"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/inventory"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/pin"
)

const windowsUsage = `Usage: server windows issue -name NAME -id DEVID [-user USER] [-url URL] [-out FOLDER] [flags]

Lets a Windows device in, for evaluation: makes a key and a client certificate of the server's device CA, enters the device, writes key
(device.key), certificate (device.crt) and CA (ca.crt) to the folder as PEM files that nobody else can read, and prints what to set up on the
device. It may run beside a server that is running; that one must have -tls-cert and -tls-key, for the certificate proves who the device is,
and a proxy before it would take it away.

-id is how the device names itself in every message (DevInfo/DevId), to the letter. A device that was issued one before under the same ID stays
that device, with its history; the earlier certificate, and its secret, are good no more from then on, also for a PIN that the device still owes:
cancel that reset, and order another one. Every issue is on record. One that was removed, or disconnected by its user, is enrolled again, and what
locks it still holds, and can be unlocked. Say -wiped of one that was reset, whatever the server has it as: only then is what it was told to do
before over.

With -user the device has a secret too, and must prove with a digest (syncml:auth-md5) that it knows it. It is printed once.

Flags:
`

// windowsJob is the command.
type windowsJob struct {
	options
	entry   computers.Entry
	address string // of the server
	out     string
	stdout  io.Writer
	logger  *slog.Logger
}

// runWindows is "server windows".
func runWindows(ctx context.Context, args []string, env func(string) string, stdout, stderr io.Writer) error {
	j := &windowsJob{stdout: stdout, logger: slog.New(slog.NewTextHandler(stderr, nil))}
	o, words, err := parseCommand("windows", windowsUsage, args, env, stderr, j.flags)
	if err != nil {
		return err
	}
	if len(words) != 1 || words[0] != "issue" {
		return &usageError{"windows", "must be followed by issue: see server windows -h", nil}
	}
	o.url = j.address
	if err := o.checkURL(); err != nil {
		return err
	}
	j.options = o
	return j.run(ctx)
}

func (j *windowsJob) flags(flags *flag.FlagSet) {
	flags.StringVar(&j.entry.Name, "name", "", "`name` of the device, as people call it (required)")
	flags.StringVar(&j.entry.ID, "id", "", "`ID` with which the device names itself (required)")
	flags.StringVar(&j.entry.Serial, "serial", "", "serial `number` on its label, by which its PINs are found under another ID (default: what it says)")
	flags.StringVar(&j.entry.Model, "model", "", "its `model` (default: what it says)")
	flags.StringVar(&j.entry.Holder, "holder", "", "`user` whose device it is")
	flags.BoolVar(&j.entry.Wiped, "wiped", false, "the device was reset: nothing that it was told before is on it any more")
	flags.StringVar(&j.entry.User, "user", "", "`name` of the device's account for digests (default: its certificate is enough)")
	flags.StringVar(&j.address, "url", "https://YOUR-SERVER", "`URL` by which the device reaches the server, for what is printed")
	flags.StringVar(&j.out, "out", "latchkey-windows", "`folder` for key and certificate, which holds none yet")
}

func (j *windowsJob) run(ctx context.Context) (err error) {
	if err := j.hasDatabase(); err != nil {
		return err
	}
	held, err := hold(j.options)
	if err != nil {
		return err
	}
	defer func() { _ = held.Close() }()
	d, err := openDatabase(ctx, j.options, db.OpenAsIs, j.logger)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	keyring, err := openKeyring(ctx, j.options, d, j.logger)
	if err != nil {
		return err
	}
	issuer, store, err := j.open(ctx, d, keyring)
	if err != nil {
		return err
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	if err := j.writeKey(key); err != nil { // before the certificate that was good until now is no more
		return err
	}
	j.entry.Key = key.Public()
	made, err := store.Enter(ctx, local("windows command"), j.entry)
	if err != nil {
		return errors.Join(inUsage(err, "name"), os.Remove(j.file("device.key")))
	}
	err = errors.Join(j.write("device.crt", "CERTIFICATE", made.Certificate), j.write("ca.crt", "CERTIFICATE", issuer.Certificate().Raw))
	if err != nil {
		return fmt.Errorf("the device was entered, and its certificate is lost: issue it again with -id %s: %w", made.ID, err)
	}
	if err := j.say(made); err != nil {
		return err
	}
	return j.warn(ctx, d, made)
}

// open opens the server's side of Windows devices.
func (j *windowsJob) open(ctx context.Context, d *db.DB, keyring pin.Sealer) (*ca.CA, *computers.Store, error) {
	issuer, err := ca.Open(ctx, ca.Config{DB: d, Sealer: keyring, Now: j.now})
	if err != nil {
		return nil, nil, err
	}
	service, err := lock.New(lock.Config{
		Store: d.Ledger, Sealer: keyring, Platforms: platforms(nil, nil, nil), Logger: j.logger, Now: j.now,
		Authorize: account.New(account.Config{DB: d, Scope: inventory.Scope, Now: j.now}),
	})
	if err != nil {
		return nil, nil, err
	}
	devices := inventory.New(inventory.Config{DB: d, Issuer: issuer, Notices: service, Now: j.now})
	store, err := computers.Open(ctx, computers.Config{
		DB: d, Inventory: devices, CA: issuer, Sealer: keyring, Notices: service, Now: j.now, Logger: j.logger,
	})
	return issuer, store, err
}

func (j *windowsJob) file(name string) string { return filepath.Join(j.out, name) }

// writeKey makes the folder and puts the key there.
func (j *windowsJob) writeKey(key crypto.PrivateKey) error {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	for _, name := range []string{"device.crt", "ca.crt"} {
		if _, err := os.Lstat(j.file(name)); !errors.Is(err, fs.ErrNotExist) {
			return j.taken(name, err)
		}
	}
	if err := os.MkdirAll(j.out, 0o700); err != nil {
		return &usageError{"-out", "must be a folder that this program may make or write", err}
	}
	if err := j.write("device.key", "PRIVATE KEY", der); err != nil {
		return j.taken("device.key", err)
	}
	return nil
}

func (j *windowsJob) taken(name string, err error) error {
	return &usageError{"-out", "must be a folder without " + name + ", so that no key is lost: choose another one", err}
}

// write makes one new PEM file, which is on the disk then.
func (j *windowsJob) write(name, kind string, der []byte) error {
	f, err := os.OpenFile(j.file(name), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(pem.Encode(f, &pem.Block{Type: kind, Bytes: der}), f.Sync(), f.Close())
}

// say prints what to set up on the device.
func (j *windowsJob) say(made computers.Entered) error {
	what := "Entered the device: it enrols anew."
	if made.Known && !j.entry.Wiped {
		what = "Entered the device again: what locked it before still holds."
		if made.Renewed {
			what = "Issued anew: the certificate that the device had is good no more. Take it out of the device's store."
		}
		what += "\nIf the device was reset since, issue again with -wiped."
	}
	_, err := fmt.Fprintf(j.stdout, `%s
Device: %s (%s)
Device ID, as it must name itself: %s
Server: %s
Files: %s, %s, %s

For the certificate store of Windows, make one file of key and certificate, and protect it by a password:
  openssl pkcs12 -export -inkey %s -in %s -certfile %s -out %s

The account of the device's OMA-DM client (w7 APPLICATION), for its provisioning:
%s`,
		what, made.Device, j.entry.Name, made.ID, j.server(), j.file("device.key"), j.file("device.crt"), j.file("ca.crt"),
		j.file("device.key"), j.file("device.crt"), j.file("ca.crt"), j.file("device.pfx"), j.document(made))
	if err != nil {
		return fmt.Errorf("the device was entered, and what to set up was not printed: issue it again with -id %s: %w", made.ID, err)
	}
	return nil
}

// warn says which PINs come no more: their answers would be given with the certificate of before.
func (j *windowsJob) warn(ctx context.Context, d *db.DB, made computers.Entered) error {
	if !made.Known {
		return nil
	}
	issued, err := d.Ledger.List(ctx, lock.Filter{Scope: inventory.Scope, Devices: []string{made.Device}, States: []lock.State{lock.StateIssued}})
	if err != nil {
		return fmt.Errorf("the device was entered; whether a reset of it is under way is not known: %w", err)
	}
	for _, a := range issued {
		if a.Returns {
			j.logger.WarnContext(ctx, "a reset is under way, and the earlier certificate is refused from now on, with its PIN: cancel it, and order another",
				slog.String("action", string(a.ID)))
		}
	}
	return nil
}

func (j *windowsJob) server() string { return strings.TrimRight(j.address, "/") + windowsPath }

// document is the wap-provisioningdoc of the device's account.
func (j *windowsJob) document(made computers.Entered) string {
	parm := func(name, value string) string {
		var text strings.Builder
		_ = xml.EscapeText(&text, []byte(value)) // a Builder takes everything
		return fmt.Sprintf("    <parm name=%q value=\"%s\"/>\n", name, text.String())
	}
	doc := "<wap-provisioningdoc version=\"1.1\">\n  <characteristic type=\"APPLICATION\">\n" +
		parm("APPID", "w7") + parm("PROVIDER-ID", computers.Provider) + parm("NAME", "Latchkey") + parm("ADDR", j.server()) +
		parm("DEFAULTENCODING", "application/vnd.syncml.dm+xml") +
		parm("SSLCLIENTCERTSEARCHCRITERIA", "Subject=CN%3d"+made.Device+"&Stores=MY%5CSystem")
	if made.Secret != "" {
		doc += "    <characteristic type=\"APPAUTH\">\n" +
			"  " + parm("AAUTHLEVEL", "CLIENT") + "  " + parm("AAUTHTYPE", "DIGEST") +
			"  " + parm("AAUTHNAME", j.entry.User) + "  " + parm("AAUTHSECRET", made.Secret) +
			"    </characteristic>\n"
	}
	return doc + "  </characteristic>\n" + pollSchedule + "</wap-provisioningdoc>\n"
}

// pollSchedule lets the device come by itself, also when nothing wakes it: every quarter of an hour at first, and each hour for ever after that
// (0 retries are no end of them). Intervals are minutes.
const pollSchedule = `  <characteristic type="DMClient">
    <characteristic type="Provider">
      <characteristic type="` + computers.Provider + `">
        <characteristic type="Poll">
          <parm name="NumberOfFirstRetries" value="10" datatype="integer"/>
          <parm name="IntervalForFirstSetOfRetries" value="15" datatype="integer"/>
          <parm name="NumberOfSecondRetries" value="10" datatype="integer"/>
          <parm name="IntervalForSecondSetOfRetries" value="30" datatype="integer"/>
          <parm name="NumberOfRemainingScheduledRetries" value="0" datatype="integer"/>
          <parm name="IntervalForRemainingScheduledRetries" value="60" datatype="integer"/>
          <parm name="PollOnLogin" value="true" datatype="boolean"/>
        </characteristic>
      </characteristic>
    </characteristic>
  </characteristic>
`
