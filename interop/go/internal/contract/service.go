package contract

import (
	"context"

	"google.golang.org/grpc"
)

// The services of peer.proto.
const (
	KvService   = "outboard.interop.v1.Kv"
	PeerService = "outboard.interop.v1.Peer"
)

// Service describes a service of unary methods.
func Service(name string, methods ...grpc.MethodDesc) *grpc.ServiceDesc {
	return &grpc.ServiceDesc{ServiceName: name, HandlerType: (*any)(nil), Methods: methods}
}

// Unary describes a method by the function that answers it.
func Unary[In, Out any](name string, answer func(context.Context, *In) (*Out, error)) grpc.MethodDesc {
	return grpc.MethodDesc{
		MethodName: name,
		Handler: func(_ any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
			request := new(In)
			if err := decode(request); err != nil {
				return nil, err
			}
			return answer(ctx, request)
		},
	}
}

// Invoke calls a method; method is the service, a slash and the method's name.
func Invoke[Out any](ctx context.Context, conn *grpc.ClientConn, method string, request any, options ...grpc.CallOption) (*Out, error) {
	answer := new(Out)
	if err := conn.Invoke(ctx, "/"+method, request, answer, options...); err != nil {
		return nil, err
	}
	return answer, nil
}
