package api

import (
	_ "embed" // the description
	"net/http"
	"net/url"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/account"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/inventory"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/mdmproto"
)

// enrollmentRequest asks for a link. DeviceID: a link by which this device renews its certificate; empty: one for a new enrolment.
// Platform "android" asks for the code that an agent enrols with instead.
type enrollmentRequest struct {
	Platform string `json:"platform"`
	DeviceID string `json:"device_id"`
}

func (e enrollmentRequest) check(agents AndroidCodes) error {
	switch {
	case e.Platform == "" || e.Platform == mdmproto.PlatformName:
		return nil
	case e.Platform != inventory.AgentPlatform || agents == nil:
		return invalid("platform", "is none that enrols here: see /openapi.json")
	case e.DeviceID != "":
		return invalid("device_id", "is for certificates, which Android devices do not have: enrol it anew, and it keeps its ID")
	}
	return nil
}

// newEnrollment makes a link that enrols one device, once, within the hour.
func (a *api) newEnrollment(w http.ResponseWriter, r *http.Request, actor lock.Actor) error {
	var body enrollmentRequest
	if r.ContentLength != 0 {
		if err := read(r, &body); err != nil {
			return err
		}
	}
	if err := body.check(a.AndroidCodes); err != nil {
		return err
	}
	target := lock.Target{Device: lock.Device{Scope: a.Scope}} // any: a device that enrols anew may say that it is any device
	if body.DeviceID != "" {
		d, err := a.Devices.FindFor(r.Context(), actor, body.DeviceID)
		if err != nil {
			return err
		}
		target.Device = d.Device
	}
	if err := a.Service.Allow(r.Context(), actor, account.VerbEnrol, target); err != nil {
		return err
	}
	if body.Platform == inventory.AgentPlatform {
		code, err := a.AndroidCodes.NewAndroidCode(r.Context(), actor)
		if err != nil {
			return err
		}
		write(w, http.StatusCreated, map[string]string{"url": a.BaseURL, "code": code})
		return nil
	}
	code, err := a.Codes.NewCode(r.Context(), actor, body.DeviceID)
	if err != nil {
		return err
	}
	write(w, http.StatusCreated, map[string]string{"url": a.BaseURL + "/enroll?code=" + url.QueryEscape(code)})
	return nil
}

//go:embed openapi.json
var openAPI []byte

func serveOpenAPI(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(openAPI)
}
