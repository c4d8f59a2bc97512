package postgrestest

import "syscall"

// attributes has the server stopped when the test binary ends, however it does.
func attributes(as *syscall.Credential) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Credential: as, Setpgid: true, Pdeathsig: syscall.SIGQUIT}
}
