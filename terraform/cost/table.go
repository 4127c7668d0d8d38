package main

import (
	"fmt"
	"strings"
)

// table prints a column for each environment.
func table(estimates []estimate, p priceList) string {
	var b strings.Builder
	row := func(name string, cell func(estimate) string) {
		fmt.Fprintf(&b, "| %s |", name)
		for _, e := range estimates {
			fmt.Fprintf(&b, " %s |", cell(e))
		}
		b.WriteString("\n")
	}
	reais := func(usd float64) string { return thousands(usd * p.BRLPerUSD.Value) }
	row("R$ a month", func(e estimate) string { return e.Name })
	row("---", func(estimate) string { return "---:" })
	row("payments a second", func(e estimate) string { return fmt.Sprintf("%g", e.Payments) })
	for i := range estimates[0].Lines {
		row(estimates[0].Lines[i].Name, func(e estimate) string { return reais(e.Lines[i].USD) })
	}
	row("**together, R$**", func(e estimate) string { return "**" + reais(e.total()) + "**" })
	row("together, US$", func(e estimate) string { return thousands(e.total()) })
	row("more with a managed Kafka, R$", func(e estimate) string { return reais(e.Kafka) })
	row("R$ for a million payments", func(e estimate) string { return reais(e.million()) })
	return b.String()
}

// thousands writes a whole number as people read it.
func thousands(v float64) string {
	s := fmt.Sprintf("%.0f", v)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
