package demo

import (
	"encoding/json"
	"errors"
	"mime"
	"net/http"

	"github.com/latchkey-mdm/latchkey/lock"
)

// maxTyped is the largest body that holds a PIN.
const maxTyped = 1 << 10

// Register adds POST /demo/devices/{id}/type {"pin": "..."} -> {"opened": true}: somebody stands before the device, so nobody signs in. The
// content type must be application/json, which no other site's form can send.
func (f *Fleet) Register(mux *http.ServeMux) {
	mux.HandleFunc("POST /demo/devices/{id}/type", f.serveType)
}

func (f *Fleet) serveType(w http.ResponseWriter, r *http.Request) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		http.Error(w, "the content type must be application/json", http.StatusUnsupportedMediaType)
		return
	}
	var body struct {
		PIN string `json:"pin"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxTyped)).Decode(&body); err != nil {
		http.Error(w, `the body must be {"pin": "123456"}, with the PIN as a string`, http.StatusBadRequest)
		return
	}
	opened, err := f.Type(r.PathValue("id"), body.PIN)
	switch {
	case errors.Is(err, lock.ErrNotFound):
		http.Error(w, "no simulated device has this ID", http.StatusNotFound)
	case err != nil:
		http.Error(w, "this device asks for no PIN", http.StatusConflict)
	default:
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]bool{"opened": opened})
	}
}
