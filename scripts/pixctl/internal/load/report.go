package load

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/sentinela-pix/sentinela/scripts/internal/openloop"
)

// floorName is the part that measures the loop itself.
const floorName = "floor"

// report is what a run prints. The names are a contract with other tools.
type report struct {
	Target      string      `json:"target"`
	Profile     string      `json:"profile"`
	Processors  int         `json:"processors"`
	LoadAverage string      `json:"load_average"` // of the machine before the run; empty where the system does not tell
	Parts       []*part     `json:"parts"`
	Breaking    *breaking   `json:"breaking,omitempty"`
	Slow        *slowReport `json:"slow,omitempty"`
	Interrupted bool        `json:"interrupted"`
}

// part is what was measured at one rate. Latencies count from the moment a payment was due.
type part struct {
	Name        string         `json:"name"`
	Rate        float64        `json:"rate"` // payments due a second
	Seconds     float64        `json:"seconds"`
	Decided     int64          `json:"decided"`     // with a decision that stands
	Provisional int            `json:"provisional"` // answered without one
	Shed        int            `json:"shed"`        // with 429
	Dropped     int            `json:"dropped"`     // by the loop
	Failed      map[string]int `json:"failed"`
	MsP50       float64        `json:"ms_p50"` // of those decided
	MsP90       float64        `json:"ms_p90"`
	MsP99       float64        `json:"ms_p99"`
	MsP999      float64        `json:"ms_p999"`
	MsMax       float64        `json:"ms_max"`

	ProvisionalMsP99  float64 `json:"provisional_ms_p99"`
	ProvisionalMsP999 float64 `json:"provisional_ms_p999"`
	ShedMsP99         float64 `json:"shed_ms_p99"`

	CPUPerCall float64 `json:"cpu_us_per_payment"` // of this process, with the loop and what it starts
	CPUShare   float64 `json:"cpu_share"`          // of all processors
}

// breaking is what a ramp found.
type breaking struct {
	Rate    float64 `json:"rate"`     // the highest within the bounds
	Most    bool    `json:"at_least"` // every rate held: it may be higher
	MsP99   float64 `json:"ms_p99"`
	Goodput float64 `json:"goodput"` // decided a second, at that rate
	Over    float64 `json:"overload_goodput"`
	Share   float64 `json:"overload_share"` // of the goodput at that rate
}

func newBreaking(good, over *part, most bool) *breaking {
	b := &breaking{Rate: good.Rate, Most: most, MsP99: good.MsP99, Goodput: good.goodput(), Over: over.goodput()}
	if b.Goodput > 0 {
		b.Share = b.Over / b.Goodput
	}
	return b
}

func newReport(o *options) *report {
	r := &report{Target: o.on, Profile: o.shape, Processors: runtime.NumCPU()}
	if o.url != "" {
		r.Target = o.url
	}
	if data, err := os.ReadFile("/proc/loadavg"); err == nil {
		r.LoadAverage, _, _ = strings.Cut(string(data), " ")
	}
	return r
}

// ms is a percentile in milliseconds; 0 of nothing.
func ms(h *hdrhistogram.Histogram, q float64) float64 {
	if h == nil {
		return 0
	}
	return float64(h.ValueAtQuantile(q)) / 1000
}

func newPart(name string, rate float64, out *openloop.Outcome) *part {
	p := &part{
		Name: name, Rate: rate, Seconds: out.Wall.Seconds(),
		Decided: out.Latency.TotalCount(), Dropped: out.Dropped, Failed: maps.Clone(out.Failed),
		MsP50: ms(out.Latency, 50), MsP90: ms(out.Latency, 90), MsP99: ms(out.Latency, 99), MsP999: ms(out.Latency, 99.9),
		MsMax:       float64(out.Latency.Max()) / 1000,
		Provisional: out.Failed[provisional], Shed: out.Failed[shed],
		ProvisionalMsP99: ms(out.FailedLatency[provisional], 99), ProvisionalMsP999: ms(out.FailedLatency[provisional], 99.9),
		ShedMsP99: ms(out.FailedLatency[shed], 99),
	}
	delete(p.Failed, provisional)
	delete(p.Failed, shed)
	if calls := p.Decided + int64(p.Provisional+p.Shed+p.failures()); calls > 0 {
		p.CPUPerCall = float64(out.CPU.Microseconds()) / float64(calls)
	}
	if out.Wall > 0 {
		p.CPUShare = out.CPU.Seconds() / out.Wall.Seconds() / float64(runtime.NumCPU())
	}
	return p
}

// due is how many payments were due.
func (p *part) due() float64 {
	return float64(p.Decided) + float64(p.Provisional+p.Shed+p.Dropped+p.failures())
}

func (p *part) goodput() float64 {
	if p.Seconds == 0 {
		return 0
	}
	return float64(p.Decided) / p.Seconds
}

// within says whether a ramp's bounds were kept: whatever is not decided counts as shed.
func (p *part) within(maxP99 time.Duration) bool {
	return p.Decided > 0 && p.due()-float64(p.Decided) <= rampShed*p.due() && p.MsP99 <= milliseconds(maxP99)
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func (p *part) failures() int {
	n := 0
	for _, k := range p.Failed {
		n += k
	}
	return n
}

func (p *part) reasons() string {
	s := ""
	for _, reason := range slices.Sorted(maps.Keys(p.Failed)) {
		s += fmt.Sprintf(" %s %d", reason, p.Failed[reason])
	}
	return s
}

func (r *report) write(w io.Writer, asJSON bool) error {
	if asJSON {
		if err := json.NewEncoder(w).Encode(r); err != nil {
			return fmt.Errorf("write result: %w", err)
		}
		return nil
	}
	fmt.Fprintf(w, "%s, %s, %d processors, load average %s before; latencies in ms from the moment a payment was due\n", r.Target, r.Profile, r.Processors, r.LoadAverage)
	const row = "%-20s %8s %8s %9s %11s %7s %8s %7s %8s %8s %8s %8s %9s %7s\n"
	fmt.Fprintf(w, row, "part", "due/s", "seconds", "decided/s", "provisional", "shed", "dropped", "failed", "p50", "p99", "p99.9", "max", "prov. p99", "CPU µs")
	for _, p := range r.Parts {
		fmt.Fprintf(w, row, p.Name, number(p.Rate, 0), number(p.Seconds, 1), number(p.goodput(), 0), number(float64(p.Provisional), 0),
			number(float64(p.Shed), 0), number(float64(p.Dropped), 0), number(float64(p.failures()), 0), number(p.MsP50, 2), number(p.MsP99, 2),
			number(p.MsP999, 2), number(p.MsMax, 1), number(p.ProvisionalMsP99, 2), number(p.CPUPerCall, 0))
		if p.failures() > 0 {
			fmt.Fprintf(w, "  failed:%s\n", p.reasons())
		}
	}
	if b := r.Breaking; b != nil {
		fmt.Fprintf(w, "breaking point %s%.0f/s, p99 %.2f ms; at %d times as much %.0f decided a second, %.0f %% of it\n",
			map[bool]string{true: "at least "}[b.Most], b.Rate, b.MsP99, burst, b.Over, 100*b.Share)
	}
	if s := r.Slow; s != nil {
		fmt.Fprintf(w, "%d slow clients opened %d connections, of which the server ended %d\n", s.Clients, s.Opened, s.Ended)
	}
	return nil
}

func number(v float64, digits int) string { return fmt.Sprintf("%.*f", digits, v) }
