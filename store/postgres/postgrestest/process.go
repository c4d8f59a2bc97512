//go:build unix

package postgrestest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// startTime is how long a server may take until it answers, recovery included.
const startTime = time.Minute

// process is a running server.
type process struct {
	cmd   *exec.Cmd
	ended chan struct{} // closed once it has
	out   bytes.Buffer  // read after the end
}

func (s *Server) start() error {
	folder, err := os.MkdirTemp("", "latchkey-postgres-") // a test's own folder cannot be entered by another user, and may end earlier
	if err != nil {
		return err
	}
	s.folder = folder
	as, err := owner(folder)
	if err != nil {
		return err
	}
	//nolint:gosec // the programs are of the tester's own machine
	cmd := exec.CommandContext(context.Background(), filepath.Join(s.bin, "initdb"), "--pgdata", filepath.Join(folder, "data"), "--username", superuser,
		"--auth", "trust", "--encoding", "UTF8", "--locale", "C", "--no-sync")
	cmd.Dir, cmd.SysProcAttr = folder, as
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, out)
	}
	s.process, err = s.launch()
	return err
}

// owner gives the folder to the user who runs the server, when that is another, and says how to run as that user.
func owner(folder string) (*syscall.SysProcAttr, error) {
	if os.Geteuid() != 0 {
		return attributes(nil), nil
	}
	u, err := user.Lookup(superuser)
	if err != nil {
		return nil, fmt.Errorf("PostgreSQL does not run as root: %w", err)
	}
	uid, errUID := strconv.ParseUint(u.Uid, 10, 32)
	gid, errGID := strconv.ParseUint(u.Gid, 10, 32)
	if err := errors.Join(errUID, errGID, os.Chown(folder, int(uid), int(gid))); err != nil {
		return nil, err
	}
	return attributes(&syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}), nil
}

// launch starts the server and waits until it answers.
func (s *Server) launch() (*process, error) {
	as, err := owner(s.folder)
	if err != nil {
		return nil, err
	}
	p := &process{ended: make(chan struct{})}
	//nolint:gosec // the programs are of the tester's own machine
	p.cmd = exec.CommandContext(context.Background(), filepath.Join(s.bin, "postgres"), "-D", filepath.Join(s.folder, "data"), "-k", s.folder,
		"-c", "listen_addresses=", "-c", "max_connections=200")
	p.cmd.Dir, p.cmd.SysProcAttr, p.cmd.Stdout, p.cmd.Stderr = s.folder, as, &p.out, &p.out
	started := make(chan error)
	go func() {
		// The kernel ends the server when this thread ends, so the thread must live as long as the process does.
		runtime.LockOSThread()
		err := p.cmd.Start()
		started <- err
		if err == nil {
			_ = p.cmd.Wait() // stopped by a signal, or the log says why
			close(p.ended)
		}
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	if err := p.answer(s.url("postgres")); err != nil {
		p.stop(Immediate)
		return nil, fmt.Errorf("%w: %s", err, p.out.String())
	}
	return p, nil
}

// answer waits until the server does.
func (p *process) answer(url string) error {
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	retry := time.NewTicker(10 * time.Millisecond)
	defer retry.Stop()
	for {
		conn, err := pgx.Connect(ctx, url)
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-retry.C:
		case <-p.ended:
			return errors.New("it ended by itself")
		case <-ctx.Done():
			return err
		}
	}
}

// stop sends the signal that the mode stands for and waits for the end (https://www.postgresql.org/docs/current/server-shutdown.html).
func (p *process) stop(mode Mode) {
	signal := syscall.SIGINT
	if mode == Immediate {
		signal = syscall.SIGQUIT
	}
	_ = p.cmd.Process.Signal(signal) // fails when it has ended
	<-p.ended
}
