package mdmtest

import (
	"errors"
	"strconv"
	"strings"
)

// version is major, minor and patch of macOS.
type version [3]int

func parseVersion(s string) (version, error) {
	var v version
	parts := strings.Split(s, ".")
	if len(parts) > len(v) {
		return v, errors.New("more than three numbers")
	}
	for i, p := range parts {
		n, err := strconv.ParseUint(p, 10, 16)
		if err != nil {
			return v, errors.New("want numbers separated by dots, as in 15.1")
		}
		v[i] = int(n)
	}
	return v, nil
}

func (v version) atLeast(major, minor int) bool {
	return v[0] > major || v[0] == major && v[1] >= minor
}
