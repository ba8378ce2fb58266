package larder

import (
	"context"
	"os"
	"strings"
	"sync"

	"outboard.test/interop/connectorpb"
	"outboard.test/interop/internal/connector"
)

// exitStatus is what a connector that dies ends with.
const exitStatus = 7

func count(_ context.Context, _ connector.Call, send connector.Sender) error {
	if err := send(&connectorpb.Chunk{Progress: 3, Total: 3, Message: "salt"}); err != nil {
		return err
	}
	return whole(send, "3")
}

// countAll also says each step, and parts of the result between them.
func countAll(_ context.Context, _ connector.Call, send connector.Sender) error {
	for jar, name := range []string{"plums", "peas", "salt"} {
		chunk := &connectorpb.Chunk{Data: []byte{"[3]"[jar]}, Progress: int32(jar + 1), Total: 3, Message: name}
		if err := send(chunk); err != nil {
			return err
		}
	}
	return send(&connectorpb.Chunk{Eof: true})
}

func whole(send connector.Sender, result string) error {
	if err := send(&connectorpb.Chunk{Data: []byte(result)}); err != nil {
		return err
	}
	return send(&connectorpb.Chunk{Eof: true})
}

func die(_ context.Context, _ connector.Call, send connector.Sender) error {
	if err := send(&connectorpb.Chunk{Progress: 1, Total: 2, Message: "the last jar"}); err != nil {
		return err
	}
	os.Exit(exitStatus)
	return nil
}

// waits are the calls that wait, and how many were given up.
type waits struct {
	mu      sync.Mutex
	ended   int
	changed chan struct{}
}

func newWaits() *waits { return &waits{changed: make(chan struct{})} }

// wait says that it waits, so that a host can give it up at a moment of its choice.
func (w *waits) wait(ctx context.Context, _ connector.Call, send connector.Sender) error {
	if err := send(&connectorpb.Chunk{Message: "waiting"}); err != nil {
		return err
	}
	<-ctx.Done()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended++
	close(w.changed)
	w.changed = make(chan struct{})
	return ctx.Err()
}

// cancelled answers once at least one wait was given up.
func (w *waits) cancelled(ctx context.Context, _ connector.Call) (any, error) {
	for {
		w.mu.Lock()
		ended, changed := w.ended, w.changed
		w.mu.Unlock()
		if ended > 0 {
			return ended, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// unlisted are answers that no SDK of ours makes, most of which break the contract.
func unlisted() []connector.Operation {
	answer := func(key string, run func(send connector.Sender) error) connector.Operation {
		return connector.Operation{Key: key, Stream: func(_ context.Context, _ connector.Call, send connector.Sender) error {
			return run(send)
		}}
	}
	return []connector.Operation{
		{Key: "count_all", Stream: countAll},
		answer("truncate", func(send connector.Sender) error {
			return send(&connectorpb.Chunk{Data: []byte(`"half of a`)})
		}),
		answer("garbage", func(send connector.Sender) error {
			return whole(send, "{no JSON")
		}),
		answer("silence", func(connector.Sender) error { return nil }),
		answer("flood", func(send connector.Sender) error {
			piece := []byte(strings.Repeat("x", 1<<20))
			for {
				if err := send(&connectorpb.Chunk{Data: piece}); err != nil {
					return err
				}
			}
		}),
	}
}
