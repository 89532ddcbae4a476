//! The search on any CPU, at the pace of a plain gear loop or better.
//!
//! With `P(i) = β·P(i-1) + T·b(i)`, the running sum over all bytes so far, the window's hash is `P(i) + β^64·P(i-64)`, and
//! β^64 is 2. A running sum costs a multiplication by β for each byte; this avoids it by summing in groups of 16 bytes
//! with `P` divided by β^(j+1) at the j-th byte of its group, where a byte's contribution comes from a table of its own for
//! each j. The division leaves the comparison intact because 64 is a multiple of 16: both sums are divided alike, and so is the
//! goal. The second pass has no dependency between positions and no lookup; compilers vectorise it.

use super::hash::{beta, multiply, times_two, BoundaryHash, Matrix, WINDOW};

const GROUP: usize = 16;
/// Groups in one window.
const BACK: usize = WINDOW / GROUP;
/// Groups in a block: both passes over a block stay in the L1 cache.
const GROUPS: usize = 32;

/// Pairs of bytes: h_0 low, h_1 high.
pub(super) struct Tables {
    /// `contribution[j][b] = T·b / β^(j+1)`.
    contribution: Box<[[u16; 256]; GROUP]>,
    /// `x·β^16`.
    advance: [u8; 256],
    /// The goal divided by β^(j+1).
    goal: [u16; GROUP],
    /// Bits of the pair that count.
    mask: u16,
}

impl Tables {
    pub(super) fn new(transforms: &[Matrix; 4], goals: [u8; 2], two_planes: bool) -> Tables {
        let divide = |low: u8, high: u8, j: usize| {
            let by = beta(254 - j as u32);
            u16::from_le_bytes([multiply(low, by), multiply(high, by)])
        };
        let mut contribution = Box::new([[0; 256]; GROUP]);
        for (j, table) in contribution.iter_mut().enumerate() {
            for (b, pair) in table.iter_mut().enumerate() {
                *pair = divide(transforms[0].apply(b as u8), transforms[1].apply(b as u8), j);
            }
        }
        Tables {
            contribution,
            advance: std::array::from_fn(|x| multiply(x as u8, beta(GROUP as u32))),
            goal: std::array::from_fn(|j| divide(goals[0], goals[1], j)),
            mask: if two_planes { 0xffff } else { 0x00ff },
        }
    }

    #[inline(always)]
    fn advanced(&self, pair: u16) -> u16 {
        let [low, high] = pair.to_le_bytes();
        u16::from_le_bytes([self.advance[low as usize], self.advance[high as usize]])
    }
}

/// See [`BoundaryHash::find`].
pub(super) fn find(hash: &BoundaryHash, tables: &Tables, data: &[u8]) -> Option<usize> {
    // The first BACK groups are those of the block before (none yet: sums of no bytes).
    let mut within = [[0u16; GROUP]; BACK + GROUPS];
    let mut before = [0u16; BACK + GROUPS];
    let mut sum = 0u16;

    for (block, bytes) in data.chunks(GROUPS * GROUP).enumerate() {
        let mut groups = 0;
        for part in bytes.chunks(GROUP) {
            let mut padded = [0; GROUP];
            let part: &[u8; GROUP] = match part.try_into() {
                Ok(whole) => whole,
                Err(_) => {
                    padded[..part.len()].copy_from_slice(part);
                    &padded
                }
            };
            let mut running = 0;
            for j in 0..GROUP {
                running ^= tables.contribution[j][part[j] as usize];
                within[BACK + groups][j] = running;
            }
            before[BACK + groups] = sum;
            sum = tables.advanced(sum ^ running);
            groups += 1;
        }

        for group in 0..groups {
            let (new, old) = (&within[BACK + group], &within[group]);
            let both = before[BACK + group] ^ times_two(before[group]);
            let mut any = 0u16;
            let mut differences = [0u16; GROUP];
            for j in 0..GROUP {
                let difference = (new[j] ^ times_two(old[j]) ^ both ^ tables.goal[j]) & tables.mask;
                differences[j] = difference;
                any |= u16::from(difference == 0);
            }
            if any != 0 {
                let candidates = (0..GROUP).fold(0, |bits, j| bits | u64::from(differences[j] == 0) << j);
                let base = (block * GROUPS + group) * GROUP;
                if let Some(end) = hash.first_confirmed(data, base, candidates) {
                    return Some(end);
                }
            }
        }

        within.copy_within(GROUPS.., 0);
        before.copy_within(GROUPS.., 0);
    }
    None
}
