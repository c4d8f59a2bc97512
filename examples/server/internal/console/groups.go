package console

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/group"
	"github.com/latchkey-mdm/latchkey/lock"
)

// groupKind is one kind of groups, in words.
type groupKind struct {
	Kind group.Kind
	Many string // what its groups are called
	One  string // what a member is called
	Tree bool   // groups may be below others
}

var groupKinds = []groupKind{
	{group.Devices, "Device groups", "device", true},
	{group.Users, "User groups", "user", false},
}

// To is where its groups are created, and where their pages are below.
func (k groupKind) To() string { return "/groups/" + string(k.Kind) }

// kindOf is the kind in the path of a request.
func kindOf(r *http.Request) (groupKind, error) {
	for _, k := range groupKinds {
		if r.PathValue("kind") == string(k.Kind) {
			return k, nil
		}
	}
	return groupKind{}, lock.ErrNotFound
}

func groupPath(k groupKind, id string) string { return k.To() + "/" + url.PathEscape(id) }

// groupsData is the page with all groups.
type groupsData struct {
	Kinds  []groupList
	Errors map[string]string // by kind: why a group was not made
	Name   string            // as it was typed then
	Parent string
}

// groupList is the groups of one kind.
type groupList struct {
	groupKind
	Groups []group.Group
	Shown  bool // a restricted account knows nothing of user groups
}

// groupHandlers are the pages of groups; without groups there are none.
func (c *console) groupHandlers() map[string]handler {
	if c.Groups == nil {
		return map[string]handler{}
	}
	return map[string]handler{
		"GET /groups":                     c.groupsPage,
		"POST /groups/{kind}":             c.createGroup,
		"GET /groups/{kind}/{id}":         c.groupPage,
		"POST /groups/{kind}/{id}":        c.changeGroup,
		"POST /groups/{kind}/{id}/delete": c.deleteGroup,
		"POST /groups/{kind}/{id}/add":    c.addMember,
		"POST /groups/{kind}/{id}/drop":   c.dropMember,
		"GET /groups/{kind}/import":       c.importPage,
		"POST /groups/{kind}/import":      c.importFile,
	}
}

func (c *console) groupsPage(w http.ResponseWriter, r *http.Request, a lock.Actor) error {
	return c.showGroups(w, r, a, http.StatusOK, groupsData{})
}

func (c *console) showGroups(w http.ResponseWriter, r *http.Request, a lock.Actor, status int, data groupsData) error {
	for _, k := range groupKinds {
		found, err := c.Groups.Groups(r.Context(), a, k.Kind)
		if err != nil {
			return err
		}
		data.Kinds = append(data.Kinds, groupList{k, found, k.Tree || !accountOf(r).Restricted})
	}
	return c.render(w, r, status, "groups", "Groups", data)
}

func (c *console) createGroup(w http.ResponseWriter, r *http.Request, a lock.Actor) error {
	k, err := kindOf(r)
	if err != nil {
		return err
	}
	data := groupsData{Name: strings.TrimSpace(r.PostFormValue("name")), Parent: r.PostFormValue("parent")}
	made, err := c.Groups.Create(r.Context(), a, k.Kind, data.Name, data.Parent)
	if said := groupFault(err); said != "" {
		data.Errors = map[string]string{string(k.Kind): "Nothing was made. " + said}
		return c.showGroups(w, r, a, http.StatusUnprocessableEntity, data)
	}
	if err != nil {
		return err
	}
	c.say(r.Context(), "The group "+made.Name+" is there.")
	http.Redirect(w, r, groupPath(k, made.ID), http.StatusSeeOther)
	return nil
}

// groupFault is what is wrong with what somebody entered, as a sentence. It is empty when that is not it.
func groupFault(err error) string {
	input := (*lock.InputError)(nil)
	switch {
	case errors.As(err, &input):
		return sentence(map[string]string{"parent": "The group above it", "user": "The name of the user"}[input.Field] +
			map[string]string{"name": "The name"}[input.Field] + " " + input.Rule)
	case errors.Is(err, group.ErrTaken):
		return "There is a group of this name already."
	case errors.Is(err, group.ErrInUse):
		return sentence(err.Error())
	}
	return ""
}

// groupsOf are the groups that a device is in.
func (c *console) groupsOf(ctx context.Context, a lock.Actor, device string) ([]group.Group, error) {
	if c.Groups == nil {
		return nil, nil
	}
	return c.Groups.Of(ctx, a, group.Devices, device)
}
