package statistics_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"strongroom.dev/bench/statistics"
)

func TestMedian(t *testing.T) {
	require.True(t, math.IsNaN(statistics.Median(nil)))
	require.Equal(t, 3.0, statistics.Median([]float64{3}))
	require.Equal(t, 2.0, statistics.Median([]float64{9, 2, 1}))
	require.Equal(t, 2.5, statistics.Median([]float64{4, 1, 3, 2}))
	values := []float64{3, 1, 2}
	statistics.Median(values)
	require.Equal(t, []float64{3, 1, 2}, values, "it must not sort its caller's values")
}

func TestRatioIsTakenRoundByRound(t *testing.T) {
	// The second round was twice as slow for everyone: the medians' ratio would be 3.
	engine := map[int]float64{1: 1, 2: 2, 3: 1}
	require.Equal(t, 2.0, statistics.Ratio(map[int]float64{1: 2, 2: 4, 3: 3}, engine))
	require.Equal(t, 2.0, statistics.Ratio(map[int]float64{2: 4, 7: 90}, engine), "rounds without the engine do not count")
	require.True(t, math.IsNaN(statistics.Ratio(map[int]float64{7: 1}, engine)))
}
