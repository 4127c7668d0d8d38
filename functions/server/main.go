// Command server serves one of the functions from an image: that which FUNCTION_TARGET names, at PORT, as Cloud Run asks.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/sentinela-pix/sentinela/functions/process"
	"github.com/sentinela-pix/sentinela/functions/roster"
)

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "functions:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	name, port := os.Getenv("FUNCTION_TARGET"), os.Getenv("PORT")
	open, known := roster.Functions()[name]
	if !known {
		return fmt.Errorf("FUNCTION_TARGET: must be one of %v", roster.Names())
	}
	if port == "" {
		port = "8080"
	}
	if err := process.Run(ctx, process.Options{Name: name, Address: ":" + port, Open: open, Push: true}); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}
