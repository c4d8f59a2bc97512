package auditlog

import (
	"context"
	"io"

	"github.com/latchkey-mdm/latchkey/lock"
)

// VerifyCapped is Verify with another number of actions that a pass follows.
func VerifyCapped(ctx context.Context, store lock.Store, storage Storage, trust Trust, limit int) (Report, error) {
	v, err := newVerification(trust)
	if err != nil {
		return Report{}, err
	}
	v.limit = limit
	return v.live(ctx, store, storage)
}

// VerifyExportCapped is VerifyExport, likewise.
func VerifyExportCapped(ctx context.Context, r io.ReadSeeker, trust Trust, limit int) (Report, error) {
	v, err := newVerification(trust)
	if err != nil {
		return Report{}, err
	}
	v.limit = limit
	return v.export(ctx, r)
}

// VerifyLog is Verify without the comparison of actions, for benchmarks.
func VerifyLog(ctx context.Context, store lock.Store, storage Storage, trust Trust) (Report, error) {
	v, err := newVerification(trust)
	if err != nil {
		return Report{}, err
	}
	src := &live{feed: feed{store: store}, storage: storage}
	if err := src.begin(ctx, v.verifier); err != nil {
		return Report{}, err
	}
	return v.run(ctx, src, func(context.Context, *pass) (*TamperError, error) { return nil, nil })
}
