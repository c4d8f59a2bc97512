package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
	"github.com/latchkey-mdm/latchkey/pin"
)

// The exit codes of the program.
const (
	exitFailed = 1
	exitUsage  = 2
)

// The variables of the environment.
const (
	envKeyring     = "LATCHKEY_KEYRING"        // the keyring's file
	envKeyringText = "LATCHKEY_KEYRING_TEXT"   // the keyring itself
	envDatabase    = "LATCHKEY_DB"             // the database's URL
	envPassword    = "LATCHKEY_ADMIN_PASSWORD" //nolint:gosec // the name of the variable
	envWNSSecret   = "LATCHKEY_WNS_SECRET"     //nolint:gosec // the name of the variable
)

// defaultData is the state folder when none is given.
const defaultData = "latchkey-data"

// usageError is a mistake in the command line or the configuration: it names the flag, and the fix.
type usageError struct {
	flag, fix string
	err       error // may be nil
}

// Error names the flag, the fix and the cause.
func (e *usageError) Error() string {
	if e.err != nil {
		return fmt.Sprintf("%s: %s (%v)", e.flag, e.fix, e.err)
	}
	return e.flag + ": " + e.fix
}

// Unwrap returns the cause.
func (e *usageError) Unwrap() error { return e.err }

// exit prints an error, if there is one, and returns the exit code for it.
func exit(err error, stderr io.Writer) int {
	var usage *usageError
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.As(err, &usage):
		_, _ = fmt.Fprintln(stderr, "latchkey:", err)
		return exitUsage
	default:
		_, _ = fmt.Fprintln(stderr, "latchkey:", err)
		return exitFailed
	}
}

const usage = `Usage: server [flags]
       server COMMAND [flags]

Commands (-h after one explains it):
  keyring status, rotate, reseal, remove   the keys that seal PINs
  audit verify, export, checkpoint, key    the record: whether it is as it was written, and proofs for others
  account create, list, rights, password, email, remove
                                           who may do what, with the devices of which groups
  token create, list, revoke               API tokens
  windows issue -name NAME                 let a Windows device in: makes its certificate, and says what to set up there
  purge -older-than 365d -reason WHY       take old PINs that no device needs; a dry run without -apply
  backup FILE                              copy the database, also while the server runs (SQLite)
  restore FILE                             put a backup in place (SQLite)

Flags:
`

// options are the command line and the environment.
type options struct {
	addr, data, keyring string
	database            string       // a URL; empty: SQLite in data
	ring                *pin.Keyring // from the environment; nil: it is a file
	demo                bool
	url, topic          string
	tlsCert, tlsKey     string
	tokenFile           string
	logFormat           string
	password            string
	temporary           bool             // data is to be a new folder that goes at the end
	patience            time.Duration    // how long a database may take to answer
	now                 func() time.Time // the clock; tests move it
	approval            secondPerson
	push                pushOptions
	android             androidOptions
	windows             windowsOptions
	mail                mailOptions
}

// parse reads and checks the options.
func parse(args []string, env func(string) string, stderr io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("server", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		_, _ = fmt.Fprint(stderr, usage)
		flags.PrintDefaults()
	}
	flags.StringVar(&o.addr, "addr", "127.0.0.1:8080", "listen on this `HOST:PORT`")
	flags.BoolVar(&o.demo, "demo", false, "run a simulated fleet against this server")
	stateFlags(&o, flags, env)
	flags.StringVar(&o.url, "url", "", "`URL` by which devices reach this server, for enrolment profiles (default: from -addr)")
	flags.StringVar(&o.topic, "topic", "", "`topic` of the push certificate, for enrolment profiles (default: that of -push-cert, or "+defaultTopic+")")
	flags.StringVar(&o.tlsCert, "tls-cert", "", "certificate chain `file` (PEM), with -tls-key")
	flags.StringVar(&o.tlsKey, "tls-key", "", "private key `file` (PEM), with -tls-cert")
	flags.StringVar(&o.tokenFile, "api-token-file", "", "write an administrator's API token to this `file`, unless it holds one that is good")
	flags.StringVar(&o.logFormat, "log", "text", "log `format`: text or json")
	approvalFlags(&o.approval, flags, env)
	pushFlags(&o.push, flags)
	androidFlags(&o.android, flags)
	windowsFlags(&o.windows, flags)
	mailFlags(&o.mail, flags)
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return o, err
		}
		return o, &usageError{"command line", "run with -h for the flags", err}
	}
	o.password, o.windows.secret, o.now = env(envPassword), env(envWNSSecret), time.Now
	o.patience = databasePatience
	if err := errors.Join(readState(&o, env), o.mail.read(env(envSMTPPassword))); err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		return o, &usageError{"command line", "takes flags only: remove " + fmt.Sprintf("%.40q", flags.Arg(0)), nil}
	}
	return o.complete()
}

