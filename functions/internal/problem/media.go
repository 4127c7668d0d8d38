package problem

import (
	"mime"
	"net/http"
	"strconv"
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

// Accepted returns which of the offered media types an answer is written in: the one with the highest weight in Accept, of
// several the first offered, and that one too when nothing is said. When none is taken it is a problem, which is itself
// application/problem+json whatever is said.
func Accepted(h http.Header, offered ...string) (string, *Problem) {
	values := h.Values("Accept")
	if strings.TrimSpace(strings.Join(values, "")) == "" {
		return offered[0], nil
	}
	best, most := "", 0.0
	for _, media := range offered {
		if q := weight(values, media); q > most {
			best, most = media, q
		}
	}
	if best != "" {
		return best, nil
	}
	return "", &Problem{
		Status: http.StatusNotAcceptable, Kind: "not_acceptable",
		Detail: "The answer can be had as one of these: " + strings.Join(offered, ", ") + ". Name one in Accept, or leave it out.",
	}
}

// weight is what Accept says of a media type: the weight of the most specific range that it is in, 0 when it is in none.
// A range that cannot be read counts for nothing.
func weight(values []string, media string) float64 {
	found, specific := 0.0, 0
	for _, value := range values {
		for text := range strings.SplitSeq(value, ",") {
			name, parameters, err := mime.ParseMediaType(text)
			if s := specificity(name, media); err == nil && s > specific {
				found, specific = quality(parameters), s
			}
		}
	}
	return found
}

// specificity is 3 of a range that names the media type, less of one that takes in more, and 0 of one that it is not in.
func specificity(name, media string) int {
	kind, _, _ := strings.Cut(media, "/")
	switch name {
	case media:
		return 3
	case kind + "/*":
		return 2
	case "*/*":
		return 1
	default:
		return 0
	}
}

// quality is a range's weight, 1 when it states none and 0 when it states no weight.
func quality(parameters map[string]string) float64 {
	text, given := parameters["q"]
	if !given {
		return 1
	}
	q, err := strconv.ParseFloat(text, 64)
	if err != nil || !(q >= 0 && q <= 1) {
		return 0
	}
	return q
}
