package mdmtest

import "strings"

// query is one thing that DeviceInformation can ask, and the macOS that learnt to answer it.
type query struct {
	major, minor int
	answer       func(*Mac) any
}

// fact answers a query that every macOS knows, and Authenticate tells.
func (m *Mac) fact(name string) any {
	switch name {
	case "DeviceName":
		return m.cfg.Name
	case "Model":
		return m.cfg.Model
	case "ModelName":
		return m.cfg.ModelName
	case "OSVersion":
		return m.cfg.OSVersion
	case "BuildVersion":
		return m.cfg.BuildVersion
	case "ProductName":
		return m.cfg.ProductName
	case "SerialNumber":
		return m.cfg.Serial
	case "UDID":
		return m.cfg.UDID
	}
	return nil
}

// laterQuery returns the answer to a query that came with a later macOS; the table follows the schema of DeviceInformation.
func laterQuery(name string) (query, bool) {
	silicon := func(m *Mac) any { return m.cfg.AppleSilicon }
	q, ok := map[string]query{
		"IsSupervised":             {10, 15, func(*Mac) any { return true }},
		"SupportsiOSAppInstalls":   {11, 0, silicon},
		"SupportsLOMDevice":        {11, 0, func(*Mac) any { return false }},
		"PINRequiredForDeviceLock": {11, 0, func(m *Mac) any { return m.takesPIN() }},
		// Erase All Content and Settings asks for no PIN: Apple silicon from macOS 12.
		"PINRequiredForEraseDevice": {11, 0, func(m *Mac) any { return !m.cfg.AppleSilicon || !m.version.atLeast(12, 0) }},
		"ProvisioningUDID":          {11, 3, provisioningUDID},
		"IsAppleSilicon":            {12, 0, silicon},
		"HasBattery":                {13, 3, func(*Mac) any { return true }},
	}[name]
	return q, ok
}

// queryResponses answers what this macOS knows; the rest is missing without a word.
func (m *Mac) queryResponses(queries []any) map[string]any {
	out := map[string]any{}
	for _, q := range queries {
		name, _ := q.(string)
		if v := m.fact(name); v != nil {
			out[name] = v
		} else if later, ok := laterQuery(name); ok && m.version.atLeast(later.major, later.minor) {
			out[name] = later.answer(m)
		}
	}
	return out
}

func (m *Mac) securityInfo() map[string]any {
	info := map[string]any{
		"FDE_Enabled":      true,
		"ManagementStatus": map[string]any{"EnrolledViaDEP": false, "UserApprovedEnrollment": true, "IsUserEnrollment": false},
	}
	if m.version.atLeast(10, 13) && !m.cfg.AppleSilicon {
		info["FirmwarePasswordStatus"] = map[string]any{"PasswordExists": false, "ChangePending": false, "AllowOroms": false}
	}
	if m.version.atLeast(11, 0) {
		allowed := "not supported"
		if m.cfg.AppleSilicon {
			allowed = "allowed"
		}
		info["BootstrapTokenAllowedForAuthentication"] = allowed // a string, in spite of its name
	}
	if m.version.atLeast(11, 5) && m.cfg.AppleSilicon {
		info["IsRecoveryLockEnabled"] = false
	}
	return info
}

// provisioningUDID differs from the UDID on Apple silicon only.
func provisioningUDID(m *Mac) any {
	hex := strings.ReplaceAll(m.cfg.UDID, "-", "")
	if !m.cfg.AppleSilicon || len(hex) < 16 {
		return m.cfg.UDID
	}
	return "00008112-" + hex[:16]
}
