// Package larder is the connector of the shared list of cases: it has OAuth, permissions,
// an identity and a health, echoes, fails, reports progress, waits, and dies. The module is
// the same as that of rust-connector, which stands on our SDK.
package larder

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"outboard.test/interop/internal/connector"
)

// New makes the module.
func New() *connector.Module {
	w := newWaits()
	return &connector.Module{
		Meta: connector.Meta{
			Key:         "larder",
			Name:        "Larder",
			Description: "Jars & <labels>, for every kind of call.",
			Icon:        "🫙",
			DefaultTags: []connector.Tag{{Name: "Lab", Description: "For tests.", IsGroup: true, SortOrder: 7}},
		},
		Configs: []connector.Config{
			{Key: "base_url", Value: "https://larder.test", Type: "url", Required: true, Description: "Where the jars are."},
			{Key: "api_key", Type: "secret", IsSecret: true, Description: "Opens them."},
		},
		Operations: []connector.Category{
			{Title: "Jars", Description: "What works.", Ops: []connector.Operation{
				{
					Key: "echo", Name: "Echo", Description: "Gives back what it got.",
					Input: []connector.Config{
						{Key: "text", Type: "textarea", Required: true, Description: "Any text."},
						{Key: "times", Value: "1", Type: "number"},
						{Key: "loud", Value: "false", Type: "checkbox"},
					},
					Docs: connector.Docs{InputSample: `{"text":"hi"}`},
					Run:  echo,
				},
				{
					Key: "big", Name: "Big", Description: "A long text.",
					Input: []connector.Config{{Key: "bytes", Value: "2097152", Type: "number"}},
					Run:   big,
				},
				{Key: "count", Name: "Count", Description: "Three jars, and how far it is.", Stream: count},
				{Key: "wipe", Name: "Wipe", Description: "Empties the larder.", Destructive: true, Run: wipe},
			}},
			{Title: "Trouble", Description: "What does not.", Ops: []connector.Operation{
				{Key: "fail", Name: "Fail", Description: "Fails.", Run: fail},
				{Key: "wait", Name: "Wait", Description: "Waits until nobody wants the answer.", Stream: w.wait},
				{Key: "cancelled", Name: "Cancelled", Description: "How many waits nobody wanted.", Run: w.cancelled},
				{Key: "die", Name: "Die", Description: "Ends the process in the middle of an answer.", Stream: die},
				{Key: "panic", Name: "Panic", Description: "Panics.", Run: burn},
			}},
		},
		OAuth: &connector.OAuth{
			AuthorizeURL: "https://id.larder.test/authorize",
			TokenURL:     "https://id.larder.test/token",
			ExtraParams:  map[string]string{"access_type": "offline"},
			Scopes:       "jars.read jars.write",
			DisplayName:  "Larder",
			Icon:         "🔑",
		},
		AllowSessionConfig: true,
		DefaultAccess:      connector.Access{EnableSSO: true, MultiAccount: true},
		ResolveIdentity:    identity,
		CheckPermissions:   permissions,
		Detail:             "all jars are closed",
		Unlisted:           unlisted(),
	}
}

func echo(_ context.Context, call connector.Call) (any, error) {
	return map[string]any{
		"operation":  call.Operation,
		"args":       call.Args,
		"creds":      orEmpty(call.Creds),
		"request_id": call.RequestID,
		"session_id": call.SessionID,
	}, nil
}

func orEmpty(values map[string]string) map[string]string {
	if values == nil {
		return map[string]string{}
	}
	return values
}

func big(_ context.Context, call connector.Call) (any, error) {
	size := 2 << 20
	if text := call.Args["bytes"]; text != "" {
		if _, err := fmt.Sscan(text, &size); err != nil {
			return nil, err
		}
	}
	return strings.Repeat("x", size), nil
}

func wipe(context.Context, connector.Call) (any, error) { return nil, nil }

func fail(context.Context, connector.Call) (any, error) {
	return nil, errors.New("the shelf is empty")
}

func burn(context.Context, connector.Call) (any, error) { panic("the larder is on fire") }

func identity(_ context.Context, token string) (id, name string, err error) {
	if token != "good" {
		return "", "", errors.New("nobody has that token")
	}
	return "u-1", "Ada", nil
}

// permissions refuses what destroys to everybody without the master key.
func permissions(_ context.Context, creds map[string]string) ([]connector.Permission, error) {
	switch creds["api_key"] {
	case "":
		return nil, errors.New("there is no api_key")
	case "master":
		return []connector.Permission{{Key: "echo", OK: true}, {Key: "wipe", OK: true}}, nil
	}
	return []connector.Permission{{Key: "echo", OK: true}, {Key: "wipe", Reason: "only the master key wipes"}}, nil
}
