//go:build !goplugin_1_4_3

package contract

import (
	"context"

	"github.com/hashicorp/go-plugin"
	"google.golang.org/protobuf/types/known/emptypb"

	grpctest "github.com/hashicorp/go-plugin/test/grpc"
)

type pingPong struct {
	grpctest.UnimplementedPingPongServer
}

// Panicking is the part of the test service that old versions do not have.
type Panicking struct{}

// Panic panics.
func (Panicking) Panic(_ context.Context, request *grpctest.PanicRequest) (*emptypb.Empty, error) {
	panic(request.GetMessage())
}

// Multiplex makes the host ask for a multiplexed broker.
func Multiplex(config *plugin.ClientConfig) error {
	config.GRPCBrokerMultiplex = true
	return nil
}
