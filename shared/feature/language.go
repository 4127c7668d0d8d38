package feature

import (
	"math"
	"strconv"
	"strings"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// language holds what differs between the two in which reasons are written.
type language struct {
	decimal, thousands string
	money              func(pix.Money) string
	amount             string // the payment's, when it is not known
	about              string
	less, more         string // "less than", "more than"
	times, of          string // parts of a ratio
	near               string // the value is as usual, then how far it is from that
	above, far         [2]string
	units              [5][2]string // seconds, minutes, hours, days and years: one and many
	weekdays           [7]string
	hour               func(from, to string) string
}

func portuguese() *language {
	return &language{
		decimal: ",", thousands: ".", money: pix.Money.String, amount: "o valor", about: "cerca de ",
		less: "menos de ", more: "mais de ", times: " vezes ", of: " d",
		near: "dentro do", above: [2]string{"acima do", "abaixo do"}, far: [2]string{"muito acima do", "muito abaixo do"},
		units: [5][2]string{{"segundo", "segundos"}, {"minuto", "minutos"}, {"hora", "horas"}, {"dia", "dias"}, {"ano", "anos"}},
		weekdays: [7]string{"no domingo", "na segunda-feira", "na terça-feira", "na quarta-feira", "na quinta-feira",
			"na sexta-feira", "no sábado"},
		hour: func(from, to string) string { return from + "h e " + to + "h" },
	}
}

func english() *language {
	return &language{
		decimal: ".", thousands: ",", money: pix.Money.English, amount: "the amount", about: "about ",
		less: "less than ", more: "more than ", times: " times ", of: " of ",
		near: "in line with", above: [2]string{"above", "below"}, far: [2]string{"far above", "far below"},
		units:    [5][2]string{{"second", "seconds"}, {"minute", "minutes"}, {"hour", "hours"}, {"day", "days"}, {"year", "years"}},
		weekdays: [7]string{"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"},
		hour: func(from, to string) string {
			clock := func(h string) string { return strings.Repeat("0", 2-len(h)) + h + ":00" }
			return clock(from) + " and " + clock(to)
		},
	}
}

// whole writes a count, with its thousands parted.
func (l *language) whole(v float64) string {
	digits := strconv.FormatFloat(math.Round(math.Abs(v)), 'f', 0, 64)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + l.thousands + digits[i:]
	}
	return digits
}

// short writes as many digits as a person reads: 0,03 · 2,4 · 12.
func (l *language) short(v float64) string {
	digits := 1
	switch {
	case v >= 9.95:
		return l.whole(v)
	case v < 0.095:
		digits = 2
	}
	s := strconv.FormatFloat(v, 'f', digits, 64)
	return strings.Replace(strings.TrimRight(strings.TrimRight(s, "0"), "."), ".", l.decimal, 1)
}

// share writes a part of a whole. What is not quite nothing or all is not written as if it were.
func (l *language) share(v float64) string {
	percent := 100 * v
	switch {
	case percent > 0 && percent < 0.01:
		return l.less + "0" + l.decimal + "01 %"
	case percent < 100 && percent > 99:
		return l.more + "99 %"
	default:
		return l.short(max(percent, 0)) + " %"
	}
}

// most is the largest multiple that is written in figures: beyond it the number says no more.
const most = 1_000

// ratio writes a part or a multiple of something: "40 % do saldo", "2,4 vezes o saldo".
func (l *language) ratio(v float64, whole string) string {
	switch {
	case v > most:
		return l.more + l.whole(most) + l.times + whole
	case v >= 1.05:
		return l.short(v) + l.times + whole
	default:
		return l.share(v) + l.of + whole
	}
}

// deviation says how far a value is from the usual: within one deviation, outside, or outside of what one payment in some
// hundreds exceeds.
func (l *language) deviation(v float64) string {
	side := 0
	if v < 0 {
		side = 1
	}
	switch v = math.Abs(v); {
	case v < 1:
		return l.near
	case v < 3:
		return l.above[side]
	default:
		return l.far[side]
	}
}

// hours writes the hour that begins at v.
func (l *language) hours(v float64) string {
	from := int(min(max(math.Round(v), 0), 23))
	return l.hour(strconv.Itoa(from), strconv.Itoa((from+1)%24))
}

// distance writes kilometres, below one in metres.
func (l *language) distance(km float64) string {
	if km < 0.9995 {
		return l.whole(km*1000) + " m"
	}
	return l.short(km) + " km"
}

// duration writes the largest unit that leaves a number of at least two, rounded down.
func (l *language) duration(seconds float64) string {
	const minute, hour, day, year = 60, 3600, 86400, 365 * 86400
	unit, size := 0, 1.0
	switch s := max(seconds, 0); {
	case s < 1:
		return l.less + "1 " + l.units[0][0]
	case s >= 2*year:
		unit, size = 4, year
	case s >= 2*day:
		unit, size = 3, day
	case s >= 2*hour:
		unit, size = 2, hour
	case s >= 2*minute:
		unit, size = 1, minute
	}
	n := math.Floor(seconds / size)
	name := l.units[unit][1]
	if n == 1 {
		name = l.units[unit][0]
	}
	return l.whole(n) + " " + name
}
