// Command go-connector is a connector on the real go-plugin, for the shared list of cases.
//
//	go-connector --dump-manifest [--sign-key FILE]
//
// The versions of the contract that it serves are 1, or those in LARDER_VERSIONS, such as
// 1-2.
package main

import (
	"fmt"
	"os"

	"outboard.test/interop/internal/connector"
	"outboard.test/interop/internal/larder"
)

func main() {
	connector.Version = "1.2.0"
	oldest, newest := connector.MinProtoVersion, connector.ProtoVersion
	if text := os.Getenv("LARDER_VERSIONS"); text != "" {
		if _, err := fmt.Sscanf(text, "%d-%d", &oldest, &newest); err != nil {
			fmt.Fprintln(os.Stderr, "LARDER_VERSIONS is no range such as 1-2:", err)
			os.Exit(2)
		}
	}
	connector.Serve(larder.New(), oldest, newest)
}
