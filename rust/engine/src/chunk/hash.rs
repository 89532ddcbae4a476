//! The boundary hash: its key, its plain evaluation, and the choice of the fastest way to search with it.

use super::portable;
#[cfg(target_arch = "x86_64")]
use super::x86;

/// Bytes that a boundary depends on.
pub(super) const WINDOW: usize = 64;

const DERIVATION: &[u8] = b"strongroom chunk boundaries 1";

/// A way to search for boundaries. All find the same ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kernel {
    /// 64 positions a step: AVX-512 F, BW and GFNI.
    Gfni512,
    /// 32 positions a step: AVX2 and GFNI.
    Gfni256,
    /// 32 positions a step: AVX2, matrix products by table lookups of half bytes.
    Avx2,
    /// Any CPU.
    Portable,
}

impl Kernel {
    /// Those this CPU can run, fastest first; never empty.
    pub fn available() -> Vec<Kernel> {
        let mut kernels = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            let avx2 = is_x86_feature_detected!("avx2");
            let gfni = is_x86_feature_detected!("gfni");
            if gfni && is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw") {
                kernels.push(Kernel::Gfni512);
            }
            if gfni && avx2 {
                kernels.push(Kernel::Gfni256);
            }
            if avx2 {
                kernels.push(Kernel::Avx2);
            }
        }
        kernels.push(Kernel::Portable);
        kernels
    }
}

/// 8×8 matrix over GF(2); bit c of `rows[r]` is the entry at row r, column c.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Matrix {
    rows: [u8; 8],
}

impl Matrix {
    pub(super) fn apply(&self, x: u8) -> u8 {
        (0..8).fold(0, |out, r| out | ((self.rows[r] & x).count_ones() as u8 & 1) << r)
    }

    fn is_invertible(&self) -> bool {
        let mut rows = self.rows;
        for c in 0..8 {
            let Some(pivot) = (c..8).find(|&r| rows[r] >> c & 1 == 1) else {
                return false;
            };
            rows.swap(c, pivot);
            let base = rows[c];
            for row in &mut rows[c + 1..] {
                if *row >> c & 1 == 1 {
                    *row ^= base;
                }
            }
        }
        true
    }
}

/// What the registers of SIMD are filled with: the portable search does without products of matrices.
#[cfg(target_arch = "x86_64")]
impl Matrix {
    fn from_columns(column: impl Fn(u8) -> u8) -> Matrix {
        let mut rows = [0; 8];
        for c in 0..8 {
            let bits = column(1 << c);
            for (r, row) in rows.iter_mut().enumerate() {
                *row |= (bits >> r & 1) << c;
            }
        }
        Matrix { rows }
    }

    /// Multiplication by a field element.
    pub(super) fn scaling(by: u8) -> Matrix {
        Matrix::from_columns(|x| multiply(by, x))
    }

    /// `self · first`: what applies `first`, then `self`.
    pub(super) fn after(&self, first: &Matrix) -> Matrix {
        Matrix::from_columns(|x| self.apply(first.apply(x)))
    }

    /// The operand of GF2P8AFFINEQB, which keeps row r in byte 7-r.
    pub(super) fn gfni(&self) -> u64 {
        u64::from_be_bytes(self.rows)
    }
}

/// Product in GF(2^8) modulo 0x11d.
pub(super) fn multiply(mut a: u8, mut b: u8) -> u8 {
    let mut product = 0;
    while b != 0 {
        if b & 1 == 1 {
            product ^= a;
        }
        a = (a << 1) ^ (0x1d & 0u8.wrapping_sub(a >> 7));
        b >>= 1;
    }
    product
}

/// β to the power of `exponent`, which counts modulo 255.
pub(super) fn beta(exponent: u32) -> u8 {
    (0..exponent % 255).fold(1, |power, _| multiply(power, 0x10))
}

/// A keyed boundary hash with everything the kernels need precomputed.
pub(super) struct BoundaryHash {
    limit: u32,
    /// `T_2·b + 256·(T_3·b)` for each b.
    confirm: [u16; 256],
    kernel: Kernel,
    portable: portable::Tables,
    #[cfg(target_arch = "x86_64")]
    x86: x86::Matrices,
}

