package main

import (
	"net/http"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
)

// textual refuses an address that is no text: nothing has one, and PostgreSQL could not even be asked.
func textual(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fine := db.IsText(r.URL.Path)
		for _, values := range r.URL.Query() {
			for _, value := range values {
				fine = fine && db.IsText(value)
			}
		}
		if !fine {
			http.Error(w, "the address must be UTF-8 text", http.StatusBadRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}
