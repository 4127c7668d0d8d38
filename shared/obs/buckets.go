package obs

// AgeBuckets returns histogram bounds in seconds for how long something took from end to end: from 10 ms, with the 0.3 s of the
// objective as a bound, to the days that an outage may last.
func AgeBuckets() []float64 {
	const minute, hour, day = 60, 3600, 86400
	return []float64{.01, .02, .05, .1, .2, .3, .5, 1, 2, 5, 10, 30, minute, 5 * minute, 30 * minute, 2 * hour, 6 * hour, day, 6 * day}
}

// LogOddsBuckets returns histogram bounds for scores in log-odds, one a unit: six in a million, below which nearly all payments
// lie, to nearly certain. Their shares are what a stability index of scores compares.
func LogOddsBuckets() []float64 {
	bounds := make([]float64, 0, 17)
	for odds := -12.0; odds <= 4; odds++ {
		bounds = append(bounds, odds)
	}
	return bounds
}
