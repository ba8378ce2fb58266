// Command go-plugin-bench is the plugin for the rows of the benchmarks that
// stream or use the broker, on the real go-plugin.
package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"time"

	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"outboard.test/interop/benchpb"
	"outboard.test/interop/internal/bench"
)

type server struct {
	benchpb.UnimplementedBenchServer
	broker *plugin.GRPCBroker
}

func (*server) Download(request *benchpb.DownloadRequest, stream grpc.ServerStreamingServer[benchpb.Payload]) error {
	chunk := &benchpb.Payload{Data: bytes.Repeat([]byte("x"), int(request.GetChunkSize()))}
	for range request.GetChunks() {
		if err := stream.Send(chunk); err != nil {
			return err
		}
	}
	return nil
}

func (*server) Upload(stream grpc.ClientStreamingServer[benchpb.Payload, benchpb.UploadAnswer]) error {
	answer := &benchpb.UploadAnswer{}
	for {
		chunk, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return stream.SendAndClose(answer)
		}
		if err != nil {
			return err
		}
		answer.Chunks++
		answer.Bytes += uint64(len(chunk.GetData()))
	}
}

func (s *server) CallBack(ctx context.Context, request *benchpb.CallBackRequest) (*benchpb.CallBackAnswer, error) {
	payload := &benchpb.Payload{Data: request.GetData()}
	start := time.Now()
	conn, err := s.broker.Dial(request.GetBrokerId())
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	client := benchpb.NewEchoClient(conn)
	call := func() error {
		ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
		defer cancel()
		return bench.CallEcho(ctx, client, payload)
	}
	if err := call(); err != nil {
		return nil, err
	}
	answer := &benchpb.CallBackAnswer{FirstNanos: uint64(time.Since(start).Nanoseconds())}
	for range request.GetWarmup() {
		if err := call(); err != nil {
			return nil, err
		}
	}
	times := make([]time.Duration, request.GetCalls())
	for i := range times {
		start := time.Now()
		if err := call(); err != nil {
			return nil, err
		}
		times[i] = time.Since(start)
	}
	if len(times) > 0 {
		slices.Sort(times)
		answer.MedianNanos = uint64(times[len(times)/2].Nanoseconds())
	}
	return answer, nil
}

func main() {
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig: bench.Handshake,
		Plugins: plugin.PluginSet{bench.PluginName: &bench.Plugin{
			Serve: func(broker *plugin.GRPCBroker) benchpb.BenchServer { return &server{broker: broker} },
		}},
		GRPCServer: plugin.DefaultGRPCServer,
	})
}
