package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// line is one of the table: a service at a rate, or at its breaking point.
type line struct {
	rate    float64
	service string
	breaks  bool // it is the highest rate that the service bears
	most    bool // every rate that was tried held
	*row
}

// better says which way a figure is good.
type better int

const (
	lower better = iota
	higher
)

// table writes the lines as Markdown. What belongs to another service is put beside the best figure of base's, at the same rate; what
// is worse than that is bold.
func table(lines []line, base []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "| payments/s | service | answered | p50 ms | p99 ms | p99.9 ms | processor µs an answer | peak MiB since its start | allocated kB an answer |\n")
	b.WriteString("|---:|---|---:|---:|---:|---:|---:|---:|---:|\n")
	for _, l := range lines {
		others := find(lines, base, l)
		ratio := func(of func(line) float64, good better) string {
			if len(others) == 0 {
				return ""
			}
			best := of(others[0])
			for _, other := range others[1:] {
				if good == lower {
					best = min(best, of(other))
				} else {
					best = max(best, of(other))
				}
			}
			return " (" + times(of(l), best, good) + ")"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %.2f%s | %.2f%s | %.2f%s | %s%s | %.0f%s | %s |\n",
			l.at(ratio), l.service, share(l.answered, l.due),
			l.ms(50), ratio(func(l line) float64 { return l.ms(50) }, lower),
			l.ms(99), ratio(func(l line) float64 { return l.ms(99) }, lower),
			l.ms(99.9), ratio(func(l line) float64 { return l.ms(99.9) }, lower),
			l.cost(), ratio(func(l line) float64 { return float64(l.mean()) }, lower),
			float64(l.memory)/(1<<20), ratio(func(l line) float64 { return float64(l.memory) }, lower), l.allocations())
	}
	return b.String()
}

// find are the lines of services that are of the same kind as another's, which is none of them.
func find(lines []line, services []string, like line) (out []line) {
	if slices.Contains(services, like.service) {
		return nil
	}
	for _, l := range lines {
		if slices.Contains(services, l.service) && l.breaks == like.breaks && (l.breaks || l.rate == like.rate) {
			out = append(out, l)
		}
	}
	return out
}

func (l line) at(ratio func(func(line) float64, better) string) string {
	if !l.breaks {
		return fmt.Sprintf("%.0f", l.rate)
	}
	least := map[bool]string{true: "at least "}[l.most]
	return fmt.Sprintf("breaks above %s%.0f%s", least, l.rate, ratio(func(l line) float64 { return l.rate }, higher))
}

// times writes a ratio, bold where it is a loss.
func times(of, other float64, good better) string {
	if other == 0 {
		return "–"
	}
	r := of / other
	text := fmt.Sprintf("%.2f ×", r)
	if lost := good == lower && r > 1 || good == higher && r < 1; lost {
		return "**" + text + "**"
	}
	return text
}

// cost is the mean of the rounds, and between which of them it lies.
func (l line) cost() string {
	if len(l.processor) == 0 {
		return "–"
	}
	least, most := l.spread()
	if len(l.processor) == 1 {
		return strconv.FormatInt(l.mean().Microseconds(), 10)
	}
	return fmt.Sprintf("%d, %d to %d", l.mean().Microseconds(), least.Microseconds(), most.Microseconds())
}

func (l line) allocations() string {
	if len(l.allocated) == 0 {
		return "–"
	}
	sum := 0.0
	for _, bytes := range l.allocated {
		sum += bytes
	}
	return fmt.Sprintf("%.1f", sum/float64(len(l.allocated))/1000)
}

func share(answered, due int64) string {
	if answered == due {
		return "all " + strconv.FormatInt(due, 10)
	}
	return fmt.Sprintf("**%d of %d**", answered, due)
}

// machine says what this was measured on.
func machine(now time.Time) string {
	model := field("/proc/cpuinfo", "model name")
	memory, _ := strconv.ParseInt(strings.TrimSuffix(field("/proc/meminfo", "MemTotal"), " kB"), 10, 64) // 0 where it is not told
	load, _ := os.ReadFile("/proc/loadavg")                                                              // likewise
	before, _, _ := strings.Cut(string(load), " ")
	return fmt.Sprintf("%d × %s, %d GiB, %s/%s, %s, %s, load average %s before", runtime.NumCPU(), model, memory>>20,
		runtime.GOOS, runtime.GOARCH, runtime.Version(), now.Format(time.DateOnly), before)
}

// field is a line's value in a file of /proc.
func field(file, name string) string {
	f, err := os.Open(file)
	if err != nil {
		return "unknown"
	}
	defer func() { _ = f.Close() }()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		key, value, _ := strings.Cut(lines.Text(), ":")
		if strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}
