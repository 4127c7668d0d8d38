package load

import (
	"errors"
	"fmt"
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

// outageVerdict wants answers while the store is away and decisions once it is back.
func outageVerdict(parts []*part, o *options) error {
	for _, p := range parts {
		switch {
		case p.Name == "away" && p.Provisional == 0:
			return errors.New("load: away: nobody was answered")
		case p.Name == "away" && o.maxP99 > 0 && p.ProvisionalMsP99 > milliseconds(o.maxP99):
			return fmt.Errorf("load: away: p99 of %.2f ms exceeds %.2f ms", p.ProvisionalMsP99, milliseconds(o.maxP99))
		case p.Name == "after" && p.Decided == 0:
			return errors.New("load: after: the scorer does not decide although its store is back")
		}
	}
	return nil
}
