// Package matrixhost makes the calls of the interop matrix on the real go-plugin. Its
// Rust twin is src/matrix/host.rs.
package matrixhost

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	grpctest "github.com/hashicorp/go-plugin/test/grpc"

	"outboard.test/interop/internal/contract"
	"outboard.test/interop/peerpb"
)

// Host makes the calls of one list.
type Host struct {
	Client *contract.Client
	// Address is where the plugin listens.
	Address string
}

// Call answers a call of the list.
func (h *Host) Call(ctx context.Context, name string, request map[string]any) (map[string]any, error) {
	switch name {
	case "Test.Double":
		answer, err := grpctest.NewTestClient(h.Client.Conn).Double(ctx, &grpctest.TestRequest{Input: int32(number(request, "input"))})
		return map[string]any{"output": answer.GetOutput()}, err
	case "Test.PrintKV":
		return h.printKV(ctx, request)
	case "Test.Stream":
		return h.stream(ctx, request)
	case "Test.PrintStdio":
		_, err := grpctest.NewTestClient(h.Client.Conn).PrintStdio(ctx, &grpctest.PrintStdioRequest{
			Stdout: []byte(text(request, "stdout")),
			Stderr: []byte(text(request, "stderr")),
		})
		return map[string]any{}, err
	case "Test.Panic":
		// By hand, for old versions of the service do not have it; both messages have a
		// text as their first field.
		_, err := contract.Invoke[emptypb.Empty](ctx, h.Client.Conn, "grpctest.Test/Panic",
			&peerpb.HangRequest{Name: text(request, "message")})
		return map[string]any{}, err
	case "Test.Bidirectional":
		return h.bidirectional(ctx)
	case "Kv.Put":
		_, err := contract.Invoke[peerpb.PutResponse](ctx, h.Client.Conn, contract.KvService+"/Put",
			&peerpb.PutRequest{Key: text(request, "key"), Value: []byte(text(request, "value"))})
		return map[string]any{}, err
	case "Kv.Get":
		answer, err := contract.Invoke[peerpb.GetResponse](ctx, h.Client.Conn, contract.KvService+"/Get",
			&peerpb.GetRequest{Key: text(request, "key")})
		return map[string]any{"value": string(answer.GetValue()), "version": answer.GetVersion()}, err
	case "Peer.Echo":
		return h.echo(ctx, request)
	case "Peer.Cancel":
		return h.cancel(ctx, text(request, "name"))
	case "Peer.Outlive":
		return h.outlive(ctx, time.Duration(number(request, "for_ms"))*time.Millisecond)
	case "Peer.Reconnect":
		return h.reconnect(ctx)
	case "Broker.PluginDials":
		return h.pluginDials(ctx, number(request, "count"), number(request, "late_ms"))
	case "Broker.HostDials":
		return h.hostDials(ctx, request)
	case "Broker.BothDial":
		return h.bothDial(ctx, number(request, "count"))
	}
	return nil, status.Errorf(codes.Unimplemented, "the Go host knows no %s", name)
}

func (h *Host) printKV(ctx context.Context, request map[string]any) (map[string]any, error) {
	message := &grpctest.PrintKVRequest{Key: text(request, "key")}
	if value, ok := request["text"].(string); ok {
		message.Value = &grpctest.PrintKVRequest_ValueString{ValueString: value}
	} else {
		message.Value = &grpctest.PrintKVRequest_ValueInt{ValueInt: int32(number(request, "number"))}
	}
	_, err := grpctest.NewTestClient(h.Client.Conn).PrintKV(ctx, message)
	return map[string]any{}, err
}

// stream waits for each answer before it sends the next number.
func (h *Host) stream(ctx context.Context, request map[string]any) (map[string]any, error) {
	stream, err := grpctest.NewTestClient(h.Client.Conn).Stream(ctx)
	if err != nil {
		return nil, err
	}
	count := number(request, "count")
	for i := range count {
		if err := stream.Send(&grpctest.TestRequest{Input: int32(i)}); err != nil {
			return nil, err
		}
		answer, err := stream.Recv()
		if err != nil {
			return nil, err
		}
		if answer.GetOutput() != int32(i) {
			return nil, fmt.Errorf("%d came back as %d", i, answer.GetOutput())
		}
	}
	return map[string]any{"answers": count}, stream.CloseSend()
}

