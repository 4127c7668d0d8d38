package feature

import "time"

// holiday reports whether a local day is a national or a bank holiday in Brazil: Laws 662/1949, 6.802/1980, 9.093/1995
// and 14.759/2023 (20 November, since 2024), and for banks Carnival and Corpus Christi (Res. CMN 4.880/2020).
func holiday(year int, month time.Month, dayOfMonth int) bool {
	switch fixed := [2]int{int(month), dayOfMonth}; fixed {
	case [2]int{1, 1}, [2]int{4, 21}, [2]int{5, 1}, [2]int{9, 7}, [2]int{10, 12}, [2]int{11, 2}, [2]int{11, 15}, [2]int{12, 25}:
		return true
	case [2]int{11, 20}:
		return year >= 2024
	}
	date := time.Date(year, month, dayOfMonth, 0, 0, 0, 0, time.UTC)
	switch date.Sub(easter(year)) / (24 * time.Hour) {
	case -48, -47, -2, 60: // Carnival Monday and Tuesday, Good Friday, Corpus Christi
		return true
	default:
		return false
	}
}

// easter is the Sunday of Easter of a Gregorian year (the anonymous algorithm, Nature, 1876).
func easter(year int) time.Time {
	a, b, c := year%19, year/100, year%100
	h := (19*a + b - b/4 - (b-(b+8)/25+1)/3 + 15) % 30
	l := (32 + 2*(b%4) + 2*(c/4) - h - c%4) % 7
	m := (a + 11*h + 22*l) / 451
	n := h + l - 7*m + 114
	return time.Date(year, time.Month(n/31), n%31+1, 0, 0, 0, 0, time.UTC)
}

// payday is the day of a month by which wages are due: the fifth working day, Saturdays counted, Sundays and holidays not
// (CLT art. 459 §1; IN SRT/MTE 1/1989).
func payday(year int, month time.Month) int {
	for d, working := 1, 0; ; d++ {
		weekday := time.Date(year, month, d, 0, 0, 0, 0, time.UTC).Weekday()
		if weekday != time.Sunday && !holiday(year, month, d) {
			working++
		}
		if working == 5 {
			return d
		}
	}
}

// sincePayday is how many local days ago wages were last due: 0 on the day itself.
func sincePayday(t time.Time) float64 {
	year, month, d := t.Date()
	if due := payday(year, month); d >= due {
		return float64(d - due)
	}
	last := time.Date(year, month-1, 1, 0, 0, 0, 0, time.UTC)
	due := time.Date(last.Year(), last.Month(), payday(last.Year(), last.Month()), 0, 0, 0, 0, time.UTC)
	return time.Date(year, month, d, 0, 0, 0, 0, time.UTC).Sub(due).Hours() / 24
}
