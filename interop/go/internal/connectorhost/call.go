package connectorhost

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"outboard.test/interop/connectorpb"
)

// shownBytes is the longest result that an answer shows whole.
const shownBytes = 4096

// Call makes one RPC with JSON on both ends. A request's "args" are an object, or in
// "args_json" any text at all.
func (h *Host) Call(ctx context.Context, method string, request map[string]any) (map[string]any, error) {
	switch method {
	case "Schema":
		answer, err := h.Client.Schema(ctx, &connectorpb.SchemaRequest{})
		if err != nil {
			return nil, err
		}
		module, err := parsed(answer.GetManifestJson())
		return map[string]any{"module": module}, err
	case "Execute":
		call, err := executeRequest(request)
		if err != nil {
			return nil, err
		}
		answer, err := h.Client.Execute(ctx, call)
		if err != nil {
			return nil, err
		}
		return outcome(answer.GetResultJson(), answer.GetError())
	case "ExecuteStream":
		call, err := executeRequest(request)
		if err != nil {
			return nil, err
		}
		giveUp, _ := request["give_up_after"].(float64)
		return h.stream(ctx, call, int(giveUp))
	case "CheckPermissions":
		answer, err := h.Client.CheckPermissions(ctx, &connectorpb.PermsRequest{Creds: texts(request["creds"])})
		return fields(answer, err)
	case "ResolveIdentity":
		token, _ := request["access_token"].(string)
		answer, err := h.Client.ResolveIdentity(ctx, &connectorpb.IdentityRequest{AccessToken: token})
		return fields(answer, err)
	case "Health":
		answer, err := h.Client.Health(ctx, &connectorpb.HealthRequest{})
		return fields(answer, err)
	}
	return nil, fmt.Errorf("the Go host knows no %s", method)
}

// stream puts a streamed result together; with giveUp it stops wanting it after so many
// messages.
func (h *Host) stream(ctx context.Context, call *connectorpb.ExecuteRequest, giveUp int) (map[string]any, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := h.Client.ExecuteStream(ctx, call)
	if err != nil {
		return nil, err
	}
	var result []byte
	var sizes, progress []any
	for messages := 1; ; messages++ {
		chunk, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil, status.Error(codes.DataLoss, "the stream ended before the result did")
		}
		if err != nil {
			return nil, err
		}
		result = append(result, chunk.GetData()...)
		if size := len(chunk.GetData()); size > 0 {
			sizes = append(sizes, size)
		}
		if chunk.GetProgress() != 0 || chunk.GetTotal() != 0 || chunk.GetMessage() != "" {
			progress = append(progress, map[string]any{
				"progress": chunk.GetProgress(), "total": chunk.GetTotal(), "message": chunk.GetMessage(),
			})
		}
		if chunk.GetEof() || chunk.GetError() != nil {
			value, err := outcome(result, chunk.GetError())
			if err == nil && sizes != nil {
				value["chunks"] = sizes
			}
			if err == nil && progress != nil {
				value["progress"] = progress
			}
			return value, err
		}
		if messages == giveUp {
			cancel()
		}
	}
}

// outcome shows a result, or its size and digest if it is long, and an operation's error.
func outcome(result []byte, failure *connectorpb.Error) (map[string]any, error) {
	value := map[string]any{}
	if failure != nil {
		shown, err := fields(failure, nil)
		if err != nil {
			return nil, err
		}
		value["error"] = shown
	}
	switch {
	case len(result) > shownBytes:
		digest := sha256.Sum256(result)
		value["result_bytes"] = len(result)
		value["result_sha256"] = hex.EncodeToString(digest[:])
	case len(result) > 0:
		shown, err := parsed(result)
		if err != nil {
			return nil, err
		}
		value["result"] = shown
	}
	return value, nil
}

func executeRequest(request map[string]any) (*connectorpb.ExecuteRequest, error) {
	text := func(key string) string {
		value, _ := request[key].(string)
		return value
	}
	call := &connectorpb.ExecuteRequest{
		Operation: text("operation"),
		ArgsJson:  []byte(text("args_json")),
		Creds:     texts(request["creds"]),
		RequestId: text("request_id"),
		SessionId: text("session_id"),
	}
	if args, ok := request["args"]; ok {
		encoded, err := json.Marshal(args)
		if err != nil {
			return nil, err
		}
		call.ArgsJson = encoded
	}
	return call, nil
}

func texts(object any) map[string]string {
	found := map[string]string{}
	values, _ := object.(map[string]any)
	for key, value := range values {
		if text, ok := value.(string); ok {
			found[key] = text
		}
	}
	return found
}

func parsed(text []byte) (any, error) {
	var value any
	if err := json.Unmarshal(text, &value); err != nil {
		return nil, status.Errorf(codes.DataLoss, "the result is no JSON: %v", err)
	}
	return value, nil
}

// fields are a message's, unset ones left out.
func fields(message proto.Message, err error) (map[string]any, error) {
	if err != nil {
		return nil, err
	}
	text, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(message)
	if err != nil {
		return nil, err
	}
	value := map[string]any{}
	return value, json.Unmarshal(text, &value)
}
