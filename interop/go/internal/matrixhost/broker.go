package matrixhost

import (
	"context"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	grpctest "github.com/hashicorp/go-plugin/test/grpc"

	"outboard.test/interop/internal/contract"
	"outboard.test/interop/peerpb"
)

// bidirectional is go-plugin's own test of its broker: each end serves the other.
func (h *Host) bidirectional(ctx context.Context) (map[string]any, error) {
	id := h.Client.Broker.NextId()
	defer contract.ServePingPong(h.Client.Broker, id)()
	answer, err := grpctest.NewTestClient(h.Client.Conn).Bidirectional(ctx, &grpctest.BidirectionalRequest{Id: id})
	if err != nil {
		return nil, err
	}
	msg, err := contract.Ping(ctx, h.Client.Broker, answer.GetId())
	return map[string]any{"plugin_says": msg}, err
}

// pluginDials accepts many times and lets the plugin dial all of them, perhaps late.
func (h *Host) pluginDials(ctx context.Context, count, lateMS int) (map[string]any, error) {
	ids := make([]uint32, count)
	for i := range ids {
		ids[i] = h.Client.Broker.NextId()
		defer contract.ServePingPong(h.Client.Broker, ids[i])()
	}
	answer, err := contract.Invoke[peerpb.CallBackResponse](ctx, h.Client.Conn, contract.PeerService+"/CallBack",
		&peerpb.CallBackRequest{Ids: ids, WaitMs: uint32(lateMS)})
	if err == nil && answer.GetError() != "" {
		err = status.Error(codes.Unavailable, answer.GetError())
	}
	return map[string]any{"answers": answer.GetAnswers()}, err
}

// hostDials lets the plugin accept many times, perhaps late, and dials all of them,
// perhaps late.
func (h *Host) hostDials(ctx context.Context, request map[string]any) (map[string]any, error) {
	offer, err := contract.Invoke[peerpb.OfferResponse](ctx, h.Client.Conn, contract.PeerService+"/Offer",
		&peerpb.OfferRequest{Count: uint32(number(request, "count")), WaitMs: uint32(number(request, "accept_late_ms"))})
	if err != nil {
		return nil, err
	}
	time.Sleep(time.Duration(number(request, "late_ms")) * time.Millisecond)
	answers, err := contract.PingAll(ctx, h.Client.Broker, offer.GetIds())
	if err != nil {
		err = status.Error(codes.Unavailable, err.Error())
	}
	return map[string]any{"answers": answers}, err
}

// bothDial does both at once.
func (h *Host) bothDial(ctx context.Context, count int) (map[string]any, error) {
	type result struct {
		answer map[string]any
		err    error
	}
	results := make(chan result, 1)
	go func() {
		answer, err := h.pluginDials(ctx, count, 0)
		results <- result{answer, err}
	}()
	host, err := h.hostDials(ctx, map[string]any{"count": float64(count)})
	plugin := <-results
	if err == nil {
		err = plugin.err
	}
	if err != nil {
		return nil, err
	}
	return map[string]any{"to_host": plugin.answer["answers"], "to_plugin": host["answers"]}, nil
}
