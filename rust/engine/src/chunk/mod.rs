//! Keyed content-defined chunking: where a stream is cut depends on the bytes around the cut only, so that an insertion
//! moves the cuts near it and no others.
//!
//! # Definition
//!
//! Arithmetic is in GF(2^8) with the polynomial x^8+x^4+x^3+x^2+1 (0x11d): addition is XOR, β is the element 0x10. Its
//! powers β^0..β^254 all differ.
//!
//! **Key.** `BLAKE3-keyed(key, "strongroom chunk boundaries 1")` is read as an endless stream of bytes (its XOF). For
//! p = 0, 1, 2, 3 in turn: take 8 bytes as the rows of the matrix T_p over GF(2), until they are invertible; output bit r
//! of `T_p·b` is the parity of `row_r & b`, bit 0 being the least significant. Then take bytes until one is not 0: C_0.
//! Then one more: C_1.
//!
//! **Hash.** For the 64 bytes that end at position i of the stream, b(i-63) ... b(i):
//!
//! ```text
//! h_p(i) = Σ β^d · (T_p · b(i-d))   over d = 0..63
//! ```
//!
//! **Boundary.** Let gap = average - min; k = 8 where gap < 65536, else 16; limit = round(2^(16+k) / gap). Position i is
//! a boundary when h_0(i) = C_0, and (for k = 16) h_1(i) = C_1, and h_2(i) + 256·h_3(i) < limit.
//!
//! **Cuts.** A chunk ends after the first position i at which it is at least `min` bytes long and i is a boundary, or at
//! which it is `max` bytes long, or at the end of the stream. As `min` is 64 or more, a window never reaches into the
//! chunk before, and the first min-64 bytes of a chunk are not hashed.
//!
//! # Why so
//!
//! Everything is linear over GF(2), so the sum over 64 distances doubles in six steps
//! (`H_2k(i) = H_k(i) + β^k·H_k(i-k)`), each one matrix product on as many positions as a vector register has bytes:
//! SIMD evaluates the definition itself. β^64 = 2 makes the same sum cheap without SIMD, as the difference of two
//! running sums. C_0 is not 0, so the hash of 64 zero bytes (0) is never a boundary and a stream of zeros gives chunks of
//! `max` bytes.

mod cut;
mod hash;
mod portable;
#[cfg(target_arch = "x86_64")]
mod x86;

pub use cut::{Chunker, Params, ParamsError};
pub use hash::Kernel;

#[cfg(test)]
mod tests;
