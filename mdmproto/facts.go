package mdmproto

import "strconv"

// deviceQueries are what DeviceInformation asks, and what is kept of its answer (Apple, schema of DeviceInformation).
var deviceQueries = []string{
	"OSVersion", "BuildVersion", "ProductName", "Model", "ModelName", "SerialNumber", "UDID", "DeviceName",
	"IsAppleSilicon",         // macOS 12: no answer in the window where a lock deactivates a Mac
	"SupportsiOSAppInstalls", // macOS 11: a hint at Apple silicon in that window
	"ProvisioningUDID",       // differs from the UDID on Apple silicon
	"PINRequiredForDeviceLock", "PINRequiredForEraseDevice", "EACSPreflight",
	"IsSupervised", "IsMDMLostModeEnabled", "IsMultiUser", "IsActivationLockEnabled", "SupportsLOMDevice",
	"TimeZone", "IsNetworkTethered", "BatteryLevel", "HasBattery",
}

// securityFacts are what is kept of a SecurityInfo; inner keys come after a dot (Apple, schema of SecurityInfo).
var securityFacts = []string{
	"PasscodePresent", "PasscodeCompliant", "PasscodeCompliantWithProfiles", "FDE_Enabled", "IsRecoveryLockEnabled",
	"BootstrapTokenAllowedForAuthentication",
}

// securityNested are the dictionaries inside a SecurityInfo and what is kept of them.
var securityNested = []struct {
	name string
	keys []string
}{
	{"FirmwarePasswordStatus", []string{"PasswordExists", "ChangePending", "AllowOroms"}},
	{"ManagementStatus", []string{"EnrolledViaDEP", "UserApprovedEnrollment", "IsUserEnrollment", "IsActivationLockManageable"}},
	{"SecureBoot", []string{"SecureBootLevel"}},
}

// facts flattens the answers to DeviceInformation and SecurityInfo.
func (d *dict) facts() map[string]string {
	facts := make(map[string]string)
	d.flatten(facts, "QueryResponses", "", deviceQueries)
	info := d.flatten(facts, "SecurityInfo", "", securityFacts)
	for _, nested := range securityNested {
		info.flatten(facts, nested.name, nested.name+".", nested.keys)
	}
	for _, field := range info.skipped {
		d.skipped = append(d.skipped, "SecurityInfo."+field)
	}
	return facts
}

// flatten copies the scalars among the allowed keys of a nested dictionary, and returns that dictionary.
func (d *dict) flatten(facts map[string]string, field, prefix string, keys []string) *dict {
	inner := d.nested(field)
	for _, key := range keys {
		v, ok := inner.values[key]
		if !ok {
			continue
		}
		fact, ok := scalar(v)
		if !ok {
			d.skipped = append(d.skipped, field+"."+key)
			continue
		}
		facts[prefix+key] = fact
	}
	return inner
}

// scalar writes a simple value as text.
func scalar(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return clean(v), true
	case bool:
		return strconv.FormatBool(v), true
	case int64:
		return strconv.FormatInt(v, 10), true
	case uint64:
		return strconv.FormatUint(v, 10), true
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), true
	}
	return "", false
}
