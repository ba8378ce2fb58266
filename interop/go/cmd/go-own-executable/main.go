// Command go-own-executable is no plugin. It says on standard error what it finds
// where it looks for its own executable, as a program does that hashes itself or
// reads what is beside it, and ends.
package main

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	path, err := os.Executable()
	if err != nil {
		fmt.Fprintln(os.Stderr, "path:", err)
		os.Exit(3)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		fmt.Fprintln(os.Stderr, "content:", err)
		os.Exit(3)
	}
	fmt.Fprintf(os.Stderr, "sha256:%x\n", sha256.Sum256(content))
	beside, err := os.ReadFile(filepath.Join(filepath.Dir(path), "beside"))
	fmt.Fprintf(os.Stderr, "%s %v\n", beside, err)
	os.Exit(3)
}
