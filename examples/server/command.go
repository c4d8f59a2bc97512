package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"time"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/account"
	"github.com/latchkey-mdm/latchkey/lock"
)

// commands are what the program does beside serving, by the first word of the command line.
var commands = map[string]func(ctx context.Context, args []string, env func(string) string, stdout, stderr io.Writer) error{
	"account": runAccount,
	"token":   runToken,
	"audit":   runAudit,
	"keyring": runKeyring,
	"purge":   runPurge,
	"backup":  runBackup,
	"restore": runRestore,
	"windows": runWindows,
}

// local is who runs a command, or starts the server: whoever may read keyring and database may do everything.
func local(name string) lock.Actor {
	return lock.Actor{ID: account.Admin, Name: name, Address: "local"}
}

// parseCommand reads the command line of a command on the state of a server: the flags that say where that is, and those that more adds,
// before, between and after the words. Without a word it shows the usage.
func parseCommand(name, usage string, args []string, env func(string) string, stderr io.Writer, more func(*flag.FlagSet)) (
	o options, words []string, err error,
) {
	flags := flag.NewFlagSet("server "+name, flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		_, _ = fmt.Fprint(stderr, usage)
		flags.PrintDefaults()
	}
	stateFlags(&o, flags, env)
	if more != nil {
		more(flags)
	}
	for {
		if err := flags.Parse(args); err != nil {
			if errors.Is(err, flag.ErrHelp) {
				return o, nil, err
			}
			return o, nil, &usageError{"command line", "run server " + name + " -h for what it takes", err}
		}
		if flags.NArg() == 0 {
			break
		}
		words, args = append(words, flags.Arg(0)), flags.Args()[1:]
	}
	if len(words) == 0 {
		flags.Usage()
		return o, nil, flag.ErrHelp
	}
	o.data, o.now, o.patience = cmp.Or(o.data, defaultData), time.Now, databasePatience
	return o, words, readState(&o, env)
}
