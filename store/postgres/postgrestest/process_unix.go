//go:build unix && !linux

package postgrestest

import "syscall"

// attributes keeps an interrupt at the terminal from the server, which Stop ends.
func attributes(as *syscall.Credential) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Credential: as, Setpgid: true}
}
