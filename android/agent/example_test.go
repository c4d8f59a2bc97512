package agent_test

import (
	"crypto/ecdsa"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/latchkey-mdm/latchkey/android/agent"
	"github.com/latchkey-mdm/latchkey/lock"
)

// A server gives the platform to the ledger and the handler to its mux, both with one hub. Enrollments and Requests are its own records.
func Example() {
	key, err := agent.NewKey() // once: seal what key.Marshal returns, and read it with ParseKey from then on
	if err != nil {
		panic(err)
	}
	hub := agent.NewHub(nil) // or with a waker behind it, such as FCM
	platform := agent.Platform(hub)

	own := &records{codes: map[string]*ecdsa.PublicKey{}, devices: map[string]agent.Enrolled{}, jtis: map[string]time.Time{}}
	devices, err := agent.NewHandler(agent.Config{
		Service:     &ledger{}, // the *lock.Service that has the platform
		Enrollments: own, Requests: own, Keys: []agent.Key{key}, Hub: hub, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		panic(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/android/v1/", devices)

	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/android/v1/devices/nobody/commands", nil))
	fmt.Println(platform.Name, w.Code, w.Header().Get("Content-Type"))
	// Output: android 401 application/problem+json
}

// lock.Platforms takes it beside others.
func ExamplePlatform() {
	config := lock.Config{Platforms: []lock.Platform{agent.Platform(agent.NewHub(nil))}}
	fmt.Println(config.Platforms[0].Name, config.Platforms[0].MaxDeliveries)
	// Output: android 10
}
