// Package bench is what the benchmarks' host and plugin agree on, on the real
// go-plugin: the handshake, the name that is dispensed, and the glue.
package bench

import (
	"context"
	"fmt"

	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"outboard.test/interop/benchpb"
)

// PluginName is the only name a host dispenses.
const PluginName = "bench"

// Handshake must be identical on both sides, and is that of the Rust peers.
var Handshake = plugin.HandshakeConfig{
	ProtocolVersion:  1,
	MagicCookieKey:   "BENCH_PLUGIN",
	MagicCookieValue: "bench-plugin-v1",
}

// Plugin serves the benchmarks' services in a plugin and makes a Client in a
// host.
type Plugin struct {
	plugin.NetRPCUnsupportedPlugin
	// Serve makes the plugin's service; it is nil in a host.
	Serve func(*plugin.GRPCBroker) benchpb.BenchServer
}

// Client is what a host gets by dispensing PluginName.
type Client struct {
	Bench  benchpb.BenchClient
	Echo   benchpb.EchoClient
	Broker *plugin.GRPCBroker
}

// GRPCServer registers the services in a plugin.
func (p *Plugin) GRPCServer(broker *plugin.GRPCBroker, server *grpc.Server) error {
	benchpb.RegisterEchoServer(server, &Echo{})
	benchpb.RegisterBenchServer(server, p.Serve(broker))
	return nil
}

// GRPCClient wraps the connection in a host.
func (p *Plugin) GRPCClient(_ context.Context, broker *plugin.GRPCBroker, conn *grpc.ClientConn) (any, error) {
	return &Client{
		Bench:  benchpb.NewBenchClient(conn),
		Echo:   benchpb.NewEchoClient(conn),
		Broker: broker,
	}, nil
}

// Echo sends back what it gets.
type Echo struct {
	benchpb.UnimplementedEchoServer
}

// Echo implements benchpb.EchoServer.
func (*Echo) Echo(_ context.Context, request *benchpb.Payload) (*benchpb.Payload, error) {
	return &benchpb.Payload{Data: request.GetData()}, nil
}

// CallEcho makes one call and checks that what comes back has the right size.
func CallEcho(ctx context.Context, client benchpb.EchoClient, request *benchpb.Payload) error {
	answer, err := client.Echo(ctx, request)
	if err == nil && len(answer.GetData()) != len(request.GetData()) {
		err = fmt.Errorf("%d bytes came back instead of %d", len(answer.GetData()), len(request.GetData()))
	}
	return err
}
