package connector

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/hashicorp/go-plugin"
)

// Serve is the main function of a connector. With --dump-manifest it prints the
// plugin.json of the program, signed with the key in --sign-key, and is done; otherwise it
// serves the versions from oldest to newest until the host is done.
func Serve(module *Module, oldest, newest int) {
	if dump, keyFile := arguments(os.Args[1:]); dump {
		if err := print(module, keyFile); err != nil {
			fmt.Fprintln(os.Stderr, "cannot describe the connector:", err)
			os.Exit(1)
		}
		return
	}
	server, err := NewServer(module)
	if err != nil {
		fmt.Fprintln(os.Stderr, "cannot serve the connector:", err)
		os.Exit(1)
	}
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig:  Handshake,
		VersionedPlugins: Versions(oldest, newest, server),
		GRPCServer:       plugin.DefaultGRPCServer,
	})
}

// arguments passes over what it does not know.
func arguments(args []string) (dump bool, keyFile string) {
	for i, arg := range args {
		if arg == "--dump-manifest" {
			dump = true
		} else if arg == "--sign-key" && i+1 < len(args) {
			keyFile = args[i+1]
		} else if file, ok := strings.CutPrefix(arg, "--sign-key="); ok {
			keyFile = file
		}
	}
	return dump, keyFile
}

func print(module *Module, keyFile string) error {
	manifest, err := Describe(module, keyFile)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(manifest)
}
