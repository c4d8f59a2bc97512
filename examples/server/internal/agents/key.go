package agents

import (
	"context"
	"fmt"

	"github.com/latchkey-mdm/latchkey/android/agent"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/secret"
	"github.com/latchkey-mdm/latchkey/pin"
)

// OpenKey loads the key with which the server signs commands, or makes it at the first start. A key that cannot be opened is an error which
// wraps that of the Sealer.
func OpenKey(ctx context.Context, d *db.DB, sealer pin.Sealer) (agent.Key, error) {
	kept, err := secret.Open(ctx, d, sealer, secret.AgentCommands, func() (secret.Pair, error) {
		k, err := agent.NewKey()
		if err != nil {
			return secret.Pair{}, err
		}
		der, err := k.Marshal()
		if err != nil {
			return secret.Pair{}, err
		}
		private, err := pin.Bytes(der)
		return secret.Pair{Public: []byte(k.ID()), Private: private}, err
	})
	if err != nil {
		return agent.Key{}, err
	}
	k, err := agent.ParseKey([]byte(kept.Private.Expose()))
	if err != nil {
		return agent.Key{}, fmt.Errorf("%s: %w", secret.AgentCommands, err)
	}
	return k, nil
}
