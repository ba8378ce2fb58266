// Package workflowhost starts a workflow plugin the way the original manager does.
package workflowhost

import (
	"io"

	"github.com/hashicorp/go-plugin"

	"outboard.test/interop/internal/host"
	"outboard.test/interop/internal/workflow"
)

// Host owns the process of a workflow plugin.
type Host struct {
	// Process is what go-plugin knows of it.
	Process *host.Host
	// Plugin makes the family's calls.
	Plugin *workflow.Client
}

// Start runs the program and dispenses the plugin; log gets go-plugin's own log.
func Start(program string, args []string, log io.Writer) (*Host, error) {
	process, err := host.Start(host.Config{
		Program:   program,
		Args:      args,
		Handshake: workflow.Handshake,
		Versions:  map[int]plugin.PluginSet{1: {workflow.PluginName: &workflow.Plugin{}}},
		Name:      workflow.PluginName,
		Log:       log,
	})
	if err != nil {
		return nil, err
	}
	return &Host{Process: process, Plugin: process.Dispensed.(*workflow.Client)}, nil
}

// PID is the plugin's process id.
func (h *Host) PID() int { return h.Process.PID() }

// Kill ends the plugin.
func (h *Host) Kill() { h.Process.Kill() }
