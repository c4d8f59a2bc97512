package ca

import (
	"errors"
	"log/slog"
	"net/http"

	"github.com/latchkey-mdm/latchkey/mdmproto"
	"github.com/latchkey-mdm/latchkey/pin"
)

// Enroll returns the endpoint GET /enroll?code=...: the enrolment profile with the code as its SCEP challenge, or 403 when the code is
// not good. A profile may be fetched again until its code is used up.
func (c *CA) Enroll(profile mdmproto.Profile, logger *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Referrer-Policy", "no-referrer") // the code is in the address
		body, err := c.profile(r, profile)
		switch {
		case errors.Is(err, ErrCode):
			http.Error(w, string(ErrCode), http.StatusForbidden)
		case err != nil:
			logger.ErrorContext(r.Context(), "enrolment profile could not be made", slog.Any("error", err))
			w.Header().Set("Retry-After", "30")
			http.Error(w, "temporarily unavailable: try again later", http.StatusServiceUnavailable)
		default:
			w.Header().Set("Content-Type", "application/x-apple-aspen-config")
			w.Header().Set("Content-Disposition", `attachment; filename="enroll.mobileconfig"`)
			_, _ = w.Write(body) //nolint:gosec // a property list that was encoded here, not a page
		}
	})
}

func (c *CA) profile(r *http.Request, profile mdmproto.Profile) ([]byte, error) {
	code := r.URL.Query().Get("code")
	if err := c.Check(r.Context(), code); err != nil {
		return nil, err
	}
	challenge, err := pin.Parse(code)
	if err != nil {
		return nil, ErrCode
	}
	profile.Challenge = challenge
	return profile.Encode()
}
