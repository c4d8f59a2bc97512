package console

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/group"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/inventory"
	"github.com/latchkey-mdm/latchkey/lock"
)

const (
	membersPerPage = 100
	foundToAdd     = 12
)

// groupData is the page of one group.
type groupData struct {
	groupKind
	group.Group
	Above  []group.Group // from the top down
	Below  []group.Group
	Places []group.Group // where it may be moved
	Rows   []group.Member
	Search string
	Next   string // address of the next page; empty: there is none

	Find  string             // what was searched for to be added
	Found []inventory.Device // of a group of devices
	In    map[string]bool    // of these, those that are in the group
	Fault string             // nothing was changed, and why
}

func (c *console) groupPage(w http.ResponseWriter, r *http.Request, a lock.Actor) error {
	return c.showGroup(w, r, a, http.StatusOK, "")
}

func (c *console) showGroup(w http.ResponseWriter, r *http.Request, a lock.Actor, status int, fault string) error {
	ctx := r.Context()
	k, err := kindOf(r)
	if err != nil {
		return err
	}
	data := groupData{groupKind: k, Search: strings.TrimSpace(r.FormValue("q")), Find: strings.TrimSpace(r.FormValue("find")), Fault: fault}
	if data.Group, err = c.Groups.Find(ctx, a, k.Kind, r.PathValue("id")); err != nil {
		return err
	}
	all, err := c.Groups.Groups(ctx, a, k.Kind)
	if err != nil {
		return err
	}
	data.place(all)
	data.Rows, err = c.Groups.Members(ctx, a, k.Kind, data.ID, data.Search, r.FormValue("after"), membersPerPage+1)
	if err != nil {
		return err
	}
	if len(data.Rows) > membersPerPage {
		data.Rows = data.Rows[:membersPerPage]
		data.Next = groupPath(k, data.ID) + "?" + url.Values{"q": {data.Search}, "after": {data.Rows[membersPerPage-1].ID}}.Encode()
	}
	if data.Find != "" && k.Kind == group.Devices {
		if err := c.findToAdd(r, a, &data); err != nil {
			return err
		}
	}
	return c.render(w, r, status, "group", data.Name, data)
}

// findToAdd looks for devices that may be put into the group.
func (c *console) findToAdd(r *http.Request, a lock.Actor, data *groupData) (err error) {
	if data.Found, err = c.Devices.Devices(r.Context(), a, data.Find, "", foundToAdd); err != nil {
		return err
	}
	data.In = map[string]bool{}
	for _, d := range data.Found {
		in, err := c.Groups.Of(r.Context(), a, group.Devices, d.ID)
		if err != nil {
			return err
		}
		data.In[d.ID] = slices.ContainsFunc(in, func(g group.Group) bool { return g.ID == data.ID })
	}
	return nil
}

// place finds what is above and below the group, and where it may go: all lists each group before those below it.
func (d *groupData) place(all []group.Group) {
	d.Above = nil
	above, inside := d.Parent, false
	for _, g := range slices.Backward(all) {
		if g.ID == above {
			d.Above, above = append([]group.Group{g}, d.Above...), g.Parent
		}
	}
	for _, g := range all {
		if g.Parent == d.ID {
			d.Below = append(d.Below, g)
		}
		inside = g.ID == d.ID || inside && g.Depth > d.Depth
		if !inside {
			d.Places = append(d.Places, g)
		}
	}
}

// afterwards goes back to the page of the group, or shows it with what was wrong.
func (c *console) afterwards(w http.ResponseWriter, r *http.Request, a lock.Actor, k groupKind, err error, done string) error {
	if said := groupFault(err); said != "" {
		return c.showGroup(w, r, a, http.StatusUnprocessableEntity, "Nothing was changed. "+said)
	}
	if err != nil {
		return err
	}
	c.say(r.Context(), done)
	to := groupPath(k, r.PathValue("id"))
	if find := r.PostFormValue("find"); find != "" { // to add more of what was found
		to += "?" + url.Values{"find": {find}}.Encode() + "#add"
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

func (c *console) changeGroup(w http.ResponseWriter, r *http.Request, a lock.Actor) error {
	k, err := kindOf(r)
	if err != nil {
		return err
	}
	name := strings.TrimSpace(r.PostFormValue("name"))
	change := group.Change{Name: &name}
	if parent := r.PostFormValue("parent"); k.Tree && r.PostForm.Has("parent") {
		change.Parent = &parent
	}
	changed, err := c.Groups.Change(r.Context(), a, k.Kind, r.PathValue("id"), change)
	return c.afterwards(w, r, a, k, err, "The group is now "+changed.Path+".")
}

func (c *console) deleteGroup(w http.ResponseWriter, r *http.Request, a lock.Actor) error {
	k, err := kindOf(r)
	if err != nil {
		return err
	}
	err = c.Groups.Delete(r.Context(), a, k.Kind, r.PathValue("id"))
	if err != nil {
		return c.afterwards(w, r, a, k, err, "")
	}
	c.say(r.Context(), "The group is deleted. Who was in it stays what it is.")
	http.Redirect(w, r, "/groups", http.StatusSeeOther)
	return nil
}

func (c *console) addMember(w http.ResponseWriter, r *http.Request, a lock.Actor) error {
	k, err := kindOf(r)
	if err != nil {
		return err
	}
	member := strings.TrimSpace(r.PostFormValue("member"))
	err = c.Groups.Add(r.Context(), a, k.Kind, r.PathValue("id"), member)
	name, err := c.called(r, a, k, member, err)
	return c.afterwards(w, r, a, k, err, name+" is in the group.")
}

func (c *console) dropMember(w http.ResponseWriter, r *http.Request, a lock.Actor) error {
	k, err := kindOf(r)
	if err != nil {
		return err
	}
	member := r.PostFormValue("member")
	err = c.Groups.Drop(r.Context(), a, k.Kind, r.PathValue("id"), member)
	if errors.Is(err, lock.ErrNotFound) {
		if _, gone := c.Groups.Find(r.Context(), a, k.Kind, r.PathValue("id")); gone == nil {
			err = nil // somebody else was faster
		}
	}
	name := member
	if k.Kind == group.Devices && err == nil { // an account that is restricted may not see it any more
		if d, unseen := c.Devices.FindFor(r.Context(), a, member); unseen == nil {
			name = titleOf(d)
		} else {
			name = "The device"
		}
	}
	return c.afterwards(w, r, a, k, err, name+" is out of the group.")
}

// called is what a member is called on a page.
func (c *console) called(r *http.Request, a lock.Actor, k groupKind, member string, err error) (string, error) {
	if err != nil || k.Kind != group.Devices {
		return member, err
	}
	d, err := c.Devices.FindFor(r.Context(), a, member)
	return titleOf(d), err
}

func titleOf(d inventory.Device) string {
	for _, name := range []string{d.Name, d.Serial} {
		if name != "" {
			return name
		}
	}
	return d.ID
}
