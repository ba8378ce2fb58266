package connector

import (
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"os"
	"strings"
)

// sign signs the text of a digest with the key in a file: base64 of an Ed25519 seed and
// its public key.
func sign(keyFile, digest string) (string, error) {
	text, err := os.ReadFile(keyFile)
	if err != nil {
		return "", err
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(key) != ed25519.PrivateKeySize {
		return "", fmt.Errorf("%s holds no private key", keyFile)
	}
	return base64.StdEncoding.EncodeToString(ed25519.Sign(key, []byte(digest))), nil
}

// VerifySHA256 tells whether any of the public keys made a signature over the text of a
// digest. What is no key and no signature verifies nothing.
func VerifySHA256(keys []string, digest, signature string) bool {
	made, err := base64.StdEncoding.DecodeString(signature)
	if err != nil || len(made) != ed25519.SignatureSize {
		return false
	}
	for _, text := range keys {
		key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
		if err == nil && len(key) == ed25519.PublicKeySize && ed25519.Verify(key, []byte(digest), made) {
			return true
		}
	}
	return false
}

func splitKeys(list string) []string {
	var keys []string
	for key := range strings.SplitSeq(list, ",") {
		if key = strings.TrimSpace(key); key != "" {
			keys = append(keys, key)
		}
	}
	return keys
}
