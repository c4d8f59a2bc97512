//go:build !unix

package postgrestest

import "errors"

// process is a running server: there is none here, and no program is found that would need one.
type process struct{}

func (s *Server) start() error { return errors.ErrUnsupported }

func (s *Server) launch() (*process, error) { return nil, errors.ErrUnsupported }

func (p *process) stop(Mode) {}
