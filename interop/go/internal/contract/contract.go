// Package contract is what a host and a plugin of the interop matrix agree on: the
// handshake, the services and the go-plugin glue. It compiles with every version of
// go-plugin that the matrix has; what differs between them is in version_*.go.
package contract

import (
	"context"

	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	grpctest "github.com/hashicorp/go-plugin/test/grpc"
)

// PluginName is the only name a host dispenses.
const PluginName = "matrix"

// Handshake must be identical on both sides.
var Handshake = plugin.HandshakeConfig{
	ProtocolVersion:  1,
	MagicCookieKey:   "MATRIX_PLUGIN",
	MagicCookieValue: "interop-matrix",
}

// Plugin is one protocol version of the plugin, at either end.
type Plugin struct {
	plugin.NetRPCUnsupportedPlugin
	// Version is the protocol version of the set that it belongs to.
	Version int
	// Register adds the plugin's services; nil in a host.
	Register func(version int, broker *plugin.GRPCBroker, server *grpc.Server)
}

// Client is what a host gets by dispensing PluginName.
type Client struct {
	// Conn is the main connection.
	Conn *grpc.ClientConn
	// Broker opens further ones.
	Broker *plugin.GRPCBroker
}

// GRPCServer registers the services in a plugin.
func (p *Plugin) GRPCServer(broker *plugin.GRPCBroker, server *grpc.Server) error {
	p.Register(p.Version, broker, server)
	return nil
}

// GRPCClient wraps the connection in a host.
func (p *Plugin) GRPCClient(_ context.Context, broker *plugin.GRPCBroker, conn *grpc.ClientConn) (any, error) {
	return &Client{Conn: conn, Broker: broker}, nil
}

// Versions makes a plugin set for every protocol version.
func Versions(versions []int, register func(int, *plugin.GRPCBroker, *grpc.Server)) map[int]plugin.PluginSet {
	sets := make(map[int]plugin.PluginSet, len(versions))
	for _, version := range versions {
		sets[version] = plugin.PluginSet{PluginName: &Plugin{Version: version, Register: register}}
	}
	return sets
}

// PingPong is what either end serves on brokered connections.
type PingPong struct{ pingPong }

// Ping answers that somebody is there.
func (*PingPong) Ping(context.Context, *grpctest.PingRequest) (*grpctest.PongResponse, error) {
	return &grpctest.PongResponse{Msg: "pong"}, nil
}

// Ping asks on a brokered connection whether PingPong is there.
func Ping(ctx context.Context, broker *plugin.GRPCBroker, id uint32) (string, error) {
	conn, err := broker.Dial(id)
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close() }()
	answer, err := grpctest.NewPingPongClient(conn).Ping(ctx, &grpctest.PingRequest{})
	return answer.GetMsg(), err
}

// ServePingPong accepts on a broker id until the broker closes or stop is called.
func ServePingPong(broker *plugin.GRPCBroker, id uint32) (stop func()) {
	servers := make(chan *grpc.Server, 1)
	go broker.AcceptAndServe(id, func(options []grpc.ServerOption) *grpc.Server {
		server := grpc.NewServer(options...)
		grpctest.RegisterPingPongServer(server, &PingPong{})
		servers <- server
		return server
	})
	return func() {
		select {
		case server := <-servers:
			server.Stop()
		default:
			// It never came so far as to serve.
		}
	}
}

// PingAll pings many brokered connections at once; it returns how many answered and
// what the first that did not said.
func PingAll(ctx context.Context, broker *plugin.GRPCBroker, ids []uint32) (answers int, first error) {
	type result struct {
		msg string
		err error
	}
	results := make(chan result, len(ids))
	for _, id := range ids {
		go func(id uint32) {
			msg, err := Ping(ctx, broker, id)
			results <- result{msg, err}
		}(id)
	}
	for range ids {
		switch result := <-results; {
		case result.err == nil && result.msg == "pong":
			answers++
		case first == nil:
			first = result.err
		}
	}
	return answers, first
}
