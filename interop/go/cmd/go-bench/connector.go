package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"outboard.test/interop/connectorpb"
)

// executeRequest asks a connector as a host of the family does, with the input as JSON.
func executeRequest(operation string, input map[string]string) (*connectorpb.ExecuteRequest, error) {
	args, err := json.Marshal(input)
	return &connectorpb.ExecuteRequest{
		Operation: operation,
		ArgsJson:  args,
		Creds:     map[string]string{"base_url": "https://larder.test", "api_key": "k"},
		RequestId: "bench",
	}, err
}

// echoOnce lets the larder echo 100 bytes.
func echoOnce(client connectorpb.ConnectorClient) error {
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	text := strings.Repeat("x", 100)
	request, err := executeRequest("echo", map[string]string{"text": text})
	if err != nil {
		return err
	}
	answer, err := client.Execute(ctx, request)
	if err != nil {
		return err
	}
	if failure := answer.GetError(); failure != nil {
		return fmt.Errorf("the operation failed: %s", failure.GetMessage())
	}
	if !bytes.Contains(answer.GetResultJson(), []byte(text)) {
		return errors.New("the operation did not echo what it got")
	}
	return nil
}

// measureResults asks for a long result, once more than it measures, and puts its pieces
// together.
func measureResults(o options, client connectorpb.ConnectorClient, f figures) error {
	var times []time.Duration
	for i := range o.streams + 1 {
		start := time.Now()
		result, err := longResult(client, o.chunks*o.chunkSize)
		if err != nil {
			return err
		}
		if i > 0 {
			times = append(times, time.Since(start))
		}
		// The text and its quotes.
		if wanted := o.chunks*o.chunkSize + 2; len(result) != wanted {
			return fmt.Errorf("%d bytes arrived instead of %d", len(result), wanted)
		}
	}
	mebibytes := float64(o.chunks*o.chunkSize) / (1 << 20)
	f["down_mib_per_second"] = mebibytes / median(times).Seconds()
	return nil
}

func longResult(client connectorpb.ConnectorClient, size int) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	request, err := executeRequest("big", map[string]string{"bytes": strconv.Itoa(size)})
	if err != nil {
		return nil, err
	}
	stream, err := client.ExecuteStream(ctx, request)
	if err != nil {
		return nil, err
	}
	var result []byte
	for {
		chunk, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil, errors.New("the stream ended before the result did")
		}
		if err != nil {
			return nil, err
		}
		if failure := chunk.GetError(); failure != nil {
			return nil, fmt.Errorf("the operation failed: %s", failure.GetMessage())
		}
		result = append(result, chunk.GetData()...)
		if chunk.GetEof() {
			return result, nil
		}
	}
}
