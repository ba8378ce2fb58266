// Command go-bench is the Go side of the benchmark: a host on the real go-plugin
// that measures one plugin and prints the figures as one JSON object.
//
//	go-bench -tls -unary 20000 -calls 200000 -starts 20 PLUGIN
//
// A count of zero leaves its measurement out.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

// figures are what was measured, by the names that the Rust side has for them; a
// figure is absent if it was not asked for.
type figures map[string]float64

type options struct {
	service               string
	tls, mux              bool
	warmup                int
	unary, callers, calls int
	starts                int
	streams, chunks       int
	chunkSize             int
	dials, brokered       int
}

func main() {
	var o options
	flag.StringVar(&o.service, "service", "workflow", "what the plugin serves: workflow, bench or connector")
	flag.BoolVar(&o.tls, "tls", false, "AutoMTLS instead of plain text")
	flag.BoolVar(&o.mux, "mux", false, "brokered connections inside of the main one")
	flag.IntVar(&o.warmup, "warmup", 2000, "calls before anything is measured")
	flag.IntVar(&o.unary, "unary", 0, "calls one after the other")
	flag.IntVar(&o.callers, "callers", 64, "goroutines that call at once")
	flag.IntVar(&o.calls, "calls", 0, "calls that all callers make together")
	flag.IntVar(&o.starts, "starts", 0, "fresh starts up to the first answer")
	flag.IntVar(&o.streams, "streams", 0, "streams in each direction, of a connector results (not workflow)")
	flag.IntVar(&o.chunks, "chunks", 64, "chunks in a stream")
	flag.IntVar(&o.chunkSize, "chunk-size", 1<<20, "bytes in a chunk")
	flag.IntVar(&o.dials, "dials", 0, "connections that the plugin dials back (bench only)")
	flag.IntVar(&o.brokered, "brokered", 0, "calls on a connection that was dialed back (bench only)")
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
	f := figures{}
	if o.unary > 0 || o.calls > 0 || o.streams > 0 || o.dials > 0 || o.brokered > 0 {
		if err := measureRunning(o, program, f); err != nil {
			return nil, err
		}
	}
	if o.starts > 0 {
		if err := measureStarts(o, program, f); err != nil {
			return nil, err
		}
	}
	return f, nil
}

func measureRunning(o options, program string, f figures) error {
	plugin, err := start(o, program)
	if err != nil {
		return err
	}
	defer plugin.kill()
	if o.unary > 0 || o.calls > 0 {
		if err := measureCalls(o, plugin, f); err != nil {
			return err
		}
	}
	if o.streams == 0 && o.dials == 0 && o.brokered == 0 {
		return nil
	}
	if plugin.connector != nil {
		return measureResults(o, plugin.connector, f)
	}
	if plugin.bench == nil {
		return errors.New("the workflow service neither streams nor calls back")
	}
	if err := measureStreams(o, plugin.bench, f); err != nil {
		return err
	}
	return measureBroker(o, plugin.bench, f)
}

func measureCalls(o options, plugin *running, f figures) error {
	call, err := plugin.caller()
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
		f["unary_p50_us"] = micros(times[len(times)/2])
		f["unary_p99_us"] = micros(times[len(times)*99/100])
	}
	if o.calls > 0 {
		rate, err := together(o.callers, o.calls, call)
		if err != nil {
			return err
		}
		f["calls_per_second"] = rate
	}
	f["rss_mib"], err = residentMebibytes(plugin.pid())
	return err
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

func measureStarts(o options, program string, f figures) error {
	var starts, stops []time.Duration
	for range o.starts {
		begin := time.Now()
		plugin, err := start(o, program)
		if err != nil {
			return err
		}
		err = plugin.first()
		starts = append(starts, time.Since(begin))
		begin = time.Now()
		plugin.kill()
		stops = append(stops, time.Since(begin))
		if err != nil {
			return err
		}
	}
	f["start_ms"] = micros(median(starts)) / 1e3
	f["stop_ms"] = micros(median(stops)) / 1e3
	return nil
}

func residentMebibytes(pid int) (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		var size int
		if _, err := fmt.Sscanf(line, "VmRSS: %d kB", &size); err == nil {
			return float64(size) / 1024, nil
		}
	}
	return 0, fmt.Errorf("no VmRSS for process %d", pid)
}

func micros(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e3 }

func median(times []time.Duration) time.Duration {
	slices.Sort(times)
	return times[len(times)/2]
}
