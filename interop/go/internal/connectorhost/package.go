// Package connectorhost verifies and starts a connector as a host of the family does, and
// makes the calls of a list.
package connectorhost

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"outboard.test/interop/internal/connector"
)

// Package is a directory with a plugin.json and the program that it names.
type Package struct {
	Manifest connector.Manifest
	Program  string
}

// Open reads a package's plugin.json. An entry that is no file of the directory is refused,
// as is a key that is none.
func Open(directory string) (*Package, error) {
	text, err := os.ReadFile(filepath.Join(directory, connector.ManifestName))
	if err != nil {
		return nil, err
	}
	opened := &Package{}
	if err := json.Unmarshal(text, &opened.Manifest); err != nil {
		return nil, &connector.Refusal{Check: "manifest", Text: err.Error()}
	}
	key, entry := opened.Manifest.Module.Meta.Key, opened.Manifest.Entry
	if err := connector.ValidateKey(key); err != nil {
		return nil, &connector.Refusal{Check: "key", Text: err.Error()}
	}
	if entry == "" {
		entry = key
	}
	if filepath.Base(entry) != entry {
		return nil, &connector.Refusal{Check: "entry", Text: fmt.Sprintf("%q is no file of the package", entry)}
	}
	opened.Program, err = filepath.Abs(filepath.Join(directory, entry))
	return opened, err
}

// Verify holds the package against the policy of the environment.
func (p *Package) Verify() error {
	return p.Manifest.Verify(p.Program, connector.TrustFromEnvironment())
}