impl BoundaryHash {
    pub(super) fn new(key: &[u8; 32], gap: usize, kernel: Kernel) -> BoundaryHash {
        assert!(Kernel::available().contains(&kernel), "this CPU cannot run {kernel:?}");
        let mut stream = blake3::Hasher::new_keyed(key).update(DERIVATION).finalize_xof();
        let mut transforms = [Matrix { rows: [0; 8] }; 4];
        for matrix in &mut transforms {
            while !matrix.is_invertible() {
                stream.fill(&mut matrix.rows);
            }
        }
        let mut goals = [[0u8; 1]; 2];
        while goals[0] == [0] {
            stream.fill(&mut goals[0]);
        }
        stream.fill(&mut goals[1]);
        // C_0 and C_1.
        let goals = [goals[0][0], goals[1][0]];

        // Whether h_1 takes part (k = 16).
        let two_planes = gap >= 1 << 16;
        let scale = 1u64 << if two_planes { 32 } else { 24 };
        let gap = gap as u64;
        let limit = ((scale + gap / 2) / gap) as u32;
        let confirm =
            std::array::from_fn(|b| u16::from_le_bytes([transforms[2].apply(b as u8), transforms[3].apply(b as u8)]));
        BoundaryHash {
            limit,
            confirm,
            kernel,
            portable: portable::Tables::new(&transforms, goals, two_planes),
            #[cfg(target_arch = "x86_64")]
            x86: x86::Matrices::new(&transforms, goals, two_planes),
        }
    }

    /// Index of the last byte of the first window in `data` that is a boundary.
    pub(super) fn find(&self, data: &[u8]) -> Option<usize> {
        if data.len() < WINDOW {
            return None;
        }
        match self.kernel {
            // SAFETY (all three): `new` refuses a kernel that `Kernel::available` does not list for this CPU.
            #[cfg(target_arch = "x86_64")]
            Kernel::Gfni512 => unsafe { x86::find_gfni512(self, &self.x86, data) },
            #[cfg(target_arch = "x86_64")]
            Kernel::Gfni256 => unsafe { x86::find_gfni256(self, &self.x86, data) },
            #[cfg(target_arch = "x86_64")]
            Kernel::Avx2 => unsafe { x86::find_avx2(self, &self.x86, data) },
            _ => portable::find(self, &self.portable, data),
        }
    }

    /// The first boundary among the candidates of a block: bit n of `candidates` stands for the window that ends at
    /// `data[base + n]`, with h_0 and h_1 as they must be. Windows that begin before `data` are ignored.
    ///
    /// Out of line, so that the kernels keep their registers across the rare call.
    #[cold]
    #[inline(never)]
    pub(super) fn first_confirmed(&self, data: &[u8], base: usize, mut candidates: u64) -> Option<usize> {
        while candidates != 0 {
            let end = base + candidates.trailing_zeros() as usize;
            if end + 1 >= WINDOW && end < data.len() && self.confirms(&data[end + 1 - WINDOW..=end]) {
                return Some(end);
            }
            candidates &= candidates - 1;
        }
        None
    }

    /// The condition on h_2 and h_3, and that the window is not one byte again and again: for each key there is a byte value
    /// whose runs could be cut wherever a chunk may end.
    fn confirms(&self, window: &[u8]) -> bool {
        if window.iter().all(|&b| b == window[0]) {
            return false;
        }
        let sum = window.iter().fold(0u16, |sum, &b| {
            let shifted = times_two(times_two(times_two(times_two(sum))));
            shifted ^ self.confirm[b as usize]
        });
        u32::from(sum) < self.limit
    }
}

/// Both bytes times 2 in the field.
#[inline(always)]
pub(super) fn times_two(pair: u16) -> u16 {
    let carry = pair >> 7 & 0x0101;
    ((pair & 0x7f7f) << 1) ^ carry.wrapping_mul(0x1d)
}
