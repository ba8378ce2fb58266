package connector

import (
	"context"
	"encoding/json"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"outboard.test/interop/connectorpb"
)

// chunkSize is the most that one message of a streamed result carries.
const chunkSize = 1 << 20

// Sender takes the messages of a streamed answer.
type Sender func(*connectorpb.Chunk) error

// Server answers a host's calls with a module.
type Server struct {
	connectorpb.UnimplementedConnectorServer
	module     *Module
	schema     []byte
	operations map[string]Operation
}

// NewServer makes the service of a module.
func NewServer(module *Module) (*Server, error) {
	schema, err := json.Marshal(module)
	if err != nil {
		return nil, err
	}
	return &Server{module: module, schema: schema, operations: module.operations()}, nil
}

// Schema implements connectorpb.ConnectorServer.
func (s *Server) Schema(context.Context, *connectorpb.SchemaRequest) (*connectorpb.SchemaResponse, error) {
	return &connectorpb.SchemaResponse{ManifestJson: s.schema}, nil
}

// Execute implements connectorpb.ConnectorServer.
func (s *Server) Execute(ctx context.Context, request *connectorpb.ExecuteRequest) (*connectorpb.ExecuteResponse, error) {
	operation, call, failure := s.prepare(request)
	if failure != nil {
		return &connectorpb.ExecuteResponse{Error: failure}, nil
	}
	if operation.Stream != nil {
		var result []byte
		err := operation.Stream(ctx, call, func(chunk *connectorpb.Chunk) error {
			result = append(result, chunk.GetData()...)
			return nil
		})
		return &connectorpb.ExecuteResponse{ResultJson: result}, err
	}
	result, failure := run(ctx, operation, call)
	return &connectorpb.ExecuteResponse{ResultJson: result, Error: failure}, nil
}

// ExecuteStream implements connectorpb.ConnectorServer.
func (s *Server) ExecuteStream(request *connectorpb.ExecuteRequest, stream grpc.ServerStreamingServer[connectorpb.Chunk]) error {
	operation, call, failure := s.prepare(request)
	if failure != nil {
		return stream.Send(&connectorpb.Chunk{Error: failure})
	}
	if operation.Stream != nil {
		return operation.Stream(stream.Context(), call, stream.Send)
	}
	result, failure := run(stream.Context(), operation, call)
	if failure != nil {
		return stream.Send(&connectorpb.Chunk{Error: failure})
	}
	for len(result) > 0 {
		size := min(len(result), chunkSize)
		if err := stream.Send(&connectorpb.Chunk{Data: result[:size]}); err != nil {
			return err
		}
		result = result[size:]
	}
	return stream.Send(&connectorpb.Chunk{Eof: true})
}

// CheckPermissions implements connectorpb.ConnectorServer.
func (s *Server) CheckPermissions(ctx context.Context, request *connectorpb.PermsRequest) (*connectorpb.PermsResponse, error) {
	if s.module.CheckPermissions == nil {
		return nil, status.Error(codes.Unimplemented, "method CheckPermissions not implemented")
	}
	permissions, err := s.module.CheckPermissions(ctx, request.GetCreds())
	if err != nil {
		return &connectorpb.PermsResponse{Error: failed("exec_error", err)}, nil
	}
	answer := &connectorpb.PermsResponse{}
	for _, permission := range permissions {
		answer.Ops = append(answer.Ops, &connectorpb.OpHealth{Key: permission.Key, Ok: permission.OK, Reason: permission.Reason})
	}
	return answer, nil
}

// ResolveIdentity implements connectorpb.ConnectorServer.
func (s *Server) ResolveIdentity(ctx context.Context, request *connectorpb.IdentityRequest) (*connectorpb.IdentityResponse, error) {
	if s.module.ResolveIdentity == nil {
		return &connectorpb.IdentityResponse{Error: &connectorpb.Error{Code: "no_oauth", Message: "it has no users"}}, nil
	}
	id, name, err := s.module.ResolveIdentity(ctx, request.GetAccessToken())
	if err != nil {
		return &connectorpb.IdentityResponse{Error: failed("identity_error", err)}, nil
	}
	return &connectorpb.IdentityResponse{UserId: id, DisplayName: name}, nil
}

// Health implements connectorpb.ConnectorServer.
func (s *Server) Health(context.Context, *connectorpb.HealthRequest) (*connectorpb.HealthResponse, error) {
	return &connectorpb.HealthResponse{Healthy: true, Detail: s.module.Detail}, nil
}

func (s *Server) prepare(request *connectorpb.ExecuteRequest) (Operation, Call, *connectorpb.Error) {
	call := Call{
		Operation: request.GetOperation(),
		Args:      map[string]string{},
		Creds:     request.GetCreds(),
		RequestID: request.GetRequestId(),
		SessionID: request.GetSessionId(),
	}
	operation, known := s.operations[call.Operation]
	if !known {
		return operation, call, &connectorpb.Error{Code: "unknown_operation", Message: call.Operation}
	}
	if operation.Run == nil && operation.Stream == nil {
		return operation, call, &connectorpb.Error{Code: "no_handler", Message: call.Operation}
	}
	if text := request.GetArgsJson(); len(text) > 0 {
		if err := json.Unmarshal(text, &call.Args); err != nil {
			return operation, call, failed("bad_args", err)
		}
	}
	return operation, call, nil
}

func run(ctx context.Context, operation Operation, call Call) ([]byte, *connectorpb.Error) {
	value, err := operation.Run(ctx, call)
	if err != nil {
		return nil, failed("exec_error", err)
	}
	result, err := json.Marshal(value)
	if err != nil {
		return nil, failed("marshal_error", err)
	}
	return result, nil
}

func failed(code string, err error) *connectorpb.Error {
	return &connectorpb.Error{Code: code, Message: err.Error()}
}
