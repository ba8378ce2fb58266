package workflowhost

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/known/emptypb"

	"outboard.test/interop/workflowpb"
)

// Call makes one RPC with JSON on both ends.
func (h *Host) Call(ctx context.Context, method string, request map[string]any) (map[string]any, error) {
	if name, ok := strings.CutPrefix(method, "Engine."); ok {
		return h.Plugin.Engine.Call(ctx, name, request)
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
	if err := h.Plugin.Conn.Invoke(ctx, fmt.Sprintf("/%s/%s", service.FullName(), method), in, out); err != nil {
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
