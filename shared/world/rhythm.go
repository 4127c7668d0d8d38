package world

import "time"

const (
	minuteMs = 60_000             // milliseconds
	dayMs    = 24 * 60 * minuteMs // milliseconds
)

const (
	nightFrom = 20 // local hours of the night limit
	nightTo   = 6  // local hour at which the night limit ends
)

// Factors on a day's activity [assumed].
const (
	holidayLevel   = 0.80 // activity on a holiday
	paydayLevel    = 1.22 // activity on a pay-day
	christmasLevel = 1.12 // 1 to 24 December, when the 13th salary is spent
	billDayFactor  = 1.9  // on bills, on the days on which most fall due
	otherDayFactor = 0.75 // on bills, on other days
)

// calendar is what the world needs to know of one local day.
type calendar struct {
	level   float64 // activity against the mean
	bills   float64 // factor on bills
	payday  int     // which class of people is paid today, -1 for none
	holiday bool
	weekday time.Weekday
}

// calendarOf describes the local day that holds t.
func (w *World) calendarOf(t time.Time) calendar {
	c := calendar{
		level: w.t.weekday[t.Weekday()], payday: -1, holiday: holiday(t), weekday: t.Weekday(), bills: otherDayFactor,
	}
	if c.holiday {
		c.level *= holidayLevel
	}
	switch {
	case fifthWorkingDay(t):
		c.payday = 0
	case t.Day() == 15:
		c.payday = 1
	case t.Day() == 20:
		c.payday = 2
	case t.Day() == 30 || t.Month() == time.February && t.AddDate(0, 0, 1).Day() == 1:
		c.payday = 3
	}
	if c.payday >= 0 {
		c.level *= paydayLevel
	}
	if t.Month() == time.December && t.Day() <= 24 {
		c.level *= christmasLevel
	}
	if t.Day()%5 == 0 {
		c.bills = billDayFactor
	}
	return c
}

// hours is the daily shape of a day: later at weekends and holidays, with a night life before them.
func (w *World) hours(hour int) *[24]float64 {
	free := w.day.holiday || w.day.weekday == time.Saturday || w.day.weekday == time.Sunday
	if free && (hour >= 6 || w.day.weekday != time.Monday) || w.day.weekday == time.Friday && hour >= 18 {
		return &w.t.weekend
	}
	return &w.t.hourly
}

func isWorkingDay(t time.Time) bool {
	return t.Weekday() != time.Saturday && t.Weekday() != time.Sunday && !holiday(t)
}

// holiday knows the national holidays and the days that move with Easter: Carnival, Good Friday, Corpus Christi, on
// which banks are closed.
func holiday(t time.Time) bool {
	switch int(t.Month())*100 + t.Day() {
	case 101, 421, 501, 907, 1012, 1102, 1115, 1120, 1225:
		return true
	}
	easter := easterSunday(t.Year())
	day := time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
	switch int(day.Sub(easter).Hours() / 24) {
	case -48, -47, -2, 60:
		return true
	default:
		return false
	}
}

// easterSunday is Gauss's date of Easter in the Gregorian calendar (the anonymous algorithm in Meeus, Astronomical
// Algorithms, chapter 8).
func easterSunday(year int) time.Time {
	a, b, c := year%19, year/100, year%100
	d, e := b/4, b%4
	g := (b - (b+8)/25 + 1) / 3
	h := (19*a + b - d - g + 15) % 30
	i, k := c/4, c%4
	l := (32 + 2*e + 2*i - h - k) % 7
	m := (a + 11*h + 22*l) / 451
	n := h + l - 7*m + 114
	return time.Date(year, time.Month(n/31), n%31+1, 0, 0, 0, 0, time.UTC)
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
