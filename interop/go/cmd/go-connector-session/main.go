// Command go-connector-session is the connector that the recorded session was made with,
// written again: what it answers to the recorded calls tells whether internal/connector
// behaves as the original does.
package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"outboard.test/interop/internal/connector"
)

// The module uses every field once; the original printed it.
//
//go:embed module.json
var description []byte

func main() {
	module := &connector.Module{}
	if err := json.Unmarshal(description, module); err != nil {
		fmt.Fprintln(os.Stderr, "module.json:", err)
		os.Exit(1)
	}
	module.Operations[0].Ops[0].Run = say
	module.ResolveIdentity = identity
	connector.Version = "1.2.3"
	connector.Serve(module, connector.MinProtoVersion, connector.ProtoVersion)
}

func say(_ context.Context, call connector.Call) (any, error) {
	text := call.Args["text"]
	switch text {
	case "fail":
		return nil, errors.New("the service said no")
	case "unmarshalable":
		return make(chan int), nil
	case "null":
		return nil, nil
	case "big":
		return strings.Repeat("x", 2621440), nil
	}
	times, _ := strconv.Atoi(call.Args["times"])
	loud, _ := strconv.ParseBool(call.Args["loud"])
	return map[string]any{
		"said":  text,
		"times": times,
		"loud":  loud,
		"base":  call.Creds["base_url"],
		"html":  "<a & b>",
	}, nil
}

func identity(_ context.Context, token string) (id, name string, err error) {
	if token == "bad" {
		return "", "", errors.New("token rejected")
	}
	return "u-1", "Ada", nil
}
