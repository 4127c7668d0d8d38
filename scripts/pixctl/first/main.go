// Command first shows the first decisions while the SQL engine of the BigQuery emulator is still to be compiled. It is
// what `make demo` runs first on a machine that has compiled nothing, and nothing else needs it.
package main

import (
	"os"

	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/command"
	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/demo"
)

func main() {
	first := demo.First()
	os.Exit(command.Main([]command.Command{first}, []string{first.Name}))
}
