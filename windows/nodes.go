package windows

// The nodes that this package speaks of, in the case and the scope in which Windows documents them.
const (
	uriRemoteLock = "./Device/Vendor/MSFT/RemoteLock"
	uriLock       = uriRemoteLock + "/" + nodeLock
	uriReset      = uriRemoteLock + "/" + nodeReset
	uriRecover    = uriRemoteLock + "/" + nodeRecover
	uriNewPIN     = uriRemoteLock + "/" + nodeNewPIN

	nodeLock    = "Lock"
	nodeReset   = "LockAndResetPIN"
	nodeRecover = "LockAndRecoverPIN"
	nodeNewPIN  = "NewPINValue"

	uriPolicies = "./Device/Vendor/MSFT/Policy/Config/"
	uriDeny     = uriPolicies + "UserRights/DenyLocalLogOn"
	uriTitle    = uriPolicies + "LocalPoliciesSecurityOptions/InteractiveLogon_MessageTitleForUsersAttemptingToLogOn"
	uriText     = uriPolicies + "LocalPoliciesSecurityOptions/InteractiveLogon_MessageTextForUsersAttemptingToLogOn"
	uriReboot   = "./Device/Vendor/MSFT/Reboot/RebootNow"

	uriSwV     = "./DevDetail/SwV"
	uriSerial  = "./DevDetail/Ext/Microsoft/SMBIOSSerialNumber"
	uriName    = "./DevDetail/Ext/Microsoft/DeviceName"
	uriMaker   = "./DevInfo/Man"
	uriModel   = "./DevInfo/Mod"
	uriEdition = "./Vendor/MSFT/WindowsLicensing/Edition"

	uriLAPS             = "./Device/Vendor/MSFT/LAPS"
	uriLAPSReset        = uriLAPS + "/Actions/ResetPassword"
	uriLAPSStatus       = uriLAPS + "/Actions/ResetPasswordStatus"
	uriBitLockerRotate  = "./Device/Vendor/MSFT/BitLocker/RotateRecoveryPasswords"
	uriBitLocker        = "./Device/Vendor/MSFT/BitLocker/Status"
	uriBitLockerStatus  = uriBitLocker + "/RotateRecoveryPasswordsStatus"
	uriBitLockerRequest = uriBitLocker + "/RotateRecoveryPasswordsRequestID"
)

// separator divides the entries of a list of user rights, and the lines of the message at signing in.
const separator = "\uf000"

// everybody is the group Everyone by its SID: names of groups are translated.
const everybody = "*S-1-1-0"

const formatText = "chr"
