package matrixplugin

import (
	"context"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"outboard.test/interop/internal/contract"
	"outboard.test/interop/peerpb"
)

// store is a key-value store; the version is that of the set it is served in.
type store struct {
	version int

	mu     sync.Mutex
	values map[string][]byte
}

func (s *store) put(_ context.Context, request *peerpb.PutRequest) (*peerpb.PutResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.values[request.GetKey()] = request.GetValue()
	return &peerpb.PutResponse{}, nil
}

func (s *store) get(_ context.Context, request *peerpb.GetRequest) (*peerpb.GetResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	value, ok := s.values[request.GetKey()]
	if !ok {
		return nil, status.Errorf(codes.NotFound, "nobody put %q", request.GetKey())
	}
	return &peerpb.GetResponse{Value: value, Version: uint32(s.version)}, nil
}

// peer does what a host cannot see from outside.
type peer struct {
	broker *plugin.GRPCBroker

	mu sync.Mutex
	// hung says of every Hang whether it was cancelled.
	hung map[string]bool
}

func (*peer) echo(ctx context.Context, request *peerpb.EchoRequest) (*peerpb.EchoResponse, error) {
	incoming, _ := metadata.FromIncomingContext(ctx)
	for _, value := range incoming.Get("x-interop") {
		back, set := metadata.Pairs("x-interop", value), grpc.SetHeader
		if request.GetRefuse() {
			set = grpc.SetTrailer
		}
		if err := set(ctx, back); err != nil {
			return nil, err
		}
	}
	if request.GetRefuse() {
		return nil, status.Error(codes.Aborted, "refused")
	}
	return &peerpb.EchoResponse{
		Data:     make([]byte, request.GetAnswerBytes()),
		GotBytes: uint32(len(request.GetData())),
	}, nil
}

func (p *peer) hang(ctx context.Context, request *peerpb.HangRequest) (*peerpb.HangResponse, error) {
	p.note(request.GetName(), false)
	<-ctx.Done()
	p.note(request.GetName(), true)
	return nil, status.FromContextError(ctx.Err()).Err()
}

func (p *peer) note(name string, cancelled bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hung[name] = cancelled
}

func (p *peer) hungUp(_ context.Context, request *peerpb.HangRequest) (*peerpb.HungResponse, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	cancelled, begun := p.hung[request.GetName()]
	return &peerpb.HungResponse{Begun: begun, Cancelled: cancelled}, nil
}

func (p *peer) callBack(ctx context.Context, request *peerpb.CallBackRequest) (*peerpb.CallBackResponse, error) {
	time.Sleep(time.Duration(request.GetWaitMs()) * time.Millisecond)
	answers, err := contract.PingAll(ctx, p.broker, request.GetIds())
	response := &peerpb.CallBackResponse{Answers: uint32(answers)}
	if err != nil {
		response.Error = err.Error()
	}
	return response, nil
}

func (p *peer) offer(_ context.Context, request *peerpb.OfferRequest) (*peerpb.OfferResponse, error) {
	ids := make([]uint32, request.GetCount())
	for i := range ids {
		ids[i] = p.broker.NextId()
	}
	time.AfterFunc(time.Duration(request.GetWaitMs())*time.Millisecond, func() {
		for _, id := range ids {
			contract.ServePingPong(p.broker, id)
		}
	})
	return &peerpb.OfferResponse{Ids: ids}, nil
}

// disconnect finds the accepted connections by the address that they share with
// their listener.
func (*peer) disconnect(_ context.Context, request *peerpb.DisconnectRequest) (*peerpb.DisconnectResponse, error) {
	for fd := range 1024 {
		name, err := syscall.Getsockname(fd)
		if err != nil || text(name) != request.GetAddress() {
			continue
		}
		// Fails for the listener, which has no peer.
		if _, err := syscall.Getpeername(fd); err == nil {
			_ = syscall.Shutdown(fd, syscall.SHUT_RDWR)
		}
	}
	return &peerpb.DisconnectResponse{}, nil
}

func text(name syscall.Sockaddr) string {
	switch name := name.(type) {
	case *syscall.SockaddrUnix:
		return name.Name
	case *syscall.SockaddrInet4:
		return "127.0.0.1:" + strconv.Itoa(name.Port)
	}
	return ""
}
