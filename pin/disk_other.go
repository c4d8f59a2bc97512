//go:build !unix

package pin

import "os"

// cannotSync is true: what was opened for reading is not synced here.
func cannotSync(error) bool { return true }

// keepOwner leaves the owner to the system.
func (disk) keepOwner(*os.File, string) error { return nil }
