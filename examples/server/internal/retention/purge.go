package retention

import (
	"cmp"
	"context"
	"slices"

	"github.com/latchkey-mdm/latchkey/lock"
)

// CodePurged is the code of what a purge took, or would take.
const CodePurged = "purged"

// Group is what a purge thinks the same of.
type Group struct {
	Code  string // see lock.Purge
	Text  string // what that means, of one of them
	Count int
	Items []lock.Action // the first of them, without boxes
}

// Purge runs a purge, or a dry run of one, and keeps so many of each group. What is purged comes first, then the largest groups. With an
// error, the groups are what came of it until then.
func Purge(ctx context.Context, svc *lock.Service, actor lock.Actor, r lock.Purge, keep int) ([]Group, error) {
	groups := map[string]*Group{}
	r.Each = func(a lock.Action, f lock.Finding) {
		g := groups[f.Code]
		if g == nil {
			g = &Group{Code: f.Code, Text: f.Text}
			groups[f.Code] = g
		}
		g.Count++
		if len(g.Items) < keep {
			g.Items = append(g.Items, a)
		}
	}
	_, err := svc.Purge(ctx, actor, r)
	var sorted []Group
	for _, g := range groups {
		sorted = append(sorted, *g)
	}
	first := func(g Group) int {
		if g.Code == CodePurged {
			return 0
		}
		return 1
	}
	slices.SortFunc(sorted, func(a, b Group) int {
		return cmp.Or(cmp.Compare(first(a), first(b)), cmp.Compare(b.Count, a.Count), cmp.Compare(a.Code, b.Code))
	})
	return sorted, err
}
