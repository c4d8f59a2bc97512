package agents

import (
	"fmt"
	"strconv"
)

// versions are the releases of Android by API level.
var versions = map[int]string{
	21: "5.0", 22: "5.1", 23: "6.0", 24: "7.0", 25: "7.1", 26: "8.0", 27: "8.1", 28: "9", 29: "10", 30: "11", 31: "12", 32: "12L", 33: "13",
	34: "14", 35: "15", 36: "16",
}

// osVersion is an API level as people know it, as in "Android 14 (API 34)"; empty: unknown.
func osVersion(level string) string {
	n, err := strconv.Atoi(level)
	switch {
	case err != nil || n <= 0:
		return ""
	case versions[n] == "":
		return fmt.Sprintf("Android (API %d)", n)
	}
	return fmt.Sprintf("Android %s (API %d)", versions[n], n)
}
