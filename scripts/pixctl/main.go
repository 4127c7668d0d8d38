// Command pixctl is the tool for people and jobs around Sentinela: it simulates, replays, verifies, publishes and
// explains. See pixctl -h.
package main

import (
	"os"

	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/command"
)

func main() {
	os.Exit(command.Main(commands(), os.Args[1:]))
}
