package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"

	"outboard.test/interop/benchpb"
	"outboard.test/interop/internal/bench"
)

func payload() *benchpb.Payload {
	return &benchpb.Payload{Data: bytes.Repeat([]byte("x"), 100)}
}

// measureStreams sends as much as was asked for in each direction, once more
// than it measures.
func measureStreams(o options, client *bench.Client, f figures) error {
	if o.streams == 0 {
		return nil
	}
	var down, up []time.Duration
	for range o.streams + 1 {
		start := time.Now()
		if err := download(o, client.Bench); err != nil {
			return err
		}
		down = append(down, time.Since(start))
		start = time.Now()
		if err := upload(o, client.Bench); err != nil {
			return err
		}
		up = append(up, time.Since(start))
	}
	mebibytes := float64(o.chunks) * float64(o.chunkSize) / (1 << 20)
	f["down_mib_per_second"] = mebibytes / median(down[1:]).Seconds()
	f["up_mib_per_second"] = mebibytes / median(up[1:]).Seconds()
	return nil
}

func download(o options, client benchpb.BenchClient) error {
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	request := &benchpb.DownloadRequest{Chunks: uint32(o.chunks), ChunkSize: uint32(o.chunkSize)}
	stream, err := client.Download(ctx, request)
	if err != nil {
		return err
	}
	var arrived int
	for {
		chunk, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		arrived += len(chunk.GetData())
	}
	return complete(o, arrived)
}

func upload(o options, client benchpb.BenchClient) error {
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	stream, err := client.Upload(ctx)
	if err != nil {
		return err
	}
	chunk := &benchpb.Payload{Data: bytes.Repeat([]byte("x"), o.chunkSize)}
	for range o.chunks {
		if err := stream.Send(chunk); err != nil {
			return err
		}
	}
	answer, err := stream.CloseAndRecv()
	if err != nil {
		return err
	}
	return complete(o, int(answer.GetBytes()))
}

func complete(o options, arrived int) error {
	if wanted := o.chunks * o.chunkSize; arrived != wanted {
		return fmt.Errorf("%d bytes arrived instead of %d", arrived, wanted)
	}
	return nil
}

// counted is an Echo that knows how often it was called.
type counted struct {
	benchpb.UnimplementedEchoServer
	calls atomic.Int64
}

func (c *counted) Echo(_ context.Context, request *benchpb.Payload) (*benchpb.Payload, error) {
	c.calls.Add(1)
	return &benchpb.Payload{Data: request.GetData()}, nil
}

// measureBroker offers an Echo of its own to the plugin, which dials it and says
// how long that and the calls took.
func measureBroker(o options, client *bench.Client, f figures) error {
	if o.dials > 0 {
		var dials []time.Duration
		for range o.dials {
			answer, err := callBack(client, 0, 0)
			if err != nil {
				return err
			}
			dials = append(dials, time.Duration(answer.GetFirstNanos()))
		}
		f["brokered_dial_ms"] = micros(median(dials)) / 1e3
	}
	if o.brokered > 0 {
		answer, err := callBack(client, o.warmup, o.brokered)
		if err != nil {
			return err
		}
		f["brokered_p50_us"] = micros(time.Duration(answer.GetMedianNanos()))
	}
	return nil
}

func callBack(client *bench.Client, warmup, calls int) (*benchpb.CallBackAnswer, error) {
	echo := &counted{}
	id := client.Broker.NextId()
	made := make(chan *grpc.Server, 1)
	go client.Broker.AcceptAndServe(id, func(options []grpc.ServerOption) *grpc.Server {
		server := grpc.NewServer(options...)
		benchpb.RegisterEchoServer(server, echo)
		made <- server
		return server
	})
	ctx, cancel := context.WithTimeout(context.Background(), 2*deadline)
	defer cancel()
	request := &benchpb.CallBackRequest{
		BrokerId: id,
		Data:     payload().GetData(),
		Warmup:   uint32(warmup),
		Calls:    uint32(calls),
	}
	answer, err := client.Bench.CallBack(ctx, request)
	if err != nil {
		return nil, err
	}
	(<-made).Stop()
	if wanted := int64(1 + warmup + calls); echo.calls.Load() != wanted {
		return nil, fmt.Errorf("the plugin made %d calls instead of %d", echo.calls.Load(), wanted)
	}
	return answer, nil
}
