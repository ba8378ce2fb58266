// Command go-host is a host of the workflow family on the real go-plugin. It runs
// a list of cases against a plugin and prints what it saw as one JSON array.
//
//	go-host -cases interop/cases/workflow.json PLUGIN [ARGUMENT...]
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"

	"outboard.test/interop/internal/caselist"
	"outboard.test/interop/internal/workflowhost"
)

func main() {
	cases := flag.String("cases", "", "the list of cases (JSON)")
	verbose := flag.Bool("v", false, "print go-plugin's log on stderr")
	flag.Parse()
	if *cases == "" || flag.NArg() == 0 {
		fmt.Fprintln(os.Stderr, "usage: go-host -cases FILE PLUGIN [ARGUMENT...]")
		os.Exit(2)
	}
	if err := run(*cases, *verbose, flag.Arg(0), flag.Args()[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "go-host:", err)
		os.Exit(1)
	}
}

func run(path string, verbose bool, program string, args []string) error {
	cases, err := caselist.Load(path)
	if err != nil {
		return err
	}
	log := io.Discard
	if verbose {
		log = os.Stderr
	}
	plugin, err := workflowhost.Start(program, args, log)
	if err != nil {
		return err
	}
	defer plugin.Kill()
	return json.NewEncoder(os.Stdout).Encode(caselist.Run(cases, plugin.Call, plugin.Process.Call))
}
