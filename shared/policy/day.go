package policy

import (
	"errors"
	"time"
)

// day is a calendar day as yyyymmdd, so that days compare as numbers. Rules come into force by the local day.
type day int

// forever is the last day of a rule without an end.
const forever day = 99991231

// zoneName is where the days and nights of a rule are.
const zoneName = "America/Sao_Paulo"

func dayOf(t time.Time) day {
	y, m, d := t.Date()
	return day(y*10_000 + int(m)*100 + d)
}

// errDay never carries what was written.
var errDay = errors.New("must be a day such as 2024-11-01")

func parseDay(s string) (day, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return 0, errDay
	}
	return dayOf(t), nil
}
