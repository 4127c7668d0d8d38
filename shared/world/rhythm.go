package world

import "time"

const (
	minuteMs = 60_000
	dayMs    = 24 * 60 * minuteMs
)

const (
	nightFrom = 20 // local hours of the night limit
	nightTo   = 6
)

// calendar is what the world needs to know of one local day.
type calendar struct {
	level   float64 // activity against the mean
	payday  int     // which class of people is paid today, -1 for none
	working bool
}

// calendarOf describes the local day that holds t.
func (w *World) calendarOf(t time.Time) calendar {
	c := calendar{level: w.t.weekday[t.Weekday()], payday: -1, working: isWorkingDay(t)}
	if holiday(t) {
		c.level *= 0.8
	}
	switch {
	case fifthWorkingDay(t):
		c.payday = 0
	case t.Day() == 15:
		c.payday = 1
	case t.Day() == 20:
		c.payday = 2
	case t.AddDate(0, 0, 1).Day() == 1 || t.Day() == 30:
		c.payday = 3
	}
	if c.payday >= 0 {
		c.level *= 1.22
	}
	return c
}

func isWorkingDay(t time.Time) bool {
	return t.Weekday() != time.Saturday && t.Weekday() != time.Sunday && !holiday(t)
}

// holiday knows the national holidays with a fixed date.
func holiday(t time.Time) bool {
	switch int(t.Month())*100 + t.Day() {
	case 101, 421, 501, 907, 1012, 1102, 1115, 1120, 1225:
		return true
	default:
		return false
	}
}

// fifthWorkingDay says whether t is the day by which Brazilian law has salaries paid.
func fifthWorkingDay(t time.Time) bool {
	if t.Day() > 12 || !isWorkingDay(t) {
		return false
	}
	n := 0
	for day := t; day.Month() == t.Month(); day = day.AddDate(0, 0, -1) {
		if isWorkingDay(day) {
			n++
		}
	}
	return n == 5
}
