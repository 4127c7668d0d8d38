package doctor

import (
	"context"
	"net/http"
	"time"

	limits "github.com/sentinela-pix/sentinela/shared/clock"
)

// serverTime compares this machine's clock with the Date of a server's answer, which is exact to a second. A decision
// depends on time, and the bound is that of the services themselves.
func serverTime(ctx context.Context, m *machine) []finding {
	if m.project == "" {
		return nil
	}
	return m.ask(ctx, []question{{"clock and server", m.lookServerTime}})
}

func (m *machine) lookServerTime(ctx context.Context) []finding {
	const check, mend = "clock and server", "timedatectl set-ntp true"
	url := storageSite
	if at := m.places[storageSite]; at != "" {
		url = at
	} else if host := m.getenv(storageEmulator); host != "" {
		url = "http://" + bare(host)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodHead, url, http.NoBody)
	if err != nil {
		return []finding{wrong(check, "mend "+storageEmulator, "not an address: %s", brief(err))}
	}
	asked := m.now()
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return []finding{m.failed(check, "", storageAPI, err)}
	}
	_ = answer.Body.Close()
	server, err := http.ParseTime(answer.Header.Get("Date"))
	if err != nil {
		return []finding{unknown(check, "%s does not say what time it is", url)}
	}
	behind := behindBy(asked, m.now(), server)
	switch {
	case behind > limits.DefaultTolerance:
		return []finding{wrong(check, mend, "this machine is %s behind %s: payments would lie in the future", behind, url)}
	case behind < -limits.DefaultTolerance:
		return []finding{wrong(check, mend, "this machine is %s ahead of %s: payments would look old", -behind, url)}
	default:
		return []finding{ok(check, "%s apart from %s", behind.Abs(), url)}
	}
}

// behindBy is how far a clock that read asked and answered around a server's stamp is behind it, to a second.
func behindBy(asked, answered, server time.Time) time.Duration {
	asked, answered = asked.Round(0), answered.Round(0)
	switch {
	case server.After(answered):
		return server.Sub(answered).Round(time.Second)
	case server.Add(time.Second).Before(asked):
		return server.Sub(asked).Round(time.Second)
	default:
		return 0
	}
}
