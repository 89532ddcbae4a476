package conformance

import (
	"context"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"strongroom.dev/go/rpc"
	"strongroom.dev/go/rpc/promrpc"
)

// gathered are the values that Prometheus would see, by name and labels; of histograms the counts.
func gathered(t *testing.T, registry *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := registry.Gather()
	require.NoError(t, err)
	values := map[string]float64{}
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			name := family.GetName()
			for _, label := range metric.GetLabel() {
				name += " " + label.GetValue()
			}
			switch {
			case metric.GetHistogram() != nil:
				values[name] = float64(metric.GetHistogram().GetSampleCount())
			case metric.GetCounter() != nil:
				values[name] = metric.GetCounter().GetValue()
			default:
				values[name] = metric.GetGauge().GetValue()
			}
		}
	}
	return values
}

func TestPrometheusSeesCallsAndWhatIsHeld(t *testing.T) {
	metrics := promrpc.New()
	registry := prometheus.NewPedanticRegistry() // which checks what it is told
	require.NoError(t, registry.Register(metrics))
	client, err := NewClient(rpc.WithMetrics(metrics))
	require.NoError(t, err)
	metrics.Watch(client.Client)
	ctx := context.Background()
	echo, err := client.OpenEcho(ctx, "test")
	require.NoError(t, err)
	require.NoError(t, echo.Nothing(ctx))
	require.Error(t, echo.Fail(ctx, "why", 1))
	require.Error(t, echo.Crash(ctx, "boom"))
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	require.Error(t, echo.Nothing(cancelled))
	buffer, err := client.Alloc(ctx, 1000)
	require.NoError(t, err)

	values := gathered(t, registry)
	for name, value := range map[string]float64{
		"strongroom_call_duration_seconds Echo.open ok":           1,
		"strongroom_call_duration_seconds Echo.nothing ok":        1,
		"strongroom_call_duration_seconds Echo.nothing cancelled": 1,
		"strongroom_call_duration_seconds Echo.fail error":        1,
		"strongroom_call_duration_seconds Echo.crash panic":       1,
		"strongroom_requests_total":                               4,
		"strongroom_objects":                                      1,
		"strongroom_buffers":                                      1,
		"strongroom_leaks_total":                                  0,
	} {
		assert.Contains(t, values, name)
		assert.Equal(t, value, values[name], name)
	}
	assert.GreaterOrEqual(t, values["strongroom_buffer_bytes"], 1000.0)
	assert.Positive(t, values["strongroom_threads"])
	assert.Positive(t, values["strongroom_queue_depth"])
	assert.Positive(t, values["strongroom_received_frames"])

	require.NoError(t, buffer.Close())
	require.NoError(t, echo.Close())
	require.NoError(t, client.Close())
	assert.Zero(t, gathered(t, registry)["strongroom_objects"], "a closed client holds nothing")
}
