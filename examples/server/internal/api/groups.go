package api

import (
	"errors"
	"io"
	"mime"
	"net/http"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/group"
	"github.com/latchkey-mdm/latchkey/lock"
)

// groupJSON is a group of devices, or of users.
type groupJSON struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	ParentID string `json:"parent_id"` // empty: at the top of what the caller sees
	Path     string `json:"path"`
	Members  int    `json:"members"` // its own, without those of groups below it
}

func newGroup(g group.Group) groupJSON { return groupJSON{g.ID, g.Name, g.Parent, g.Path, g.Members} }

// groups is the routes of one kind of groups.
type groups struct {
	*api
	kind group.Kind
}

// groupRoutes are the routes of both kinds.
func (a *api) groupRoutes() map[string]handler {
	routes := map[string]handler{}
	for base, kind := range map[string]group.Kind{"/api/v1/groups": group.Devices, "/api/v1/user-groups": group.Users} {
		g, members := groups{a, kind}, "/{id}/"+string(kind)
		routes["GET "+base] = g.listGroups
		routes["POST "+base] = g.createGroup
		routes["POST "+base+"/import"] = g.importGroups
		routes["GET "+base+"/{id}"] = g.getGroup
		routes["PATCH "+base+"/{id}"] = g.changeGroup
		routes["DELETE "+base+"/{id}"] = g.deleteGroup
		routes["GET "+base+members] = g.listMembers
		routes["PUT "+base+members+"/{member}"] = g.addMember
		routes["DELETE "+base+members+"/{member}"] = g.dropMember
	}
	return routes
}

func (g groups) listGroups(w http.ResponseWriter, r *http.Request, actor lock.Actor) error {
	if _, err := params(r); err != nil {
		return err
	}
	found, err := g.Groups.Groups(r.Context(), actor, g.kind)
	if err != nil {
		return err
	}
	page := list[groupJSON]{Items: []groupJSON{}}
	for _, one := range found {
		page.Items = append(page.Items, newGroup(one))
	}
	write(w, http.StatusOK, page)
	return nil
}

// groupRequest makes a group, or changes one. What is left out stays as it is.
type groupRequest struct {
	Name     *string `json:"name"`
	ParentID *string `json:"parent_id"`
}

func (g groups) createGroup(w http.ResponseWriter, r *http.Request, actor lock.Actor) error {
	var body groupRequest
	if err := read(r, &body); err != nil {
		return err
	}
	if body.Name == nil {
		return invalid("name", "is required")
	}
	parent := ""
	if body.ParentID != nil {
		parent = *body.ParentID
	}
	made, err := g.Groups.Create(r.Context(), actor, g.kind, *body.Name, parent)
	if err != nil {
		return err
	}
	w.Header().Set("Location", r.URL.Path+"/"+made.ID)
	write(w, http.StatusCreated, newGroup(made))
	return nil
}

func (g groups) getGroup(w http.ResponseWriter, r *http.Request, actor lock.Actor) error {
	found, err := g.Groups.Find(r.Context(), actor, g.kind, r.PathValue("id"))
	if err != nil {
		return err
	}
	write(w, http.StatusOK, newGroup(found))
	return nil
}

func (g groups) changeGroup(w http.ResponseWriter, r *http.Request, actor lock.Actor) error {
	var body groupRequest
	if err := read(r, &body); err != nil {
		return err
	}
	changed, err := g.Groups.Change(r.Context(), actor, g.kind, r.PathValue("id"), group.Change{Name: body.Name, Parent: body.ParentID})
	if err != nil {
		return err
	}
	write(w, http.StatusOK, newGroup(changed))
	return nil
}

