package main

import (
	"math"
	"slices"
)

// median is NaN of nothing.
func median(values []float64) float64 {
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

// ratio is the median over the rounds of value/base, where both have a value: what slows a whole round down cancels out.
func ratio(values, base map[int]float64) float64 {
	var all []float64
	for round, v := range values {
		if b, ok := base[round]; ok && b > 0 {
			all = append(all, v/b)
		}
	}
	return median(all)
}
