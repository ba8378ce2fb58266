// Command terraform-provider-shelf is a small Terraform provider on the real
// terraform-plugin-go: files in one directory, with a data source that lists them.
//
// It shares no code with Outboard. A host starts it as a plugin; with -debug a person
// does, and it prints how to reattach.
package main

import (
	"flag"
	"fmt"
	"os"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6/tf6server"
)

const address = "example.com/outboard/shelf"

func main() {
	debug := flag.Bool("debug", false, "serve for a debugger, and print TF_REATTACH_PROVIDERS")
	flag.Parse()
	var options []tf6server.ServeOpt
	if *debug {
		options = append(options, tf6server.WithManagedDebug())
	}
	shelf := &provider{}
	err := tf6server.Serve(address, func() tfprotov6.ProviderServer { return shelf }, options...)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
