package main

import "github.com/sentinela-pix/sentinela/scripts/pixctl/internal/command"

// commands lists every subcommand, in the order of the help.
func commands() []command.Command {
	return []command.Command{}
}
