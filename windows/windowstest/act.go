package windowstest

import (
	"crypto/rand"
	"math/big"
	"strings"
	"unicode"
)

// What the nodes do. The caller of each holds mu.

func (d *Device) lock(string) int {
	if d.pin == "" {
		return 405
	}
	d.locked = true
	return 200
}

func (d *Device) resetPIN(string) int {
	d.pin = d.makePIN()
	d.newPIN = d.pin
	d.locked = true
	return 200
}

func (d *Device) recoverPIN(data string) int {
	allowed := d.cfg.PINRecovery
	for _, n := range d.tree.below(root + "PassportForWork") {
		allowed = allowed || strings.HasSuffix(n.uri, "/Policies/EnablePinRecovery") && n.value == "true"
	}
	switch {
	case d.pin == "":
		return 405
	case !allowed:
		return 500
	}
	return d.resetPIN(data)
}

// takePIN is NewPINValue: whoever reads it first gets it, and it is gone.
func (d *Device) takePIN() (value, format string) {
	if d.newPIN == "" {
		return "", "null"
	}
	value, d.newPIN = d.newPIN, ""
	return value, "chr"
}

func (d *Device) rebootNow(string) int {
	d.reboot = true
	return 200
}

// boot restarts the device: who was signed in is not any more.
func (d *Device) boot() {
	d.restarts++
	d.reboot = false
	d.signedIn = ""
	d.locked = d.pin != ""
	if !d.cfg.KeepsPIN {
		d.newPIN = ""
	}
}

func (d *Device) resetPassword(string) int {
	d.tree.leaf(lapsActions + "ResetPasswordStatus").value = lapsPending
	return 200
}

// lapsStatus is the status of the rotation: there is none to wait for while no directory is set.
func (d *Device) lapsStatus() (value, format string) {
	value = d.passing(lapsActions+"ResetPasswordStatus", lapsPending)
	if d.tree.value(root+"LAPS/Policies/BackupDirectory") == "0" {
		value = "0"
	}
	return value, "int"
}

func (d *Device) rotate(id string) int {
	d.tree.leaf(bitLocker + "Status/RotateRecoveryPasswordsStatus").value = "1"
	d.tree.leaf(bitLocker + "Status/RotateRecoveryPasswordsRequestID").value = id
	return 202
}

// passing reads the status of something that is done when it has been seen pending once.
func (d *Device) passing(uri, pending string) string {
	n := d.tree.leaf(uri)
	value := n.value
	if value == pending {
		n.value = "0"
	}
	return value
}

// denies says whether DenyLocalLogOn keeps this user out.
func (d *Device) denies(user string) bool {
	for _, who := range strings.Split(d.tree.value(denyLogOn), "\uf000") {
		if who == "*S-1-1-0" || strings.EqualFold(who, "Everyone") || who != "" && strings.EqualFold(who, user) {
			return true
		}
	}
	return false
}

// makePIN makes a PIN of the policy that differs from the one before.
func (d *Device) makePIN() string {
	alphabet, length := "0123456789", 6
	if d.cfg.PINPolicy == LettersAndDigits {
		alphabet, length = alphabet+"abcdefghijklmnopqrstuvwxyz", 8
	}
	for {
		pin := make([]byte, length)
		for i := range pin {
			n, err := rand.Int(rand.Reader, big.NewInt(int64(len(alphabet))))
			if err != nil {
				panic(err) // crypto/rand does not fail
			}
			pin[i] = alphabet[n.Int64()]
		}
		letters := strings.ContainsFunc(string(pin), unicode.IsLetter)
		digits := strings.ContainsFunc(string(pin), unicode.IsDigit)
		if string(pin) != d.pin && digits && (letters || d.cfg.PINPolicy == Digits) {
			return string(pin)
		}
	}
}
