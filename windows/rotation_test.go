package windows

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/windows/omadm"
	"github.com/latchkey-mdm/latchkey/windows/syncml"
)

func TestReadLAPS(t *testing.T) {
	outcome, _ := RotateLAPS.Read(exchanged(t, "4.4-s3.xml", "4.4-c4.xml"), "")
	require.Equal(t, lock.Progress, outcome, "the sample is pending")
	for status, want := range map[string][2]string{
		"0":    {"acknowledged", ""},
		" 0\n": {"acknowledged", ""},
		// E_PENDING, signed and not, and as it is printed in the documentation
		"-2147483638": {"progress", ""}, "2147483658": {"progress", ""}, "134217728": {"progress", ""},
		"-2147483648": {"progress", ""}, "2147483648": {"progress", ""},
		"1":           {"refused", "0x1"},
		"-2147024891": {"refused", "0x80070005"}, "2147942405": {"refused", "0x80070005"},
		"": {"", ""}, "no number": {"", ""}, "4294967296": {"", ""}, "-4294967296": {"", ""},
	} {
		a := bring(answered(RotateLAPS.Ask(), 200), uriLAPSStatus, "int", status)
		outcome, code := RotateLAPS.Read(a, "")
		require.Equal(t, want, [2]string{string(outcome), code}, status)
	}
	outcome, _ = RotateLAPS.Read(answered(RotateLAPS.Ask(), 404), "")
	require.Empty(t, outcome)
}

func TestReadBitLocker(t *testing.T) {
	const request = "0b5f2f44-2a5d-4f0e-9d0e-5b6b7c8d9e0f"
	done := exchanged(t, "4.5-s1.xml", "4.5-c2.xml")
	outcome, _ := RotateBitLocker.Read(done, request)
	require.Equal(t, lock.Acknowledged, outcome, "the sample is done")
	outcome, _ = RotateBitLocker.Read(done, "0B5F2F44-2A5D-4F0E-9D0E-5B6B7C8D9E0F")
	require.Equal(t, lock.Acknowledged, outcome, "case does not matter")
	outcome, _ = RotateBitLocker.Read(done, "another")
	require.Empty(t, outcome, "of another request")

	for status, want := range map[string][2]string{
		"0": {"acknowledged", ""}, "1": {"progress", ""}, "2": {"progress", ""}, "-2147024809": {"refused", "-2147024809"}, "3": {"refused", "3"},
		"": {"", ""}, "x": {"", ""},
	} {
		a := answered(RotateBitLocker.Ask(), 200)
		a.Replies[0].Items = []syncml.Item{result(uriBitLockerStatus, "int", status), result(uriBitLockerRequest, "chr", request)}
		outcome, code := RotateBitLocker.Read(a, request)
		require.Equal(t, want, [2]string{string(outcome), code}, status)
	}
	without := answered(RotateBitLocker.Ask(), 200)
	without.Replies[0].Items = []syncml.Item{result(uriBitLockerStatus, "int", "0")}
	outcome, _ = RotateBitLocker.Read(without, "")
	require.Empty(t, outcome, "a status of nobody's request")
	outcome, _ = RotateBitLocker.Read(omadm.Answer{}, request)
	require.Empty(t, outcome)
}
