package connector

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
)

// ManifestName is the envelope's file.
const ManifestName = "plugin.json"

// Version is the connector's release; the linker sets it.
var Version = "0.0.0-dev"

// Manifest is a connector's plugin.json: the module with what its distribution needs.
type Manifest struct {
	SchemaVersion int      `json:"schema_version"`
	Kind          string   `json:"kind,omitempty"`
	Version       string   `json:"version"`
	ProtoVersion  int      `json:"proto_version"`
	Entry         string   `json:"entry"`
	OSArch        []string `json:"os_arch"`
	SHA256        string   `json:"sha256"`
	Signature     string   `json:"signature"`
	Module        Module   `json:"module"`
}

// Describe makes the manifest of the running program, signed if there is a key file.
func Describe(module *Module, keyFile string) (*Manifest, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	digest, err := hashFile(program)
	if err != nil {
		return nil, err
	}
	manifest := &Manifest{
		SchemaVersion: 1,
		Kind:          "connector",
		Version:       Version,
		ProtoVersion:  ProtoVersion,
		Entry:         filepath.Base(program),
		OSArch:        []string{platform()},
		SHA256:        digest,
		Module:        *module,
	}
	if keyFile != "" {
		if manifest.Signature, err = sign(keyFile, digest); err != nil {
			return nil, err
		}
	}
	return manifest, nil
}

// Refusal is why a host does not start a package; Check names the check that failed.
type Refusal struct {
	Check, Text string
}

func (r *Refusal) Error() string { return r.Check + ": " + r.Text }

// Trust is a host's policy about signatures.
type Trust struct {
	Keys     []string
	Required bool
}

// TrustFromEnvironment reads the two variables that the family has for it.
func TrustFromEnvironment() Trust {
	trust := Trust{Keys: splitKeys(os.Getenv("WICK_PLUGIN_PUBKEY"))}
	switch os.Getenv("WICK_PLUGIN_REQUIRE_SIGNATURE") {
	case "1", "true":
		trust.Required = true
	}
	return trust
}

// Verify holds a manifest against the program that it describes, in the family's order:
// platform, version of the contract, digest, signature. What it returns is a *Refusal if
// the package is at fault.
func (m *Manifest) Verify(program string, trust Trust) error {
	if !slices.Contains(m.OSArch, platform()) {
		return &Refusal{"os_arch", fmt.Sprintf("it is for %v, and this is %s", m.OSArch, platform())}
	}
	if m.ProtoVersion < MinProtoVersion || m.ProtoVersion > ProtoVersion {
		return &Refusal{"proto_version", fmt.Sprintf("it speaks version %d", m.ProtoVersion)}
	}
	digest, err := hashFile(program)
	if err != nil {
		return err
	}
	if digest != m.SHA256 {
		return &Refusal{"sha256", "the program is not the one that plugin.json describes"}
	}
	trusted := VerifySHA256(trust.Keys, m.SHA256, m.Signature)
	switch {
	case trusted:
		return nil
	case m.Signature == "" && trust.Required:
		return &Refusal{"unsigned", "a signature is required"}
	case m.Signature != "" && (trust.Required || len(trust.Keys) > 0):
		return &Refusal{"untrusted", "no trusted key made its signature"}
	}
	return nil
}

// ValidateKey tells whether a key can name a directory: 1 to 64 of a-z, 0-9 and _.
func ValidateKey(key string) error {
	if key == "" || len(key) > 64 {
		return errors.New("a key has 1 to 64 bytes")
	}
	for _, letter := range []byte(key) {
		if (letter < 'a' || letter > 'z') && (letter < '0' || letter > '9') && letter != '_' {
			return fmt.Errorf("%q has something else than a-z, 0-9 and _", key)
		}
	}
	return nil
}

func platform() string { return runtime.GOOS + "/" + runtime.GOARCH }

func hashFile(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		return "", err
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}
