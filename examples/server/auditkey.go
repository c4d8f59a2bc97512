package main

import (
	"context"
	"crypto/rand"
	"strings"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/secret"
	"github.com/latchkey-mdm/latchkey/pin"
	"github.com/latchkey-mdm/latchkey/store/auditlog"
)

// openAuditKey returns the key that signs the checkpoints of the audit log, which is made at the first start. Its name, which is the log's
// too, is like no other log's.
func openAuditKey(ctx context.Context, d *db.DB, sealer pin.Sealer) (secret.Pair, error) {
	return secret.Open(ctx, d, sealer, secret.AuditLog, func() (secret.Pair, error) {
		signer, verifier, err := auditlog.NewKey("latchkey/" + strings.ToLower(rand.Text()))
		if err != nil {
			return secret.Pair{}, err
		}
		private, err := pin.Bytes([]byte(signer))
		return secret.Pair{Public: []byte(verifier), Private: private}, err
	})
}
