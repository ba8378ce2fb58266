// Command matrix-plugin is the plugin of the interop matrix on the real go-plugin.
package main

import (
	"flag"
	"fmt"
	"os"

	"outboard.test/interop/internal/contract"
	"outboard.test/interop/internal/matrixplugin"
)

func main() {
	versions := contract.VersionsFlag("the protocol versions that the plugin speaks")
	age := flag.Duration("max-connection-age", 0, "cut connections that are so old; 0 is never")
	network := flag.String("network", "unix", "what to listen on")
	flag.Parse()
	if *network != "unix" {
		fmt.Fprintln(os.Stderr, "go-plugin listens on unix sockets wherever there are any")
		os.Exit(2)
	}
	matrixplugin.Serve(*versions, *age)
}
