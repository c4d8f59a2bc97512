package windows

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAccountUID(t *testing.T) {
	require.Equal(t, "0x0000800cABF8CA7D87C0FA21BB21B896AE2C8468CA07710326415228ACF2392EA1327077", AccountUID("Fleet"))
	require.Equal(t, "0x0000800c7C442B5BAA5E3A62BD058BA4730A268774D9D915F7A7E47F09CC8BB9540A2486", AccountUID("TestMDMServer"))
}
