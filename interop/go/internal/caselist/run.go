package caselist

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/known/emptypb"

	"outboard.test/interop/internal/workflow"
	"outboard.test/interop/workflowpb"
)

// Deadline is what a call gets when its case does not say.
const Deadline = 20 * time.Second

// Process answers the calls that begin with "Host.".
type Process interface {
	Call(ctx context.Context, name string, request map[string]any) (map[string]any, error)
}

// Run makes every call in order. A call that fails is a result like any other.
func Run(cases []Case, client *workflow.Client, process Process) []Result {
	handles := map[string]string{}
	results := make([]Result, 0, len(cases))
	for _, c := range cases {
		deadline := Deadline
		if c.DeadlineMS > 0 {
			deadline = time.Duration(c.DeadlineMS) * time.Millisecond
		}
		ctx, cancel := context.WithTimeout(context.Background(), deadline)
		request, _ := expand(c.Request, handles).(map[string]any)
		var value map[string]any
		var err error
		if name, ok := strings.CutPrefix(c.Call, "Host."); ok {
			value, err = process.Call(ctx, name, request)
		} else {
			value, err = call(ctx, client, c.Call, request)
		}
		cancel()
		result := Result{Case: c.Name, Status: status.Code(err).String(), Value: value}
		if err != nil {
			result.Value = nil
			result.Error = status.Convert(err).Message()
		}
		if handle, ok := value["handle_id"].(string); ok && c.Keep != "" {
			handles[c.Keep] = handle
		}
		results = append(results, result)
	}
	return results
}

// call makes one RPC with JSON on both ends.
func call(ctx context.Context, client *workflow.Client, method string, request map[string]any) (map[string]any, error) {
	if name, ok := strings.CutPrefix(method, "Engine."); ok {
		return client.Engine.Call(ctx, name, request)
	}
	service := workflowpb.File_plugin_proto.Services().ByName("PluginService")
	var in, out proto.Message = &emptypb.Empty{}, &emptypb.Empty{}
	if descriptor := service.Methods().ByName(protoreflect.Name(method)); descriptor != nil {
		var err error
		if in, err = newMessage(descriptor.Input()); err != nil {
			return nil, err
		}
		if out, err = newMessage(descriptor.Output()); err != nil {
			return nil, err
		}
	}
	if len(request) > 0 {
		text, err := json.Marshal(request)
		if err != nil {
			return nil, err
		}
		if err := protojson.Unmarshal(text, in); err != nil {
			return nil, err
		}
	}
	if err := client.Conn.Invoke(ctx, fmt.Sprintf("/%s/%s", service.FullName(), method), in, out); err != nil {
		return nil, err
	}
	text, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(out)
	if err != nil {
		return nil, err
	}
	value := map[string]any{}
	return value, json.Unmarshal(text, &value)
}

func newMessage(descriptor protoreflect.MessageDescriptor) (proto.Message, error) {
	kind, err := protoregistry.GlobalTypes.FindMessageByName(descriptor.FullName())
	if err != nil {
		return nil, err
	}
	return kind.New().Interface(), nil
}
