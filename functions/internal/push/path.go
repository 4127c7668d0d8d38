package push

import (
	"net/http"

	"github.com/sentinela-pix/sentinela/functions/internal/problem"
)

// Path is where a server takes pushes.
const Path = "/push"

// AtRoot tells whether a function takes pushes under a path: the functions framework and Eventarc deliver to the root.
func AtRoot(path string) bool { return path == "/" || path == Path }

// Only keeps every path but those of pushes from a handler: what is posted elsewhere was meant for something else, and
// would come to nothing here. Paths are compared as they are: a redirect to a tidier one would lose the body.
func Only(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !AtRoot(r.URL.Path) {
			problem.NotFound(w, "/, "+Path)
			return
		}
		h.ServeHTTP(w, r)
	})
}
