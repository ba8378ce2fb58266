// Command go-connector-host is a host of the connector family on the real go-plugin. It
// verifies a package, starts its program, runs a list of cases against it and prints what
// it saw as one JSON array.
//
//	go-connector-host -cases interop/cases/connector.json DIRECTORY
//	go-connector-host -verify DIRECTORY
//
// A package that is refused is one JSON object {"refused": CHECK, "why": TEXT} and exit
// status 4; one that does not start is exit status 5. Whose signatures are trusted is said
// by WICK_PLUGIN_PUBKEY and WICK_PLUGIN_REQUIRE_SIGNATURE.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"outboard.test/interop/internal/caselist"
	"outboard.test/interop/internal/connector"
	"outboard.test/interop/internal/connectorhost"
)

const (
	exitRefused  = 4
	exitNotReady = 5
)

type options struct {
	cases          string
	verify         bool
	oldest, newest int
	log            io.Writer
}

func main() {
	o := options{log: io.Discard}
	flag.StringVar(&o.cases, "cases", "", "the list of cases (JSON), or - for standard input")
	flag.BoolVar(&o.verify, "verify", false, "verify the package and start nothing")
	flag.IntVar(&o.oldest, "oldest", connector.MinProtoVersion, "the oldest version to offer")
	flag.IntVar(&o.newest, "newest", connector.ProtoVersion, "the newest version to offer")
	verbose := flag.Bool("v", false, "print go-plugin's log on stderr")
	flag.Parse()
	if flag.NArg() != 1 || (o.cases == "") != o.verify {
		fmt.Fprintln(os.Stderr, "usage: go-connector-host (-verify | -cases FILE) DIRECTORY")
		os.Exit(2)
	}
	if *verbose {
		o.log = os.Stderr
	}
	os.Exit(run(o, flag.Arg(0)))
}

func run(o options, directory string) int {
	opened, err := connectorhost.Open(directory)
	if err == nil {
		err = opened.Verify()
	}
	if err != nil || o.verify {
		return report(err)
	}
	cases, err := caselist.Load(o.cases)
	if err != nil {
		return report(err)
	}
	plugin, err := connectorhost.Start(opened.Program, o.oldest, o.newest, o.log)
	if err != nil {
		fmt.Fprintln(os.Stderr, "go-connector-host:", err)
		return exitNotReady
	}
	defer plugin.Process.Kill()
	return print(caselist.Run(cases, plugin.Call, plugin.Process.Call))
}

// report says what became of a package: nothing if it is accepted.
func report(err error) int {
	var refusal *connector.Refusal
	switch {
	case err == nil:
		return print(map[string]any{})
	case errors.As(err, &refusal):
		print(map[string]any{"refused": refusal.Check, "why": refusal.Text})
		return exitRefused
	}
	fmt.Fprintln(os.Stderr, "go-connector-host:", err)
	return 1
}

func print(value any) int {
	if err := json.NewEncoder(os.Stdout).Encode(value); err != nil {
		fmt.Fprintln(os.Stderr, "go-connector-host:", err)
		return 1
	}
	return 0
}
