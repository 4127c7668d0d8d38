package main

import (
	"os"

	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/command"
	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/demo"
	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/dlq"
	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/doctor"
	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/evaluate"
	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/explain"
	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/load"
	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/publish"
	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/release"
	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/score"
	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/sign"
	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/simulate"
	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/vectors"
	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/verify"
	"github.com/sentinela-pix/sentinela/shared/emulator"
	"github.com/sentinela-pix/sentinela/shared/pixtest/bq"
)

// commands lists every subcommand, in the order of the help.
func commands() []command.Command {
	all := []command.Command{
		demo.Command(bq.Start),
		simulate.Command(),
		vectors.Command(),
		score.Command(),
		evaluate.Command(),
		verify.Command(),
		sign.Command(),
		publish.Command(),
		explain.Command(),
		load.Command(),
		doctor.Command(),
	}
	all = append(all, dlq.Commands()...)
	return append(all, release.Commands(emulator.Storage(os.Getenv)...)...)
}
