// Package host starts a plugin the way a manager of plugins does, and keeps what the
// plugin prints and logs, so that a test can ask for it.
package host

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"sort"
	"strings"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
)

// Config says what to start and how.
type Config struct {
	Program   string
	Args      []string
	Handshake plugin.HandshakeConfig
	// Versions are the plugin sets that the host knows, by protocol version.
	Versions map[int]plugin.PluginSet
	// Name is what is dispensed.
	Name string
	// Log gets go-plugin's own log.
	Log io.Writer
	// Prepare changes what go-plugin gets; nil changes nothing.
	Prepare func(*plugin.ClientConfig) error
}

// Host owns one plugin process.
type Host struct {
	// Dispensed is what the plugin set makes of the connection.
	Dispensed any

	client   *plugin.Client
	protocol plugin.ClientProtocol
	command  *exec.Cmd
	stdout   *capture
	stderr   *capture
	log      *logLines
}

// Start runs the program and dispenses the plugin.
func Start(config Config) (*Host, error) {
	lines := &logLines{}
	logger := hclog.NewInterceptLogger(&hclog.LoggerOptions{Name: "go-host", Level: hclog.Trace, Output: config.Log})
	logger.RegisterSink(lines)

	host := &Host{command: exec.Command(config.Program, config.Args...), stdout: &capture{}, stderr: &capture{}, log: lines}
	client := &plugin.ClientConfig{
		HandshakeConfig:  config.Handshake,
		VersionedPlugins: config.Versions,
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
		Cmd:              host.command,
		SyncStdout:       host.stdout,
		SyncStderr:       host.stderr,
		// A plugin that is not written in Go prints to the real stderr, which
		// arrives here instead.
		Stderr: host.stderr,
		Logger: logger,
	}
	if config.Prepare != nil {
		if err := config.Prepare(client); err != nil {
			return nil, err
		}
	}
	host.client = plugin.NewClient(client)
	protocol, err := host.client.Client()
	if err != nil {
		host.client.Kill()
		return nil, fmt.Errorf("connect to plugin %q: %w", config.Program, err)
	}
	host.protocol = protocol
	host.Dispensed, err = protocol.Dispense(config.Name)
	if err != nil {
		host.client.Kill()
		return nil, fmt.Errorf("dispense plugin %q: %w", config.Program, err)
	}
	return host, nil
}

// Address is where the plugin listens.
func (h *Host) Address() string { return h.client.ReattachConfig().Addr.String() }

// PID is the plugin's process id.
func (h *Host) PID() int { return h.command.Process.Pid }

// Kill ends the plugin as go-plugin does: ask, wait two seconds, then force.
func (h *Host) Kill() { h.client.Kill() }

// Call answers the list's questions about the process.
func (h *Host) Call(ctx context.Context, name string, request map[string]any) (map[string]any, error) {
	switch name {
	case "Protocol":
		return map[string]any{"version": h.client.NegotiatedVersion()}, nil
	case "Ping":
		return map[string]any{}, h.protocol.Ping()
	case "Stdout":
		return h.found(ctx, h.stdout, request)
	case "Stderr":
		return h.found(ctx, h.stderr, request)
	case "Logs":
		return h.logged(ctx, request)
	case "Kill":
		return h.kill(), nil
	}
	return nil, fmt.Errorf("the Go host knows no Host.%s", name)
}

func (h *Host) found(ctx context.Context, stream *capture, request map[string]any) (map[string]any, error) {
	text, _ := request["text"].(string)
	if !until(ctx, func() bool { return strings.Contains(stream.String(), text) }) {
		return nil, fmt.Errorf("%q did not arrive, but this did: %q", text, stream.String())
	}
	return map[string]any{"found": true}, nil
}

// logged waits for as many lines with the same message as the request says, and
// gives their levels and the values of the first.
func (h *Host) logged(ctx context.Context, request map[string]any) (map[string]any, error) {
	message, _ := request["message"].(string)
	count, _ := request["count"].(float64)
	until(ctx, func() bool { return len(h.log.find(message)) >= int(count) })
	lines := h.log.find(message)
	if len(lines) == 0 {
		return nil, fmt.Errorf("no log line says %q", message)
	}
	levels := make([]string, len(lines))
	for i, line := range lines {
		levels[i] = line.level
	}
	sort.Strings(levels)
	answer := map[string]any{"levels": levels}
	for key, value := range lines[0].values {
		// go-plugin puts the time among the values, and hclog its module.
		if key != "timestamp" && !strings.HasPrefix(key, "@") {
			answer[key] = value
		}
	}
	return answer, nil
}

func (h *Host) kill() map[string]any {
	start := time.Now()
	h.client.Kill()
	elapsed := time.Since(start)
	state := h.command.ProcessState
	signaled := false
	if wait, ok := state.Sys().(syscall.WaitStatus); ok {
		signaled = wait.Signaled()
	}
	return map[string]any{
		"within_2_s": elapsed < 2*time.Second,
		"forced":     signaled || h.log.contains("failed to exit gracefully"),
		"exit_code":  state.ExitCode(),
	}
}

// until polls a condition that other goroutines make true.
func until(ctx context.Context, condition func() bool) bool {
	for !condition() {
		select {
		case <-ctx.Done():
			return false
		case <-time.After(5 * time.Millisecond):
		}
	}
	return true
}