// echo sends and asks for many bytes, and sends metadata that comes back.
func (h *Host) echo(ctx context.Context, request map[string]any) (map[string]any, error) {
	if size := number(request, "metadata_bytes"); size > 0 {
		ctx = metadata.AppendToOutgoingContext(ctx, "x-interop", string(filled(size)))
	}
	var header, trailer metadata.MD
	answer, err := contract.Invoke[peerpb.EchoResponse](ctx, h.Client.Conn, contract.PeerService+"/Echo",
		&peerpb.EchoRequest{
			Data:        filled(number(request, "send_bytes")),
			AnswerBytes: uint32(number(request, "answer_bytes")),
			Refuse:      request["refuse"] == true,
		}, grpc.Header(&header), grpc.Trailer(&trailer))
	if status.Code(err) == codes.Aborted {
		return map[string]any{"status_bytes": length(trailer)}, nil
	}
	return map[string]any{
		"plugin_got":   answer.GetGotBytes(),
		"host_got":     len(answer.GetData()),
		"header_bytes": length(header),
	}, err
}

func length(values metadata.MD) (bytes int) {
	for _, value := range values.Get("x-interop") {
		bytes += len(value)
	}
	return bytes
}

// cancel begins a call that never ends, gives it up, and waits until the plugin has
// seen that.
func (h *Host) cancel(ctx context.Context, name string) (map[string]any, error) {
	hang := &peerpb.HangRequest{Name: name}
	hung := func(done func(*peerpb.HungResponse) bool) error {
		for {
			answer, err := contract.Invoke[peerpb.HungResponse](ctx, h.Client.Conn, contract.PeerService+"/Hung", hang)
			if err != nil || done(answer) {
				return err
			}
			time.Sleep(2 * time.Millisecond)
		}
	}
	given, giveUp := context.WithCancel(ctx)
	defer giveUp()
	go func() {
		_, _ = contract.Invoke[peerpb.HangResponse](given, h.Client.Conn, contract.PeerService+"/Hang", hang)
	}()
	if err := hung((*peerpb.HungResponse).GetBegun); err != nil {
		return nil, err
	}
	giveUp()
	if err := hung((*peerpb.HungResponse).GetCancelled); err != nil {
		return nil, err
	}
	return map[string]any{"plugin_saw": true}, nil
}

// reconnect lets the plugin cut the main connection and calls again until it is
// answered.
func (h *Host) reconnect(ctx context.Context) (map[string]any, error) {
	// Its own answer cannot arrive.
	_, _ = contract.Invoke[peerpb.DisconnectResponse](ctx, h.Client.Conn, contract.PeerService+"/Disconnect",
		&peerpb.DisconnectRequest{Address: h.Address})
	for {
		answer, err := grpctest.NewTestClient(h.Client.Conn).Double(ctx, &grpctest.TestRequest{Input: 21})
		if err == nil {
			return map[string]any{"output": answer.GetOutput()}, nil
		}
		if ctx.Err() != nil {
			return nil, err
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// outlive calls again and again for a while, and says which calls failed.
func (h *Host) outlive(ctx context.Context, long time.Duration) (map[string]any, error) {
	failures := []string{}
	for begun := time.Now(); time.Since(begun) < long; time.Sleep(2 * time.Millisecond) {
		_, err := grpctest.NewTestClient(h.Client.Conn).Double(ctx, &grpctest.TestRequest{Input: 1})
		if err != nil {
			failures = append(failures, err.Error())
		}
	}
	return map[string]any{"failures": failures}, nil
}

func filled(size int) []byte {
	bytes := make([]byte, size)
	for i := range bytes {
		bytes[i] = 'x'
	}
	return bytes
}

func text(request map[string]any, key string) string {
	value, _ := request[key].(string)
	return value
}

func number(request map[string]any, key string) int {
	value, _ := request[key].(float64)
	return int(value)
}
