package matrixplugin

import (
	"os"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"

	grpctest "github.com/hashicorp/go-plugin/test/grpc"

	"outboard.test/interop/internal/contract"
)

// Serve is the main function of the plugin: it serves the store and the tests in
// each of the protocol versions. A server with an age cuts its connections once they
// are so old; zero is never.
func Serve(versions []int, age time.Duration) {
	// Made before Serve replaces os.Stderr: this is the channel on which a host
	// expects log lines.
	logger := hclog.New(&hclog.LoggerOptions{
		Name:       "matrix",
		Level:      hclog.Trace,
		Output:     os.Stderr,
		JSONFormat: true,
	})
	register := func(version int, broker *plugin.GRPCBroker, server *grpc.Server) {
		grpctest.RegisterTestServer(server, &testServer{logger: logger, broker: broker})
		store := &store{version: version, values: map[string][]byte{}}
		server.RegisterService(contract.Service(contract.KvService,
			contract.Unary("Put", store.put),
			contract.Unary("Get", store.get),
		), store)
		peer := &peer{broker: broker, hung: map[string]bool{}}
		server.RegisterService(contract.Service(contract.PeerService,
			contract.Unary("Echo", peer.echo),
			contract.Unary("Hang", peer.hang),
			contract.Unary("Hung", peer.hungUp),
			contract.Unary("CallBack", peer.callBack),
			contract.Unary("Offer", peer.offer),
			contract.Unary("Disconnect", peer.disconnect),
		), peer)
	}
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig:  contract.Handshake,
		VersionedPlugins: contract.Versions(versions, register),
		GRPCServer: func(options []grpc.ServerOption) *grpc.Server {
			if age > 0 {
				options = append(options, grpc.KeepaliveParams(keepalive.ServerParameters{
					MaxConnectionAge:      age,
					MaxConnectionAgeGrace: age,
				}))
			}
			return plugin.DefaultGRPCServer(options)
		},
	})
}
