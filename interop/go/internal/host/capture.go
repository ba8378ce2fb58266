package host

import (
	"bytes"
	"strings"
	"sync"

	"github.com/hashicorp/go-hclog"
)

// capture is a buffer that one goroutine writes and another reads.
type capture struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (c *capture) Write(data []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.text.Write(data)
}

func (c *capture) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.text.String()
}

// logLine is one line of go-plugin's log, of its own or forwarded from the plugin.
type logLine struct {
	level   string
	message string
	values  map[string]any
}

// logLines is a sink that keeps every line.
type logLines struct {
	mu    sync.Mutex
	lines []logLine
}

// Accept implements hclog.SinkAdapter.
func (l *logLines) Accept(_ string, level hclog.Level, message string, args ...any) {
	line := logLine{level: level.String(), message: message, values: map[string]any{}}
	for i := 0; i+1 < len(args); i += 2 {
		if key, ok := args[i].(string); ok {
			line.values[key] = args[i+1]
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, line)
}

func (l *logLines) find(message string) []logLine {
	l.mu.Lock()
	defer l.mu.Unlock()
	var found []logLine
	for _, line := range l.lines {
		if line.message == message {
			found = append(found, line)
		}
	}
	return found
}

func (l *logLines) contains(part string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, line := range l.lines {
		if strings.Contains(line.message, part) {
			return true
		}
	}
	return false
}
