// Package caselist runs the list of cases that every host in interop runs, and
// records what it saw. It does not judge: the expectations in the list are
// compared in one place, by the tests that start the host.
package caselist

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
)

// Case is one entry of the list; see the file's own "about" for the rules.
type Case struct {
	Name       string         `json:"name"`
	Call       string         `json:"call"`
	Request    map[string]any `json:"request"`
	Keep       string         `json:"keep"`
	DeadlineMS int            `json:"deadline_ms"`
}

// Result is what a host saw: the answer of an OK call, or the status's message.
type Result struct {
	Case   string `json:"case"`
	Status string `json:"status"`
	Value  any    `json:"value,omitempty"`
	Error  string `json:"error,omitempty"`
}

// Load reads a list; - is standard input.
func Load(path string) ([]Case, error) {
	var text []byte
	var err error
	if path == "-" {
		text, err = io.ReadAll(os.Stdin)
	} else {
		text, err = os.ReadFile(path)
	}
	if err != nil {
		return nil, err
	}
	var list struct {
		Cases []Case `json:"cases"`
	}
	if err := json.Unmarshal(text, &list); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return list.Cases, nil
}

// expand replaces handles that were kept and strings that are written short.
func expand(value any, handles map[string]string) any {
	switch value := value.(type) {
	case string:
		if name, ok := strings.CutPrefix(value, "$"); ok {
			return handles[name]
		}
	case []any:
		list := make([]any, len(value))
		for i, item := range value {
			list[i] = expand(item, handles)
		}
		return list
	case map[string]any:
		if text, ok := value["$repeat"].(string); ok {
			times, _ := value["$times"].(float64)
			return strings.Repeat(text, int(times))
		}
		object := make(map[string]any, len(value))
		for key, item := range value {
			object[key] = expand(item, handles)
		}
		return object
	}
	return value
}
