package load

import (
	"errors"
	"fmt"
	"time"
)

// verdict is an error when nothing was decided, whatever was asked, or when a limit was asked for and not kept.
func (r *report) verdict(o *options) error {
	var asked []*part
	for _, p := range r.Parts {
		if p.Name != floorName {
			asked = append(asked, p)
		}
	}
	switch {
	case r.Profile == shapeRamp && r.Breaking == nil:
		return fmt.Errorf("load: no rate keeps p99 within %v and what is not decided within 1 %%", o.maxP99)
	case r.Profile == shapeRamp:
		return nil
	case r.Profile == shapeOutage:
		return outageVerdict(asked, o)
	}
	for _, p := range asked {
		if err := p.verdict(r.Target, o); err != nil {
			return err
		}
	}
	return nil
}

func (p *part) verdict(target string, o *options) error {
	late := o.maxP99 > 0
	switch lost := p.due() - float64(p.Decided); {
	case p.Decided == 0 && p.Failed[failureHTTP] > 0:
		return fmt.Errorf("load: nothing was decided: %s does not answer", target)
	case p.Decided == 0 && p.failures() > 0:
		return fmt.Errorf("load: nothing was decided: every payment failed with%s", p.reasons())
	case p.Decided == 0:
		return errors.New("load: nothing was decided")
	case late && lost > 0:
		return fmt.Errorf("load: %s: %d payments were dropped, %d shed, %d answered provisionally and %d failed", p.Name, p.Dropped, p.Shed, p.Provisional, p.failures())
	case late && p.MsP99 > milliseconds(o.maxP99):
		return fmt.Errorf("load: %s: p99 of %.2f ms exceeds %.2f ms", p.Name, p.MsP99, milliseconds(o.maxP99))
	default:
		return nil
	}
}

// Bounds of an outage, in shares of the payments due.
const (
	outageLost = 0.01 // that fail or are dropped while the store is away
	// outageDecided is decided once the store is back. What is still provisional, for a breaker that closes late has a part of
	// its own, is within the rest.
	outageDecided = 0.99
)

// outageVerdict wants answers while the store is away and decisions once it is back.
func outageVerdict(parts []*part, o *options) error {
	for _, p := range parts {
		var err error
		switch p.Name {
		case "away":
			err = p.answered(o.maxP99)
		case "after":
			err = p.recovered()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// answered is an error when callers were left without an answer, or had to wait for it.
func (p *part) answered(maxP99 time.Duration) error {
	switch lost := p.Dropped + p.failures(); {
	case p.Provisional == 0:
		return errors.New("load: away: nobody was answered")
	case float64(lost) > outageLost*p.due():
		return fmt.Errorf("load: away: %d of %.0f payments were dropped and %d failed%s", p.Dropped, p.due(), p.failures(), p.reasons())
	case maxP99 > 0 && p.ProvisionalMsP99 > milliseconds(maxP99):
		return fmt.Errorf("load: away: p99 of %.2f ms exceeds %.2f ms", p.ProvisionalMsP99, milliseconds(maxP99))
	default:
		return nil
	}
}

// recovered is an error when the scorer does not decide again.
func (p *part) recovered() error {
	if p.Decided > 0 && float64(p.Decided) >= outageDecided*p.due() {
		return nil
	}
	return fmt.Errorf("load: after: the scorer decides %d of %.0f payments although its store is back: %d were answered provisionally, %d shed, %d dropped and %d failed",
		p.Decided, p.due(), p.Provisional, p.Shed, p.Dropped, p.failures())
}
