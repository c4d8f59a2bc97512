package auditlog_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/bits"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/store/auditlog"
)

// grown is a ledger with checkpoints of these sizes.
func grown(t *testing.T, sizes ...int) (*book, [][]byte) {
	t.Helper()
	b := newBook(t)
	var kept [][]byte
	size := 0
	for _, s := range sizes {
		kept = append(kept, b.signed(t, s-size))
		size = s
	}
	return b, kept
}

// root is the third line of a checkpoint that the key signed.
func root(t *testing.T, key string, signed []byte) []byte {
	t.Helper()
	hash, err := base64.StdEncoding.DecodeString(strings.Split(opened(t, key, signed), "\n")[2])
	require.NoError(t, err)
	return hash
}

func raw(hashes []tlog.Hash) [][]byte {
	all := make([][]byte, len(hashes))
	for i := range hashes {
		all[i] = hashes[i][:]
	}
	return all
}

// Proofs are checked by code that shares nothing with this module's.
func TestInclusionProof(t *testing.T) {
	sizes := []int{1, 2, 255, 256, 257, 700, 1300}
	b, _ := grown(t, sizes...)
	events := b.all(t)
	for _, size := range append(sizes, 0) {
		total := size
		if size == 0 {
			total = 1300
		}
		for _, position := range []int{0, 1, 127, 254, 255, 256, 511, 699, total - 1} {
			if position >= total {
				continue
			}
			t.Run(fmt.Sprintf("%d in %d", position, size), func(t *testing.T) {
				p, err := b.log.ProveInclusion(t.Context(), int64(position), int64(size))
				require.NoError(t, err)
				leaf := rfc6962.DefaultHasher.HashLeaf(events[position].Hash)
				require.NoError(t, proof.VerifyInclusion(rfc6962.DefaultHasher, uint64(p.Position), uint64(p.Size), leaf, raw(p.Hashes),
					root(t, b.key, []byte(p.Checkpoint))))
				assert.Equal(t, int64(total), p.Size)
				assert.LessOrEqual(t, len(p.Hashes), bits.Len(uint(total)))
				require.NoError(t, auditlog.CheckInclusion(p, b.key, events[position].Hash))
				require.ErrorIs(t, auditlog.CheckInclusion(p, b.key, events[(position+1)%1300].Hash), auditlog.ErrProof)
			})
		}
	}
}

func TestConsistencyProof(t *testing.T) {
	sizes := []int{1, 2, 255, 256, 257, 700, 1300}
	b, kept := grown(t, sizes...)
	for i, from := range sizes {
		for j, size := range sizes[i:] {
			t.Run(fmt.Sprintf("%d to %d", from, size), func(t *testing.T) {
				p, err := b.log.ProveConsistency(t.Context(), int64(from), int64(size))
				require.NoError(t, err)
				older, newer := root(t, b.key, kept[i]), root(t, b.key, []byte(p.Checkpoint))
				require.NoError(t, proof.VerifyConsistency(rfc6962.DefaultHasher, uint64(p.From), uint64(p.Size), raw(p.Hashes), older, newer))
				assert.Equal(t, kept[i+j], []byte(p.Checkpoint))
				require.NoError(t, auditlog.CheckConsistency(p, b.key, kept[i]))
			})
		}
	}
}

func TestProofJSON(t *testing.T) {
	b, kept := grown(t, 2, 3)
	in, err := b.log.ProveInclusion(t.Context(), 2, 3)
	require.NoError(t, err)
	text, err := json.Marshal(in)
	require.NoError(t, err)
	note, err := json.Marshal(string(kept[1]))
	require.NoError(t, err)
	assert.JSONEq(t, fmt.Sprintf(`{"position":2,"size":3,"hashes":[%q],"checkpoint":%s}`,
		base64.StdEncoding.EncodeToString(root(t, b.key, kept[0])), note), string(text), "the sibling of the third event is the root over the first two")
	var back auditlog.InclusionProof
	require.NoError(t, json.Unmarshal(text, &back))
	assert.Equal(t, in, back)

	of, err := b.log.ProveConsistency(t.Context(), 2, 3)
	require.NoError(t, err)
	text, err = json.Marshal(of)
	require.NoError(t, err)
	assert.Contains(t, string(text), `{"from":2,"size":3,"hashes":["`)
}

