package load

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"runtime"
	"slices"
	"time"

	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/openloop"
)

// report is what a run prints. The names are a contract with other tools.
type report struct {
	Target      string         `json:"target"`
	Rate        float64        `json:"rate"`
	Seconds     float64        `json:"seconds"`
	Decided     int64          `json:"decided"`
	Dropped     int            `json:"dropped"`
	Failed      map[string]int `json:"failed"`
	MsP50       float64        `json:"ms_p50"`
	MsP90       float64        `json:"ms_p90"`
	MsP99       float64        `json:"ms_p99"`
	MsP999      float64        `json:"ms_p999"`
	MsMax       float64        `json:"ms_max"`
	CPUPerCall  float64        `json:"cpu_us_per_payment"` // of this process, with the loop and what it starts
	CPUShare    float64        `json:"cpu_share"`          // of all processors
	Processors  int            `json:"processors"`
	Interrupted bool           `json:"interrupted"`
}

func newReport(o *options, out *openloop.Outcome) *report {
	name := o.on
	if o.url != "" {
		name = o.url
	}
	ms := func(q float64) float64 { return float64(out.Latency.ValueAtQuantile(q)) / 1000 }
	r := &report{
		Target: name, Rate: o.rate, Seconds: out.Wall.Seconds(), Processors: runtime.NumCPU(), Interrupted: out.Interrupted,
		Decided: out.Latency.TotalCount(), Dropped: out.Dropped, Failed: out.Failed,
		MsP50: ms(50), MsP90: ms(90), MsP99: ms(99), MsP999: ms(99.9), MsMax: float64(out.Latency.Max()) / 1000,
	}
	if calls := r.Decided + int64(r.failures()); calls > 0 {
		r.CPUPerCall = float64(out.CPU.Microseconds()) / float64(calls)
	}
	if out.Wall > 0 {
		r.CPUShare = out.CPU.Seconds() / out.Wall.Seconds() / float64(r.Processors)
	}
	return r
}

func (r *report) write(w io.Writer, asJSON bool) error {
	if asJSON {
		if err := json.NewEncoder(w).Encode(r); err != nil {
			return fmt.Errorf("write result: %w", err)
		}
		return nil
	}
	fmt.Fprintf(w, `%s, %.0f payments/s due, %.1f s measured, %d processors
  decided   %8d
  dropped   %8d
  failed    %8d %s
  p50       %8.2f ms from the moment it was due
  p90       %8.2f ms
  p99       %8.2f ms
  p99.9     %8.2f ms
  max       %8.2f ms
  CPU       %8.0f µs a payment, %.0f %% of all processors
`, r.Target, r.Rate, r.Seconds, r.Processors, r.Decided, r.Dropped, r.failures(), r.reasons(),
		r.MsP50, r.MsP90, r.MsP99, r.MsP999, r.MsMax, r.CPUPerCall, 100*r.CPUShare)
	return nil
}

func (r *report) failures() int {
	n := 0
	for _, k := range r.Failed {
		n += k
	}
	return n
}

func (r *report) reasons() string {
	s := ""
	for _, reason := range slices.Sorted(maps.Keys(r.Failed)) {
		s += fmt.Sprintf(" %s %d", reason, r.Failed[reason])
	}
	return s
}

// verdict is an error when nothing was decided, whatever was asked, or when a limit was asked for and not kept.
func (r *report) verdict(maxP99 time.Duration) error {
	limit := float64(maxP99.Microseconds()) / 1000
	switch {
	case r.Decided == 0 && r.Failed[failureHTTP] > 0:
		return fmt.Errorf("load: nothing was decided: %s does not answer", r.Target)
	case r.Decided == 0 && r.failures() > 0:
		return fmt.Errorf("load: nothing was decided: every payment failed with%s", r.reasons())
	case r.Decided == 0:
		return fmt.Errorf("load: nothing was decided")
	case maxP99 == 0:
		return nil
	case r.Dropped > 0 || r.failures() > 0:
		return fmt.Errorf("load: %d payments were dropped and %d failed", r.Dropped, r.failures())
	case r.MsP99 > limit:
		return fmt.Errorf("load: p99 of %.2f ms exceeds %.2f ms", r.MsP99, limit)
	default:
		return nil
	}
}
