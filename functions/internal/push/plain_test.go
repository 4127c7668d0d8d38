package push_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sentinela-pix/sentinela/functions/internal/push"
	"github.com/sentinela-pix/sentinela/shared/bus"
)

// TestPlainReaderIsTheGeneralOne: what is read in one pass is what encoding/json reads, and nothing that it refuses, whatever
// was changed in a request. What Pub/Sub writes does not need the general reader.
func TestPlainReaderIsTheGeneralOne(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(17, 33)) //nolint:gosec // a seed
	for _, file := range forms(t) {
		header, body := documented(t, file)
		media, _, _ := strings.Cut(header.Get("Content-Type"), ";")
		if header.Get("X-Goog-Pubsub-Message-Id") != "" || strings.Contains(file, "base64") {
			continue
		}
		if _, ok := push.Plain(media, body); !ok {
			t.Errorf("%s needs the general reader", file)
		}
		read, refused := 0, 0
		for range 3_000 {
			if samePush(t, media, spoilt(random, body)) {
				read++
			} else {
				refused++
			}
		}
		if read < 200 || refused < 200 {
			t.Errorf("%s: %d read, %d left to the general reader: the test lost its teeth", file, read, refused)
		}
	}
	for _, c := range unreadables() {
		for _, media := range []string{"application/json", structured, batched} {
			if len(c.body) < 1<<16 {
				samePush(t, media, []byte(c.body))
			}
		}
	}
}

// TestPlainReaderHasTheSameBounds: one attribute or one byte more is the general reader's to refuse.
func TestPlainReaderHasTheSameBounds(t *testing.T) {
	t.Parallel()
	attributes := func(n int) string {
		list := make([]string, n)
		for i := range list {
			list[i] = fmt.Sprintf(`"a%d":"v"`, i)
		}
		return `{"message":{"attributes":{` + strings.Join(list, ",") + `},"messageId":"1"}}`
	}
	id := func(n int) string { return `{"message":{"messageId":"` + strings.Repeat("1", n) + `"}}` }
	long := func(n int) string {
		return `{"message":{"attributes":{"a":"` + strings.Repeat("v", n) + `"},"messageId":"1"}}`
	}
	for body, want := range map[string]bool{
		attributes(bus.MaxAttributes): true, attributes(bus.MaxAttributes + 1): false,
		id(4094): true, id(4095): false,
		long(1<<20 - len(`{"a":""}`)): true, long(1<<20 - len(`{"a":""}`) + 1): false,
	} {
		got := samePush(t, "application/json", []byte(body))
		found, err := push.General("application/json", []byte(body))
		if general := err == nil && found[0].Unreadable == nil; got != want || general != want {
			t.Errorf("%d bytes: read %v, generally %v, want %v", len(body), got, general, want)
		}
	}
}

// samePush holds the plain reader to the general one and tells whether it read the body.
func samePush(t *testing.T, media string, body []byte) bool {
	t.Helper()
	got, ok := push.Plain(media, body)
	if !ok {
		return false
	}
	want, err := push.General(media, body)
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%q: %v (-general +plain):\n%s", body, err, diff)
	}
	return true
}

// spoilt changes, takes out or repeats a few pieces of a body.
func spoilt(random *rand.Rand, body []byte) []byte {
	pieces := []string{
		`"`, `\`, `,`, `:`, `{`, `}`, `[`, `]`, ` `, "\n", "\x01", "\xff", "é", "K", "A", "0", "12", "null", "true", "=",
		`"data":"aGk=",`, `"Data":"aGk=",`, `"message":null,`, `"messageId":"7",`, `"x":1,`, `"x":"y",`, `"x":01,`, `"x":-1,`, `"x":{},`,
		`"attributes":{},`, `"type":"other",`, `"data_base64":"e30=",`, `"publishTime":"",`, `"message":{"messageId":"8"},`, `"meſſage":1,`,
	}
	out := bytes.Clone(body)
	for range 1 + random.IntN(2) {
		at := random.IntN(len(out))
		piece := []byte(pieces[random.IntN(len(pieces))])
		switch random.IntN(4) {
		case 0:
			out = slices.Delete(out, at, min(len(out), at+1+random.IntN(3)))
		case 1:
			out = append(slices.Clone(out[:at]), append(piece, out[min(len(out), at+len(piece)):]...)...)
		case 2: // before a name, where a member may stand
			if i := bytes.IndexByte(out[at:], '"'); i >= 0 {
				at += i
			}
			out = slices.Insert(out, at, piece...)
		default: // inside a text
			for at < len(out)-1 && (out[at] < 'a' || out[at] > 'z') {
				at++
			}
			out[at] ^= 0x20
		}
		if len(out) == 0 {
			return []byte("{}")
		}
	}
	return out
}
