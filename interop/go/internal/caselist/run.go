package caselist

import (
	"context"
	"strings"
	"time"

	"google.golang.org/grpc/status"
)

// Deadline is what a call gets when its case does not say.
const Deadline = 20 * time.Second

// Call answers one call of the list with the fields of its answer.
type Call func(ctx context.Context, name string, request map[string]any) (map[string]any, error)

// Run makes every call in order. A call that fails is a result like any other.
// Those that begin with "Host." are for process, all others for plugin.
func Run(cases []Case, plugin, process Call) []Result {
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
			value, err = process(ctx, name, request)
		} else {
			value, err = plugin(ctx, c.Call, request)
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
