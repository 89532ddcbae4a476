package check

import "slices"

// foreign are names of types in other languages.
var foreign = map[string]string{
	"int": "i32", "uint": "u32", "int8": "i8", "int16": "i16", "int32": "i32", "int64": "i64", "uint8": "u8",
	"uint16": "u16", "uint32": "u32", "uint64": "u64", "byte": "u8", "long": "i64", "size": "u64", "usize": "u64",
	"float": "f64", "double": "f64", "float32": "f32", "float64": "f64", "boolean": "bool", "str": "string",
	"String": "string", "text": "string", "char": "string", "vec": "list<T>", "Vec": "list<T>", "array": "list<T>",
	"option": "optional<T>", "Option": "optional<T>", "dict": "map<K, V>", "HashMap": "map<K, V>", "blob": "bytes",
}

// Nearest finds the name that was probably meant, or nothing.
func Nearest(name string, known []string) string {
	best, bestDistance := "", len(name)/3+2
	for _, k := range slices.Sorted(slices.Values(known)) { // the answer may not depend on the order of a map
		if d := distance(fold(name), fold(k)); d < bestDistance {
			best, bestDistance = k, d
		}
	}
	return best
}

// distance counts the insertions, deletions, replacements and swaps of neighbours that make one word of the other.
func distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			replace := last[j-1]
			if a[i-1] != b[j-1] {
				replace++
			}
			row[j] = min(replace, last[j]+1, row[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
