// Command matrix-host is the Go host of the interop matrix, on the real go-plugin. It
// runs a list of cases against a plugin and prints what it saw as one JSON array. A
// plugin that cannot be started is the one case "start".
//
//	matrix-host -cases LIST [-tls] [-multiplex] PLUGIN [ARGUMENT...]
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/hashicorp/go-plugin"

	"outboard.test/interop/internal/caselist"
	"outboard.test/interop/internal/contract"
	"outboard.test/interop/internal/host"
	"outboard.test/interop/internal/matrixhost"
)

func main() {
	cases := flag.String("cases", "", "the list of cases (JSON)")
	versions := contract.VersionsFlag("the protocol versions that the host speaks")
	tls := flag.Bool("tls", false, "AutoMTLS")
	multiplex := flag.Bool("multiplex", false, "a multiplexed broker")
	verbose := flag.Bool("v", false, "print go-plugin's log on stderr")
	flag.Parse()
	if *cases == "" || flag.NArg() == 0 {
		fmt.Fprintln(os.Stderr, "usage: matrix-host -cases FILE [-tls] [-multiplex] PLUGIN [ARGUMENT...]")
		os.Exit(2)
	}
	config := host.Config{
		Program:   flag.Arg(0),
		Args:      flag.Args()[1:],
		Handshake: contract.Handshake,
		Versions:  contract.Versions(*versions, nil),
		Name:      contract.PluginName,
		Log:       io.Discard,
		Prepare: func(config *plugin.ClientConfig) error {
			config.AutoMTLS = *tls
			if *multiplex {
				return contract.Multiplex(config)
			}
			return nil
		},
	}
	if *verbose {
		config.Log = os.Stderr
	}
	results, err := run(*cases, config)
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(results)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "matrix-host:", err)
		os.Exit(1)
	}
}

func run(path string, config host.Config) ([]caselist.Result, error) {
	cases, err := caselist.Load(path)
	if err != nil {
		return nil, err
	}
	process, err := host.Start(config)
	if err != nil {
		return []caselist.Result{{Case: "start", Status: "Unknown", Error: err.Error()}}, nil
	}
	defer process.Kill()
	client := process.Dispensed.(*contract.Client)
	calls := &matrixhost.Host{Client: client, Address: process.Address()}
	return caselist.Run(cases, calls.Call, process.Call), nil
}
