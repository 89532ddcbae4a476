//! How well cut points find again what did not change, beside those of a plain gear hash with the same sizes.
//!
//! The data is real: the machine code, symbols and debugging information of this very program, before and after edits.

use engine::chunk::{Chunker, Params};
use std::collections::HashSet;

/// The gap between the least and the average is a power of two, which a gear hash needs.
const PARAMS: Params = Params { min: 2 << 10, average: 10 << 10, max: 40 << 10 };
const GEAR_BITS: u32 = 13;

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }
}

fn program() -> Vec<u8> {
    let mut bytes = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    bytes.truncate(8 << 20);
    assert!(bytes.len() > 1 << 20, "this program is too small to say anything");
    bytes
}

/// Bytes put in, taken out, changed and moved, in `edits` places.
fn edited(before: &[u8], edits: usize, random: &mut Random) -> Vec<u8> {
    let mut after = before.to_vec();
    for _ in 0..edits {
        let at = random.below(after.len() - 20_000);
        let length = 1 + random.below(4_000);
        match random.below(4) {
            0 => drop(after.splice(at..at, (0..length).map(|_| random.next() as u8))),
            1 => drop(after.drain(at..at + length)),
            2 => after[at..at + length].iter_mut().for_each(|byte| *byte ^= 0x55),
            _ => after[at..at + 4 * length].rotate_left(length),
        }
    }
    after
}

type Cut<'c> = &'c mut dyn FnMut(&[u8]) -> Vec<usize>;

fn ours(key: [u8; 32]) -> impl FnMut(&[u8]) -> Vec<usize> {
    let mut chunker = Chunker::new(&key, PARAMS).unwrap();
    move |data| {
        let (mut ends, mut at) = (Vec::new(), 0);
        while let Some(length) = chunker.next_cut(&data[at..], true) {
            at += length;
            ends.push(at);
        }
        ends
    }
}

fn gear(seed: u64) -> impl FnMut(&[u8]) -> Vec<usize> {
    let mut random = Random(seed);
    let table: [u64; 256] = std::array::from_fn(|_| random.next());
    move |data| {
        let (mut ends, mut start) = (Vec::new(), 0);
        while start < data.len() {
            let limit = data.len().min(start + PARAMS.max);
            let mut at = limit.min(start + PARAMS.min - 64);
            let mut hash = 0u64;
            while at < limit {
                hash = (hash << 1).wrapping_add(table[data[at] as usize]);
                at += 1;
                if at - start >= PARAMS.min && hash >> (64 - GEAR_BITS) == 0 {
                    break;
                }
            }
            ends.push(at);
            start = at;
        }
        ends
    }
}

fn chunks<'d>(data: &'d [u8], ends: &[usize]) -> Vec<&'d [u8]> {
    let starts = [0].into_iter().chain(ends.iter().copied());
    starts.zip(ends).map(|(start, &end)| &data[start..end]).collect()
}

/// The share of the bytes of `after` that is in chunks of `before`, and the number of chunks.
fn found_again(before: &[u8], after: &[u8], cut: Cut) -> (f64, usize) {
    let known: HashSet<&[u8]> = chunks(before, &cut(before)).into_iter().collect();
    let ends = cut(after);
    let again: usize =
        chunks(after, &ends).iter().filter(|chunk| known.contains(**chunk)).map(|chunk| chunk.len()).sum();
    (again as f64 / after.len() as f64, ends.len())
}

#[test]
fn as_much_is_found_again_as_with_a_gear_hash() {
    let before = program();
    let mut random = Random(1);
    // As dense whether the program was linked with its debugging information or without.
    let after = edited(&before, before.len() / (40 << 10), &mut random);
    // Many keys, because any one may be lucky: the numbers of chunks of 8 differ by a tenth.
    let rounds = 32;
    let (mut of_ours, mut of_gear) = ((0.0, 0), (0.0, 0));
    for round in 0..rounds {
        let (share, count) = found_again(&before, &after, &mut ours([round; 32]));
        of_ours = (of_ours.0 + share / f64::from(rounds), of_ours.1 + count);
        let (share, count) = found_again(&before, &after, &mut gear(u64::from(round)));
        of_gear = (of_gear.0 + share / f64::from(rounds), of_gear.1 + count);
    }
    println!("found again: {:.4} in {} chunks, gear {:.4} in {}", of_ours.0, of_ours.1, of_gear.0, of_gear.1);
    assert!(of_ours.0 > 0.5 && of_gear.0 > 0.5, "the edits leave nothing to find");
    assert!(of_ours.0 > of_gear.0 - 0.02, "{of_ours:?} beside {of_gear:?} of gear");
    let chunks = of_ours.1 as f64 / of_gear.1 as f64;
    assert!((0.9..1.1).contains(&chunks), "{of_ours:?} beside {of_gear:?} of gear");
}

/// What linear hashes are weak at: data that repeats, so that every window comes again.
#[test]
fn data_that_repeats_is_not_cut_finer_than_by_a_gear_hash() {
    let mut random = Random(2);
    let (mut of_ours, mut of_gear, mut bytes) = (0, 0, 0);
    for round in 0..8 {
        let (mut ours, mut gear) = (ours([round; 32]), gear(u64::from(round)));
        for period in [1, 2, 3, 4, 7, 8, 16, 31, 64, 100, 512, 4096] {
            let unit: Vec<u8> = (0..period).map(|_| random.next() as u8).collect();
            let data = unit.repeat((1 << 20) / period);
            of_ours += ours(&data).len();
            of_gear += gear(&data).len();
            bytes += data.len();
        }
    }
    println!("{of_ours} chunks, gear {of_gear}, of {bytes} bytes");
    assert!(of_ours <= of_gear * 5 / 4 + 100, "{of_ours} chunks beside {of_gear} of gear");
}
