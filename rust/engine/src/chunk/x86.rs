//! The search on x86-64: the doubling `H_2k(i) = H_k(i) + β^k·H_k(i-k)` on every position of a register at once.
//!
//! Each step needs `H_k` moved up by k positions, with the top of the previous block's `H_k` moved in: the registers of
//! the block before are carried along. The first block follows zeros; whatever it then finds in windows that begin before
//! the data is dropped by `BoundaryHash::first_confirmed`.

use super::hash::{beta, BoundaryHash, Matrix};
use std::arch::x86_64::*;

/// Steps of the doubling: distances 1, 2, 4, 8, 16, 32.
const STEPS: usize = 6;

/// Products with one matrix, in the forms the kernels want.
struct Product {
    gfni: u64,
    /// Product with the low and with the high half of a byte.
    low: [u8; 16],
    high: [u8; 16],
}

impl Product {
    fn new(matrix: &Matrix) -> Product {
        Product {
            gfni: matrix.gfni(),
            low: std::array::from_fn(|x| matrix.apply(x as u8)),
            high: std::array::from_fn(|x| matrix.apply((x as u8) << 4)),
        }
    }
}

pub(super) struct Matrices {
    /// T_0 and T_1.
    here: [Product; 2],
    /// β·T_0 and β·T_1, for the byte one position back: the first step works on the data itself.
    back: [Product; 2],
    /// β^1, β^2, β^4 ... β^32.
    steps: [Product; STEPS],
    /// C_0 and C_1.
    goals: [u8; 2],
    /// Whether h_1 takes part (k = 16).
    two_planes: bool,
}

impl Matrices {
    pub(super) fn new(transforms: &[Matrix; 4], goals: [u8; 2], two_planes: bool) -> Matrices {
        let once = Matrix::scaling(beta(1));
        Matrices {
            here: [0, 1].map(|p| Product::new(&transforms[p])),
            back: [0, 1].map(|p| Product::new(&once.after(&transforms[p]))),
            steps: std::array::from_fn(|step| Product::new(&Matrix::scaling(beta(1 << step)))),
            goals,
            two_planes,
        }
    }
}

