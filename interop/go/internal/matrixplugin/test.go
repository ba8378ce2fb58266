// Package matrixplugin is the plugin of the interop matrix on the real go-plugin. Its
// Rust twin is src/bin/matrix-plugin.rs.
package matrixplugin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/protobuf/types/known/emptypb"

	grpctest "github.com/hashicorp/go-plugin/test/grpc"

	"outboard.test/interop/internal/contract"
)

// testServer answers go-plugin's own test service.
type testServer struct {
	contract.Panicking

	logger hclog.Logger
	broker *plugin.GRPCBroker
}

func (*testServer) Double(_ context.Context, request *grpctest.TestRequest) (*grpctest.TestResponse, error) {
	return &grpctest.TestResponse{Output: 2 * request.GetInput()}, nil
}

func (s *testServer) PrintKV(_ context.Context, request *grpctest.PrintKVRequest) (*grpctest.PrintKVResponse, error) {
	var value any = request.GetValueString()
	if number, ok := request.GetValue().(*grpctest.PrintKVRequest_ValueInt); ok {
		value = number.ValueInt
	}
	s.logger.Info("a key and a value", "key", request.GetKey(), "value", value)
	return &grpctest.PrintKVResponse{}, nil
}

func (s *testServer) Bidirectional(ctx context.Context, request *grpctest.BidirectionalRequest) (*grpctest.BidirectionalResponse, error) {
	if msg, err := contract.Ping(ctx, s.broker, request.GetId()); err != nil || msg != "pong" {
		return nil, fmt.Errorf("the plugin cannot ping the host, which said %q: %w", msg, err)
	}
	id := s.broker.NextId()
	contract.ServePingPong(s.broker, id)
	return &grpctest.BidirectionalResponse{Id: id}, nil
}

func (*testServer) Stream(stream grpctest.Test_StreamServer) error {
	for {
		request, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := stream.Send(&grpctest.TestResponse{Output: request.GetInput()}); err != nil {
			return err
		}
	}
}

func (*testServer) PrintStdio(_ context.Context, request *grpctest.PrintStdioRequest) (*emptypb.Empty, error) {
	if _, err := os.Stdout.Write(request.GetStdout()); err != nil {
		return nil, err
	}
	_, err := os.Stderr.Write(request.GetStderr())
	return &emptypb.Empty{}, err
}
