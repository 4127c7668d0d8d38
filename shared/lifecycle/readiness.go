package lifecycle

import (
	"encoding/json"
	"net/http"
)

// Condition is one thing that a process says of itself when it is asked whether it is ready.
type Condition struct {
	Name string // snake_case
	// Own says that a failure is this process's own, so that another one would do better: it is starting or draining, it
	// lost its group, its connections are dead and being replaced, its clock is wrong. Only such a failure makes it
	// unready. A dependency that is away for all is told in the answer and takes nobody out.
	Own bool
	// Check returns nil when all is well. It must answer from memory: whoever asks must not be able to cause work. Its
	// text is shown to operators, so it names no identifier and no secret.
	Check func() error
	// Tell says, while all is well, what an operator may want to know, by the same rules. It may be nil.
	Tell func() string
}

// readiness is the answer's body.
type readiness struct {
	Ready      bool             `json:"ready"`
	Conditions []conditionState `json:"conditions"`
}

type conditionState struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Own    bool   `json:"own"`
	Detail string `json:"detail,omitempty"`
}

// ReadyHandler answers 200 while no condition of the process's own fails and 503 otherwise. The body names every
// condition with its detail, as JSON.
func ReadyHandler(conditions ...Condition) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		out := readiness{Ready: true, Conditions: make([]conditionState, 0, len(conditions))}
		for _, c := range conditions {
			state := conditionState{Name: c.Name, OK: true, Own: c.Own}
			if err := c.Check(); err != nil {
				state.OK, state.Detail = false, err.Error()
				out.Ready = out.Ready && !c.Own
			} else if c.Tell != nil {
				state.Detail = c.Tell()
			}
			out.Conditions = append(out.Conditions, state)
		}
		w.Header().Set("Content-Type", "application/json")
		if !out.Ready {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_ = json.NewEncoder(w).Encode(out) // the caller has gone
	})
}
