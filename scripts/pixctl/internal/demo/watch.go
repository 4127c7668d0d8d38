package demo

import (
	"encoding/json"
	"net/http"

	"github.com/sentinela-pix/sentinela/shared/event"
)

// watch is a push endpoint that shows each message to see and acknowledges it.
func watch(see func(event.Envelope)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body struct {
			Message struct {
				Data       []byte            `json:"data"`
				Attributes map[string]string `json:"attributes"`
			} `json:"message"`
		}
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			http.Error(w, "not a push envelope", http.StatusBadRequest)
			return
		}
		see(event.Envelope{Data: body.Message.Data, Attributes: body.Message.Attributes})
		w.WriteHeader(http.StatusNoContent)
	})
}
