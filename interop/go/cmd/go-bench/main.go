// Command go-bench is the Go side of the benchmark: a host on the real go-plugin
// that measures one plugin and prints the figures as one JSON object.
//
//	go-bench -unary 20000 -callers 64 -calls 200000 -starts 20 PLUGIN
//
// A count of zero leaves its measurement out.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/structpb"

	"outboard.test/interop/internal/workflowhost"
	"outboard.test/interop/workflowpb"
)

// payload makes a request of about 100 bytes, without its handle.
var payload = strings.Repeat("x", 100)

// figures are what was measured; a field is absent if it was not asked for.
type figures struct {
	UnaryP50Micros float64 `json:"unary_p50_us,omitempty"`
	UnaryP99Micros float64 `json:"unary_p99_us,omitempty"`
	CallsPerSecond float64 `json:"calls_per_second,omitempty"`
	StartMillis    float64 `json:"start_ms,omitempty"`
	KillMillis     float64 `json:"kill_ms,omitempty"`
	RSSKibibytes   int     `json:"rss_kib,omitempty"`
}

type options struct {
	warmup, unary, callers, calls, starts int
}

func main() {
	var o options
	flag.IntVar(&o.warmup, "warmup", 2000, "calls before anything is measured")
	flag.IntVar(&o.unary, "unary", 0, "calls one after the other")
	flag.IntVar(&o.callers, "callers", 64, "goroutines that call at once")
	flag.IntVar(&o.calls, "calls", 0, "calls that all callers make together")
	flag.IntVar(&o.starts, "starts", 0, "fresh starts up to the first answer")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: go-bench [OPTION...] PLUGIN")
		os.Exit(2)
	}
	measured, err := measure(o, flag.Arg(0))
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(measured)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "go-bench:", err)
		os.Exit(1)
	}
}

func measure(o options, program string) (figures, error) {
	var f figures
	if o.unary > 0 || o.calls > 0 {
		if err := measureCalls(o, program, &f); err != nil {
			return f, err
		}
	}
	if o.starts > 0 {
		if err := measureStarts(o, program, &f); err != nil {
			return f, err
		}
	}
	return f, nil
}

func measureCalls(o options, program string, f *figures) error {
	plugin, err := workflowhost.Start(program, nil, io.Discard)
	if err != nil {
		return err
	}
	defer plugin.Kill()
	call, err := caller(plugin)
	if err != nil {
		return err
	}
	for range o.warmup {
		if err := call(); err != nil {
			return err
		}
	}
	if o.unary > 0 {
		times := make([]time.Duration, o.unary)
		for i := range times {
			start := time.Now()
			if err := call(); err != nil {
				return err
			}
			times[i] = time.Since(start)
		}
		slices.Sort(times)
		f.UnaryP50Micros = micros(times[len(times)/2])
		f.UnaryP99Micros = micros(times[len(times)*99/100])
	}
	if o.calls > 0 {
		rate, err := together(o.callers, o.calls, call)
		if err != nil {
			return err
		}
		f.CallsPerSecond = rate
	}
	f.RSSKibibytes, err = residentKibibytes(plugin.PID())
	return err
}

// caller makes one step that echoes and a function that executes it once.
func caller(plugin *workflowhost.Host) (func() error, error) {
	ctx := context.Background()
	created, err := plugin.Plugin.CreateStep(ctx, &workflowpb.CreateStepRequest{Type: "step.echo", Name: "bench"})
	if err != nil {
		return nil, err
	}
	data, err := structpb.NewStruct(map[string]any{"payload": payload})
	if err != nil {
		return nil, err
	}
	request := &workflowpb.ExecuteStepRequest{HandleId: created.GetHandleId(), TriggerData: data}
	return func() error {
		ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
		defer cancel()
		answer, err := plugin.Plugin.ExecuteStep(ctx, request)
		if err == nil && answer.GetError() != "" {
			err = fmt.Errorf("the step failed: %s", answer.GetError())
		}
		return err
	}, nil
}

func together(callers, calls int, call func() error) (float64, error) {
	var group sync.WaitGroup
	errs := make(chan error, callers)
	start := time.Now()
	for range callers {
		group.Add(1)
		go func() {
			defer group.Done()
			for range calls / callers {
				if err := call(); err != nil {
					errs <- err
					return
				}
			}
		}()
	}
	group.Wait()
	elapsed := time.Since(start)
	select {
	case err := <-errs:
		return 0, err
	default:
		return float64(calls/callers*callers) / elapsed.Seconds(), nil
	}
}

func measureStarts(o options, program string, f *figures) error {
	var starts, kills []time.Duration
	for range o.starts {
		begin := time.Now()
		plugin, err := workflowhost.Start(program, nil, io.Discard)
		if err != nil {
			return err
		}
		_, err = plugin.Plugin.GetManifest(context.Background(), &emptypb.Empty{})
		starts = append(starts, time.Since(begin))
		begin = time.Now()
		plugin.Kill()
		kills = append(kills, time.Since(begin))
		if err != nil {
			return err
		}
	}
	f.StartMillis = median(starts)
	f.KillMillis = median(kills)
	return nil
}

func residentKibibytes(pid int) (int, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		var size int
		if _, err := fmt.Sscanf(line, "VmRSS: %d kB", &size); err == nil {
			return size, nil
		}
	}
	return 0, fmt.Errorf("no VmRSS for process %d", pid)
}

func micros(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e3 }

func median(times []time.Duration) float64 {
	slices.Sort(times)
	return float64(times[len(times)/2].Nanoseconds()) / 1e6
}
