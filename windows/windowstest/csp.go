package windowstest

import (
	"crypto/sha256"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
)

const (
	root        = "./Device/Vendor/MSFT/"
	policies    = root + "Policy/Config/"
	denyLogOn   = policies + "UserRights/DenyLocalLogOn"
	remoteLock  = root + "RemoteLock/"
	lapsActions = root + "LAPS/Actions/"
	bitLocker   = root + "BitLocker/"

	accountUser   = "/AppAuth/CLCRED/AAuthName"
	accountSecret = "/AppAuth/CLCRED/AAuthSecret" //nolint:gosec // the name of a node

	lapsPending = "-2147483638" // E_PENDING
)

// newTree is what a device of this kind has, as it comes out of its enrolment.
func newTree(c Config) *tree {
	t := &tree{}
	fixed := func(uri, value, format string) node {
		return node{uri: uri, value: value, format: format, access: readOnly}
	}
	t.add(
		fixed("./DevInfo/DevId", c.ID, ""),
		fixed("./DevInfo/Man", c.Manufacturer, ""),
		fixed("./DevInfo/Mod", c.Model, ""),
		fixed("./DevInfo/DmV", "1.3", ""),
		fixed("./DevInfo/Lang", "en-US", ""),
		fixed("./DevDetail/SwV", c.Build, ""),
		fixed("./DevDetail/DevTyp", c.Model, ""),
		fixed("./DevDetail/OEM", c.Manufacturer, ""),
		fixed("./DevDetail/LrgObj", "false", "bool"),
		fixed("./DevDetail/Ext/Microsoft/DeviceName", c.Name, ""),
		node{uri: c.accountURI() + accountUser, value: c.User, access: canGet | canReplace},
		node{uri: c.accountURI() + accountSecret, value: c.Secret, access: canReplace},
		fixed(root+"WindowsLicensing/Edition", strconv.Itoa(c.Edition), "int"),
	)
	if c.build() >= 17763 {
		t.add(fixed("./DevDetail/Ext/Microsoft/SMBIOSSerialNumber", c.Serial, ""))
	}
	c.push(t)
	c.remoteLock(t)
	t.add(node{uri: root + "Reboot/RebootNow", format: "null", access: action, exec: (*Device).rebootNow})
	if c.has(lapsBuilds...) {
		c.laps(t)
	}
	if c.has([2]int{18363, 0}) {
		c.bitLocker(t)
	}
	for i := range t.nodes {
		t.nodes[i].standard = true
	}
	return t
}

// lapsBuilds are the builds, with their revisions, since which there is LAPS.
var lapsBuilds = [][2]int{{25145, 0}, {22621, 1480}, {22000, 1754}, {20348, 1663}, {19041, 2784}, {17763, 4244}}

// has says whether it is a desktop, not a Home edition, and its build is of one of these lines and no older.
func (c Config) has(since ...[2]int) bool {
	home := c.Edition >= 0x62 && c.Edition <= 0x65
	if c.Class != Desktop || home {
		return false
	}
	revision, _ := strconv.Atoi(c.Build[strings.LastIndex(c.Build, ".")+1:])
	for _, s := range since {
		if c.build() >= s[0] {
			return revision >= s[1]
		}
	}
	return false
}

// accountURI is the root of the account's nodes: its name is a digest of the provider's.
func (c Config) accountURI() string {
	var b []byte
	for _, u := range utf16.Encode([]rune(c.ProviderID)) {
		b = append(b, byte(u), byte(u>>8))
	}
	return fmt.Sprintf("./SyncML/DMAcc/0x0000800c%X", sha256.Sum256(b))
}

