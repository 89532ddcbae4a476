// Package statistics is what the benchmarks make of the figures of several rounds.
package statistics

import (
	"math"
	"slices"
)

// Median is NaN of nothing.
func Median(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	v := slices.Sorted(slices.Values(values))
	middle := len(v) / 2
	if len(v)%2 == 1 {
		return v[middle]
	}
	return (v[middle-1] + v[middle]) / 2
}

// Ratio is the median over the rounds of value/base, where both have a value: what slows a whole round down cancels out.
func Ratio(values, base map[int]float64) float64 {
	var all []float64
	for round, v := range values {
		if b, ok := base[round]; ok && b > 0 {
			all = append(all, v/b)
		}
	}
	return Median(all)
}
