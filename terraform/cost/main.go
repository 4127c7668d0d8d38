// Command cost says what an environment costs in a month: sizes from terraform/envs, bytes of a payment from docs/capacity.md,
// the load that is assumed and the prices from the files beside it. It asks nobody and knows no discount.
//
//	go run ./terraform/cost            # every environment
//	go run ./terraform/cost -env prod
//	go run ./terraform/cost -env prod -payments 3626
//	go run ./terraform/cost -env prod -rules   # as recording rules of Prometheus
//	go run ./terraform/cost -scale             # what 1 %, 10 % and the whole of Pix take
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "cost:", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	flags := flag.NewFlagSet("cost", flag.ContinueOnError)
	root := flags.String("root", ".", "the repository's directory")
	env := flags.String("env", "", "dev, staging or prod; all of them by default")
	payments := flags.Float64("payments", 0, "payments a second, in place of what load.json assumes")
	asRules := flags.Bool("rules", false, "print recording rules of Prometheus for the environment instead of a table")
	asScale := flags.Bool("scale", false, "print what institutions of 1 %, 10 % and the whole of Pix take in prod instead")
	if err := flags.Parse(args); err != nil {
		return fmt.Errorf("read flags: %w", err)
	}
	b, err := read(*root)
	if err != nil {
		return err
	}
	switch {
	case *asRules:
		return put(out, func() (string, error) { return b.rules(*env, *payments) })
	case *asScale:
		return put(out, b.scale)
	}
	names := environments()
	if *env != "" {
		names = []string{*env}
	}
	var estimates []estimate
	for _, name := range names {
		e, err := b.estimate(name, *payments)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		estimates = append(estimates, e)
	}
	_, err = io.WriteString(out, table(estimates, b.prices))
	if err != nil {
		return fmt.Errorf("write table: %w", err)
	}
	return nil
}

// put writes a text that may not come about.
func put(out io.Writer, text func() (string, error)) error {
	s, err := text()
	if err != nil {
		return err
	}
	if _, err := io.WriteString(out, s); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}
