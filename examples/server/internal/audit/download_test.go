package audit

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What takes longer than the server's deadline, before the first piece or between two, does not break a download off, nor another answer.
func TestAnswersTakeTheirTime(t *testing.T) {
	const deadline = 50 * time.Millisecond
	trail, _ := newTrail(t, began, 0)
	long := func() { <-time.After(4 * deadline) }
	handlers := map[string]http.HandlerFunc{
		"download": func(w http.ResponseWriter, r *http.Request) {
			assert.NoError(t, trail.Download(r.Context(), w, "text/plain", "x.txt", func(_ context.Context, out io.Writer) error {
				for _, piece := range []string{"al", "l"} {
					long()
					if _, err := io.WriteString(out, piece); err != nil {
						return err
					}
				}
				long()
				return nil
			}))
		},
		"one answer": func(w http.ResponseWriter, _ *http.Request) {
			answer := TakeTime(w)
			long()
			answer()
			_, _ = io.WriteString(w, "all")
		},
	}
	for protocol, h2 := range map[string]bool{"HTTP/1.1": false, "HTTP/2.0": true} {
		for name, handler := range handlers {
			t.Run(protocol+" "+name, func(t *testing.T) {
				server := httptest.NewUnstartedServer(handler)
				server.Config.WriteTimeout, server.EnableHTTP2 = deadline, h2
				server.StartTLS()
				defer server.Close()
				res, err := server.Client().Get(server.URL)
				require.NoError(t, err)
				defer func() { _ = res.Body.Close() }()
				assert.Equal(t, protocol, res.Proto)
				body, err := io.ReadAll(res.Body)
				require.NoError(t, err)
				assert.Equal(t, "all", string(body))
			})
		}
	}
}