func (g groups) deleteGroup(w http.ResponseWriter, r *http.Request, actor lock.Actor) error {
	if err := g.Groups.Delete(r.Context(), actor, g.kind, r.PathValue("id")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// memberJSON is a member of a group: a device, or a user.
type memberJSON struct {
	DeviceID     string `json:"device_id,omitempty"`
	SerialNumber string `json:"serial_number,omitempty"`
	Name         string `json:"name,omitempty"`
	User         string `json:"user,omitempty"`
	Devices      *int   `json:"devices,omitempty"` // of a user
}

func (g groups) listMembers(w http.ResponseWriter, r *http.Request, actor lock.Actor) error {
	q, err := params(r, "search", "cursor", "limit")
	if err != nil {
		return err
	}
	n, err := limit(q)
	if err != nil {
		return err
	}
	found, err := g.Groups.Members(r.Context(), actor, g.kind, r.PathValue("id"), q.Get("search"), q.Get("cursor"), n)
	if err != nil {
		return err
	}
	page := list[memberJSON]{Items: []memberJSON{}}
	for _, m := range found {
		if g.kind == group.Users {
			page.Items = append(page.Items, memberJSON{User: m.ID, Devices: &m.Devices})
		} else {
			page.Items = append(page.Items, memberJSON{DeviceID: m.ID, SerialNumber: m.Serial, Name: m.Name, User: m.User})
		}
	}
	if len(found) == n {
		page.NextCursor = found[n-1].ID
	}
	write(w, http.StatusOK, page)
	return nil
}

func (g groups) addMember(w http.ResponseWriter, r *http.Request, actor lock.Actor) error {
	if err := g.Groups.Add(r.Context(), actor, g.kind, r.PathValue("id"), r.PathValue("member")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (g groups) dropMember(w http.ResponseWriter, r *http.Request, actor lock.Actor) error {
	if err := g.Groups.Drop(r.Context(), actor, g.kind, r.PathValue("id"), r.PathValue("member")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// importReport says what an import did, or would do.
type importReport struct {
	Applied bool          `json:"applied"`
	Rows    int           `json:"rows"`
	Already int           `json:"already"` // rows that say what is so already
	Created []string      `json:"created"` // paths of the groups that are new
	Added   []importGroup `json:"added"`
}

type importGroup struct {
	Path    string `json:"path"`
	Members int    `json:"members"`
}

// lineJSON is a line of a file that breaks a rule.
type lineJSON struct {
	Line int    `json:"line"`
	Rule string `json:"rule"`
}

// importGroups adds members as a CSV file says, all or none, or says with dry_run what that would do.
func (g groups) importGroups(w http.ResponseWriter, r *http.Request, actor lock.Actor) error {
	dry, err := dryRun(r)
	if err != nil {
		return err
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "text/csv" {
		return refuse(http.StatusUnsupportedMediaType, "content_type", "the content type must be text/csv")
	}
	data, err := io.ReadAll(r.Body) // withActor bounds it
	if err != nil {
		return unreadable(err, 0)
	}
	rows, err := group.ParseCSV(g.kind, data)
	if err != nil {
		return err
	}
	done, err := g.Groups.Import(r.Context(), actor, g.kind, rows, !dry)
	if err != nil {
		return err
	}
	report := importReport{Applied: !dry, Rows: done.Rows, Already: done.Already, Created: append([]string{}, done.Created...), Added: []importGroup{}}
	for _, one := range done.Added {
		report.Added = append(report.Added, importGroup{one.Path, len(one.Members)})
	}
	write(w, http.StatusOK, report)
	return nil
}

// fileProblem says which lines of a file are wrong.
func fileProblem(broken *group.FileError) *problem {
	p := refuse(http.StatusUnprocessableEntity, "invalid_file", "nothing was imported: "+broken.Error())
	for _, l := range broken.Lines {
		p.Lines = append(p.Lines, lineJSON{l.Line, l.Rule})
	}
	return p
}

// groupProblem is what a condition of a group is answered with; nil: it is none.
func groupProblem(err error) *problem {
	switch broken := (*group.FileError)(nil); {
	case errors.As(err, &broken):
		return fileProblem(broken)
	case errors.Is(err, group.ErrTaken):
		return refuse(http.StatusConflict, "taken", "a group beside it has this name already")
	case errors.Is(err, group.ErrInUse):
		return refuse(http.StatusConflict, "in_use", err.Error())
	}
	return nil
}