// stateFlags are the flags that say where the state is.
func stateFlags(o *options, flags *flag.FlagSet, env func(string) string) {
	flags.StringVar(&o.data, "data", "", "`folder` for database and keyring (default ./latchkey-data; with -demo and no -db a temporary one)")
	flags.StringVar(&o.database, "db", "", "`URL` of a PostgreSQL database, as in postgres://latchkey@db.example.com/latchkey, also "+
		envDatabase+", where its password is in no list of processes (default: SQLite in the data folder)")
	flags.StringVar(&o.keyring, "keyring", env(envKeyring),
		"keyring `file`, also "+envKeyring+" (default: keyring in the data folder); "+envKeyringText+
			" has the keyring itself instead: leave out the comment lines when it is one line")
}

// readState takes the rest of what says where the state is from the environment. The flag has no default: its help would show a password.
func readState(o *options, env func(string) string) error {
	o.database = cmp.Or(o.database, env(envDatabase))
	if o.database != "" {
		if err := db.CheckURL(o.database); err != nil {
			return &usageError{"-db", "leave it out (and " + envDatabase + ") for SQLite, or give a PostgreSQL database", err}
		}
	}
	return readKeyring(o, env)
}

// readKeyring takes the keyring from the environment, if it is there.
func readKeyring(o *options, env func(string) string) (err error) {
	text := env(envKeyringText)
	switch {
	case text == "":
		return nil
	case o.keyring != "":
		return &usageError{envKeyringText, "leave it out, or -keyring and " + envKeyring + ": there can be only one keyring", nil}
	}
	if o.ring, err = pin.ParseKeyring(text); err != nil {
		return &usageError{envKeyringText, "must be the text of a keyring, as in its file; when semicolons separate the lines, leave out the " +
			"comment lines (#), which go on to the end of the line", err}
	}
	return nil
}

// complete checks what was given and fills in the rest.
func (o options) complete() (options, error) {
	if err := o.checkAddr(); err != nil {
		return o, err
	}
	if (o.tlsCert == "") != (o.tlsKey == "") {
		return o, &usageError{"-tls-cert and -tls-key", "give both, or neither", nil}
	}
	if o.demo && (o.tlsCert != "" || o.url != "") {
		return o, &usageError{"-demo", "leave out -tls-cert, -tls-key and -url: the simulated devices use plain HTTP on this machine", nil}
	}
	if err := o.checkURL(); err != nil {
		return o, err
	}
	o.url = strings.TrimRight(o.url, "/")
	if o.topic != "" && !strings.HasPrefix(o.topic, "com.apple.mgmt.") {
		return o, &usageError{"-topic", "must begin with com.apple.mgmt. as the push certificate's subject does", nil}
	}
	if err := errors.Join(o.approval.check(), o.push.check(o.demo), o.android.check(o.demo), o.windows.check(o.demo)); err != nil {
		return o, err
	}
	if o.logFormat != "text" && o.logFormat != "json" {
		return o, &usageError{"-log", "must be text or json", nil}
	}
	o.temporary = o.demo && o.data == "" && o.database == "" // a keyring that goes would leave a database that nobody can open
	o.data = cmp.Or(o.data, defaultData)
	return o, nil
}

func (o options) checkAddr() error {
	_, port, err := net.SplitHostPort(o.addr)
	if err != nil {
		return &usageError{"-addr", "must be HOST:PORT, as in 127.0.0.1:8080", nil}
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return &usageError{"-addr", "must have a port from 0 to 65535 (0: any that is free), as in 127.0.0.1:8080", nil}
	}
	return nil
}

func (o options) checkURL() error {
	u, err := url.Parse(o.url)
	switch {
	case o.url == "":
		return nil
	case err == nil && u.User != nil: // everybody who enrols would read it
		return &usageError{"-url", "must have no name and password before the host, as in https://mdm.example.com", nil}
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.RawQuery != "" || u.Fragment != "":
		return &usageError{"-url", "must be like https://mdm.example.com", nil}
	}
	return nil
}

// databasePath is where the SQLite database is.
func (o options) databasePath() string { return filepath.Join(o.data, "latchkey.db") }

// hasDatabase is an error when there is no state of a server to work on.
func (o options) hasDatabase() error {
	if o.database != "" {
		return nil
	}
	if _, err := os.Stat(o.databasePath()); err != nil { //nolint:gosec // where the operator wants it
		return &usageError{"-data", "must be the state folder of a server, which has made its database there", err}
	}
	return nil
}

// source is the database as db.Open takes it.
func (o options) source() string { return cmp.Or(o.database, o.databasePath()) }

// keyringPath is where the keyring is.
func (o options) keyringPath() string { return cmp.Or(o.keyring, filepath.Join(o.data, "keyring")) }

// inClear says that what people and devices send to this address can be read on the way, as far as the server knows: it is no address of
// this machine alone, there is no certificate, and the URL speaks of no proxy that has one.
func (o options) inClear(addr net.Addr) bool {
	tcp, ok := addr.(*net.TCPAddr)
	return !(ok && tcp.IP.IsLoopback()) && o.tlsCert == "" && !strings.HasPrefix(o.url, "https:")
}

// baseURL is how devices reach the server that listens on addr.
func (o options) baseURL(addr net.Addr) string {
	if o.url != "" {
		return o.url
	}
	scheme := "http"
	if o.tlsCert != "" {
		scheme = "https"
	}
	host, port, err := net.SplitHostPort(addr.String())
	if err != nil {
		return scheme + "://" + addr.String()
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return scheme + "://" + net.JoinHostPort(host, port)
}