func TestProofsThatDoNotHold(t *testing.T) {
	b, kept := grown(t, 300, 700)
	other, foreign := grown(t, 300, 700)
	event := b.all(t)[3].Hash
	included := func(edit func(p *auditlog.InclusionProof)) error {
		p, err := b.log.ProveInclusion(t.Context(), 3, 0)
		require.NoError(t, err)
		edit(&p)
		return auditlog.CheckInclusion(p, b.key, event)
	}
	consistent := func(older []byte, edit func(p *auditlog.ConsistencyProof)) error {
		p, err := b.log.ProveConsistency(t.Context(), 300, 700)
		require.NoError(t, err)
		edit(&p)
		return auditlog.CheckConsistency(p, b.key, older)
	}
	require.NoError(t, included(func(*auditlog.InclusionProof) {}))
	require.NoError(t, consistent(kept[0], func(*auditlog.ConsistencyProof) {}))
	for name, err := range map[string]error{
		"position":              included(func(p *auditlog.InclusionProof) { p.Position++ }),
		"position outside":      included(func(p *auditlog.InclusionProof) { p.Position = 700 }),
		"negative position":     included(func(p *auditlog.InclusionProof) { p.Position = -1 }),
		"size":                  included(func(p *auditlog.InclusionProof) { p.Size-- }),
		"hash":                  included(func(p *auditlog.InclusionProof) { p.Hashes[2][5] ^= 1 }),
		"a hash less":           included(func(p *auditlog.InclusionProof) { p.Hashes = p.Hashes[1:] }),
		"checkpoint of another": included(func(p *auditlog.InclusionProof) { p.Checkpoint = string(foreign[1]) }),
		"checkpoint edited": included(func(p *auditlog.InclusionProof) {
			p.Checkpoint = strings.Replace(p.Checkpoint, "\n700\n", "\n701\n", 1)
		}),
		"no checkpoint":         included(func(p *auditlog.InclusionProof) { p.Checkpoint = "" }),
		"older of another":      consistent(foreign[0], func(*auditlog.ConsistencyProof) {}),
		"older of another size": consistent(kept[1], func(*auditlog.ConsistencyProof) {}),
		"backwards":             consistent(kept[1], func(p *auditlog.ConsistencyProof) { p.From, p.Size, p.Checkpoint = 700, 300, string(kept[0]) }),
		"consistency hash":      consistent(kept[0], func(p *auditlog.ConsistencyProof) { p.Hashes[0][0] ^= 1 }),
	} {
		t.Run(name, func(t *testing.T) { assert.ErrorIs(t, err, auditlog.ErrProof) })
	}
	p, err := b.log.ProveInclusion(t.Context(), 3, 0)
	require.NoError(t, err)
	require.ErrorIs(t, auditlog.CheckInclusion(p, other.key, event), auditlog.ErrProof, "another key")
	var input *lock.InputError
	assert.ErrorAs(t, auditlog.CheckInclusion(p, "no key", event), &input)
}

func TestProveRefuses(t *testing.T) {
	b, _ := grown(t, 300, 700)
	empty := newBook(t)
	for _, c := range []struct {
		name  string
		prove func() error
		field string
	}{
		{"position behind the log", func() error { _, err := b.log.ProveInclusion(t.Context(), 700, 0); return err }, "position"},
		{"position behind the size", func() error { _, err := b.log.ProveInclusion(t.Context(), 300, 300); return err }, "position"},
		{"negative position", func() error { _, err := b.log.ProveInclusion(t.Context(), -1, 0); return err }, "position"},
		{"size without a checkpoint", func() error { _, err := b.log.ProveInclusion(t.Context(), 1, 400); return err }, "size"},
		{"size behind the log", func() error { _, err := b.log.ProveInclusion(t.Context(), 1, 701); return err }, "size"},
		{"negative size", func() error { _, err := b.log.ProveInclusion(t.Context(), 1, -1); return err }, "size"},
		{"nothing signed", func() error { _, err := empty.log.ProveInclusion(t.Context(), 0, 0); return err }, "size"},
		{"from nothing", func() error { _, err := b.log.ProveConsistency(t.Context(), 0, 0); return err }, "from"},
		{"from more than there is", func() error { _, err := b.log.ProveConsistency(t.Context(), 701, 0); return err }, "from"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var input *lock.InputError
			require.ErrorAs(t, c.prove(), &input)
			assert.Equal(t, c.field, input.Field)
		})
	}
}

func TestProveTamperedTiles(t *testing.T) {
	b, _ := grown(t, 700)
	f := &faulty{Storage: b.Memory, tile: func(_ int, _ int64, hashes []byte) []byte {
		hashes[0] ^= 1
		return hashes
	}}
	_, err := b.newLog(t, f).ProveInclusion(t.Context(), 3, 0)
	var found *auditlog.TamperError
	require.ErrorAs(t, err, &found)
	assert.Equal(t, auditlog.TamperedCheckpoint, found.What)
}
