// Command go-plugin-kitchen is the workflow plugin of the recorded session, on
// the real go-plugin.
package main

import (
	"os"

	"github.com/hashicorp/go-hclog"

	"outboard.test/interop/internal/kitchen"
	"outboard.test/interop/internal/workflow"
)

func main() {
	// Made before Serve replaces os.Stderr: this is the channel on which a host
	// expects log lines.
	logger := hclog.New(&hclog.LoggerOptions{
		Name:       "kitchen",
		Level:      hclog.Trace,
		Output:     os.Stderr,
		JSONFormat: true,
	})
	workflow.Serve(kitchen.New(logger))
}