/// See [`BoundaryHash::find`]; `data` has at least one window.
///
/// # Safety
/// The CPU has AVX-512 F and BW, and GFNI.
#[target_feature(enable = "avx512f,avx512bw,gfni")]
pub(super) unsafe fn find_gfni512(hash: &BoundaryHash, matrices: &Matrices, data: &[u8]) -> Option<usize> {
    let matrix = |product: &Product| _mm512_set1_epi64(product.gfni as i64);
    let here = [matrix(&matrices.here[0]), matrix(&matrices.here[1])];
    let back = [matrix(&matrices.back[0]), matrix(&matrices.back[1])];
    let by2 = matrix(&matrices.steps[1]);
    let by4 = matrix(&matrices.steps[2]);
    let by8 = matrix(&matrices.steps[3]);
    let by16 = matrix(&matrices.steps[4]);
    let by32 = matrix(&matrices.steps[5]);
    let goals = [_mm512_set1_epi8(matrices.goals[0] as i8), _mm512_set1_epi8(matrices.goals[1] as i8)];
    let masks = [_mm512_set1_epi8(-1), _mm512_set1_epi8(if matrices.two_planes { -1 } else { 0 })];
    // Word n of the result is word 31+n of (previous, current): two bytes up.
    let ramp: [u16; 32] = std::array::from_fn(|n| 31 + n as u16);
    // SAFETY: `ramp` is 64 bytes.
    let up2 = unsafe { _mm512_loadu_si512(ramp.as_ptr().cast()) };

    let mut carried = [[_mm512_setzero_si512(); 5]; 2];
    let mut base = 0;
    while base < data.len() {
        let left = data.len() - base;
        let (bytes, bytes_back) = if left >= 64 && base > 0 {
            // SAFETY: 64 bytes at `base` and one before it are in `data`.
            unsafe {
                let at = data.as_ptr().add(base);
                (_mm512_loadu_si512(at.cast()), _mm512_loadu_si512(at.sub(1).cast()))
            }
        } else {
            let present = if left >= 64 { !0 } else { (1u64 << left) - 1 };
            let present_back = if base > 0 { present } else { present & !1 };
            let at = data.as_ptr().wrapping_add(base);
            // SAFETY: masked-out bytes are not accessed; the others are in `data`.
            unsafe {
                (
                    _mm512_maskz_loadu_epi8(present, at.cast()),
                    _mm512_maskz_loadu_epi8(present_back, at.wrapping_sub(1).cast()),
                )
            }
        };

        let mut differences = [_mm512_setzero_si512(); 2];
        for p in 0..2 {
            let last = carried[p];
            let h2 = _mm512_xor_si512(
                _mm512_gf2p8affine_epi64_epi8::<0>(bytes, here[p]),
                _mm512_gf2p8affine_epi64_epi8::<0>(bytes_back, back[p]),
            );
            let moved = _mm512_permutex2var_epi16(last[0], up2, h2);
            let h4 = _mm512_xor_si512(h2, _mm512_gf2p8affine_epi64_epi8::<0>(moved, by2));
            let moved = _mm512_alignr_epi32::<15>(h4, last[1]);
            let h8 = _mm512_xor_si512(h4, _mm512_gf2p8affine_epi64_epi8::<0>(moved, by4));
            let moved = _mm512_alignr_epi64::<7>(h8, last[2]);
            let h16 = _mm512_xor_si512(h8, _mm512_gf2p8affine_epi64_epi8::<0>(moved, by8));
            let moved = _mm512_alignr_epi64::<6>(h16, last[3]);
            let h32 = _mm512_xor_si512(h16, _mm512_gf2p8affine_epi64_epi8::<0>(moved, by16));
            let moved = _mm512_alignr_epi64::<4>(h32, last[4]);
            let h64 = _mm512_xor_si512(h32, _mm512_gf2p8affine_epi64_epi8::<0>(moved, by32));
            carried[p] = [h2, h4, h8, h16, h32];
            // (h64 ^ goal) & mask
            differences[p] = _mm512_ternarylogic_epi64::<0x28>(h64, goals[p], masks[p]);
        }
        let either = _mm512_or_si512(differences[0], differences[1]);
        let candidates = _mm512_testn_epi8_mask(either, either);
        if candidates != 0 {
            if let Some(end) = hash.first_confirmed(data, base, candidates) {
                return Some(end);
            }
        }
        base += 64;
    }
    None
}

