package problem

import (
	"mime"
	"net/http"
	"strings"
)

// Media returns the media type of a request's body: the first of the accepted ones when it names none. Another one, and a
// charset other than UTF-8, is a problem.
func Media(h http.Header, accepted ...string) (string, *Problem) {
	values := h.Values("Content-Type")
	if len(values) == 0 || len(values) == 1 && values[0] == "" {
		return accepted[0], nil
	}
	media, parameters, err := mime.ParseMediaType(values[0])
	if charset, given := parameters["charset"]; err == nil && len(values) == 1 && (!given || strings.EqualFold(charset, "utf-8")) {
		for _, a := range accepted {
			if media == a {
				return media, nil
			}
		}
	}
	list := strings.Join(accepted, ", ")
	return "", &Problem{
		Status: http.StatusUnsupportedMediaType, Kind: "media_type",
		Detail: "Send one Content-Type of these, in UTF-8: " + list + ".",
		Header: map[string]string{"Accept": list},
	}
}

// Coding returns a problem when a body is compressed. Nothing that is sent here is large enough to gain by it, and what
// a compressed body comes to is not known before it is read.
func Coding(h http.Header) *Problem {
	for _, coding := range h.Values("Content-Encoding") {
		if coding != "" && !strings.EqualFold(coding, "identity") {
			return &Problem{
				Status: http.StatusUnsupportedMediaType, Kind: "content_encoding",
				Detail: "Send the body as it is, without a Content-Encoding.",
				Header: map[string]string{"Accept-Encoding": "identity"},
			}
		}
	}
	return nil
}