func (c Config) push(t *tree) {
	push := root + "DMClient/Provider/" + c.ProviderID + "/Push/"
	t.add(
		node{uri: push + "PFN", access: setting},
		node{uri: push + "ChannelURI", access: readOnly, read: func(d *Device) (string, string) {
			if d.tree.value(push+"PFN") == "" {
				return "", "null"
			}
			return c.ChannelURI, ""
		}},
		node{uri: push + "Status", access: readOnly, read: func(d *Device) (string, string) {
			if d.tree.value(push+"PFN") == "" {
				return "4", "int" // no channel
			}
			return "0", "int"
		}},
	)
}

func (c Config) remoteLock(t *tree) {
	if c.Class == Desktop && !c.RemoteLock {
		return
	}
	t.add(node{uri: remoteLock + "Lock", format: "null", access: action, exec: (*Device).lock})
	if c.Class == HoloLens {
		return
	}
	t.add(
		node{uri: remoteLock + "LockAndResetPIN", format: "null", access: action, exec: (*Device).resetPIN},
		node{uri: remoteLock + "NewPINValue", typed: true, access: readOnly, read: (*Device).takePIN},
	)
	if c.build() >= 15063 {
		t.add(node{uri: remoteLock + "LockAndRecoverPIN", format: "null", access: action, exec: (*Device).recoverPIN})
	}
}

func (c Config) laps(t *tree) {
	policy := func(name, value, format string) node {
		return node{uri: root + "LAPS/Policies/" + name, value: value, format: format, access: setting, atomic: true}
	}
	t.add(
		policy("BackupDirectory", "0", "int"), policy("PasswordAgeDays", "30", "int"), policy("PasswordComplexity", "4", "int"),
		policy("PasswordLength", "14", "int"), policy("AdministratorAccountName", "", "chr"),
		policy("PostAuthenticationActions", "3", "int"), policy("PostAuthenticationResetDelay", "24", "int"),
		node{uri: lapsActions + "ResetPassword", format: "null", access: action, exec: (*Device).resetPassword},
		node{uri: lapsActions + "ResetPasswordStatus", value: "0", access: readOnly, read: (*Device).lapsStatus},
	)
}

func (c Config) bitLocker(t *tree) {
	state := bitLocker + "Status/RotateRecoveryPasswordsStatus"
	t.add(
		node{uri: bitLocker + "RotateRecoveryPasswords", format: "null", access: canExec, exec: (*Device).rotate},
		node{uri: bitLocker + "ConfigureRecoveryPasswordRotation", value: "0", format: "int", access: setting},
		node{uri: bitLocker + "Status/DeviceEncryptionStatus", value: "0", format: "int", access: readOnly},
		node{uri: state, value: "2", access: readOnly, read: func(d *Device) (string, string) { return d.passing(state, "1"), "int" }},
		node{uri: bitLocker + "Status/RotateRecoveryPasswordsRequestID", access: readOnly},
		node{uri: bitLocker + "Status/RemovableDrivesEncryptionStatus", value: "0", format: "int", access: readOnly},
	)
}

// dynamic says whether a server may make this node: a policy, or a setting below a name of its own.
func (c Config) dynamic(uri string) bool {
	switch area, name, _ := strings.Cut(strings.TrimPrefix(uri, policies), "/"); {
	case !strings.HasPrefix(uri, policies):
		return strings.HasPrefix(uri, root+"PassportForWork/") || strings.HasPrefix(uri, root+"DMClient/Provider/"+c.ProviderID+"/Poll/")
	case name == "" || strings.Contains(name, "/"):
		return false
	case area == "UserRights":
		return c.has([2]int{17134, 0})
	case area == "LocalPoliciesSecurityOptions":
		return c.has([2]int{16299, 0})
	}
	return true
}

// barred is the status of everything that a device enrolled for a user does not let its server do; 0: it may.
func (c Config) barred(uri string) int {
	switch {
	case !c.UserEnrolled:
		return 0
	case strings.HasPrefix(uri, root+"Policy/"):
		return 405
	case strings.HasPrefix(uri, root+"Reboot/"):
		return 406
	}
	return 0
}