/// The 32-position kernels differ in how they multiply all bytes of a register by a matrix: `$operand` loads a
/// [`Product`], `$split` prepares a register of bytes for several products, `$times` multiplies.
macro_rules! find_256 {
    ($(#[$attribute:meta])* $name:ident, $features:literal, $operand:expr, $split:expr, $times:expr) => {
        $(#[$attribute])*
        #[target_feature(enable = $features)]
        pub(super) unsafe fn $name(hash: &BoundaryHash, matrices: &Matrices, data: &[u8]) -> Option<usize> {
            let here = [$operand(&matrices.here[0]), $operand(&matrices.here[1])];
            let back = [$operand(&matrices.back[0]), $operand(&matrices.back[1])];
            let by2 = $operand(&matrices.steps[1]);
            let by4 = $operand(&matrices.steps[2]);
            let by8 = $operand(&matrices.steps[3]);
            let by16 = $operand(&matrices.steps[4]);
            let by32 = $operand(&matrices.steps[5]);
            let goals = [_mm256_set1_epi8(matrices.goals[0] as i8), _mm256_set1_epi8(matrices.goals[1] as i8)];
            let masks = [_mm256_set1_epi8(-1), _mm256_set1_epi8(if matrices.two_planes { -1 } else { 0 })];

            // The first and the last block, with what is missing around them as zeros. Made here because a copy within the
            // loop would be a call, for which every register is saved.
            let (mut head, mut tail) = ([0u8; 33], [0u8; 33]);
            head[1..].copy_from_slice(&data[..32]);
            let tail_base = data.len() / 32 * 32;
            tail[..data.len() - tail_base + 1].copy_from_slice(&data[tail_base - 1..]);

            let mut carried = [[_mm256_setzero_si256(); 5]; 2];
            let mut base = 0;
            while base < data.len() {
                let block = if base == 0 {
                    head.as_ptr().wrapping_add(1)
                } else if base == tail_base {
                    tail.as_ptr().wrapping_add(1)
                } else {
                    data.as_ptr().wrapping_add(base)
                };
                // SAFETY: 32 bytes at `block` and the one before are in `head`, in `tail`, or in `data`, as `base` is neither
                // at its start nor in its last, incomplete block.
                let (bytes, bytes_back) = unsafe {
                    (_mm256_loadu_si256(block.cast()), _mm256_loadu_si256(block.sub(1).cast()))
                };
                let (bytes, bytes_back) = ($split(bytes), $split(bytes_back));

                let mut differences = [_mm256_setzero_si256(); 2];
                for p in 0..2 {
                    let last = carried[p];
                    let h2 = _mm256_xor_si256($times(bytes, here[p]), $times(bytes_back, back[p]));
                    let middle = _mm256_permute2x128_si256::<0x21>(last[0], h2);
                    let moved = _mm256_alignr_epi8::<14>(h2, middle);
                    let h4 = _mm256_xor_si256(h2, $times($split(moved), by2));
                    let middle = _mm256_permute2x128_si256::<0x21>(last[1], h4);
                    let moved = _mm256_alignr_epi8::<12>(h4, middle);
                    let h8 = _mm256_xor_si256(h4, $times($split(moved), by4));
                    let middle = _mm256_permute2x128_si256::<0x21>(last[2], h8);
                    let moved = _mm256_alignr_epi8::<8>(h8, middle);
                    let h16 = _mm256_xor_si256(h8, $times($split(moved), by8));
                    let moved = _mm256_permute2x128_si256::<0x21>(last[3], h16);
                    let h32 = _mm256_xor_si256(h16, $times($split(moved), by16));
                    let h64 = _mm256_xor_si256(h32, $times($split(last[4]), by32));
                    carried[p] = [h2, h4, h8, h16, h32];
                    differences[p] = _mm256_and_si256(_mm256_xor_si256(h64, goals[p]), masks[p]);
                }
                let either = _mm256_or_si256(differences[0], differences[1]);
                let equal = _mm256_cmpeq_epi8(either, _mm256_setzero_si256());
                let candidates = _mm256_movemask_epi8(equal) as u32;
                if candidates != 0 {
                    if let Some(end) = hash.first_confirmed(data, base, u64::from(candidates)) {
                        return Some(end);
                    }
                }
                base += 32;
            }
            None
        }
    };
}

find_256!(
    /// See [`BoundaryHash::find`]; `data` has at least one window.
    ///
    /// # Safety
    /// The CPU has AVX2 and GFNI.
    find_gfni256,
    "avx2,gfni",
    |product: &Product| _mm256_set1_epi64x(product.gfni as i64),
    |bytes: __m256i| bytes,
    |bytes: __m256i, matrix: __m256i| _mm256_gf2p8affine_epi64_epi8::<0>(bytes, matrix)
);

find_256!(
    /// See [`BoundaryHash::find`]; `data` has at least one window.
    ///
    /// # Safety
    /// The CPU has AVX2.
    find_avx2,
    "avx2",
    |product: &Product| {
        // SAFETY: both tables are 16 bytes.
        let (low, high) = unsafe {
            (_mm_loadu_si128(product.low.as_ptr().cast()), _mm_loadu_si128(product.high.as_ptr().cast()))
        };
        (_mm256_broadcastsi128_si256(low), _mm256_broadcastsi128_si256(high))
    },
    |bytes: __m256i| {
        let half = _mm256_set1_epi8(0x0f);
        (_mm256_and_si256(bytes, half), _mm256_and_si256(_mm256_srli_epi16::<4>(bytes), half))
    },
    |halves: (__m256i, __m256i), tables: (__m256i, __m256i)| {
        _mm256_xor_si256(_mm256_shuffle_epi8(tables.0, halves.0), _mm256_shuffle_epi8(tables.1, halves.1))
    }
);
