//! Speed of finding cut points, for each kernel this CPU can run and for a plain gear loop with the same sizes.
//!
//! ```text
//! cargo run --release -p strongroom-engine --example chunk_speed
//! ```

use engine::chunk::{Chunker, Kernel, Params};
use std::hint::black_box;
use std::time::Instant;

const LENGTH: usize = 256 << 20;
const ROUNDS: usize = 5;

/// The loop that content-defined chunkers commonly use, 64-bit, skipping the first `min` bytes.
fn gear(table: &[u64; 256], params: Params, data: &[u8]) -> usize {
    let mask = !(u64::MAX >> 20);
    let (mut start, mut chunks) = (0, 0);
    while start < data.len() {
        let limit = data.len().min(start + params.max);
        let mut at = limit.min(start + params.min - 64);
        let mut hash = 0u64;
        while at < limit {
            hash = (hash << 1).wrapping_add(table[data[at] as usize]);
            at += 1;
            if hash & mask == 0 {
                break;
            }
        }
        start = at;
        chunks += 1;
    }
    chunks
}

fn report(name: &str, mut run: impl FnMut() -> usize) {
    let mut best = f64::MAX;
    let mut chunks = 0;
    for _ in 0..ROUNDS {
        let begin = Instant::now();
        chunks = black_box(run());
        best = best.min(begin.elapsed().as_secs_f64());
    }
    println!(
        "{name:<10} {:6.2} GB/s  {chunks} chunks",
        LENGTH as f64 / best / 1e9
    );
}

fn main() {
    let mut state = 1u64;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let table = std::array::from_fn(|_| random().wrapping_mul(0x2545_f491_4f6c_dd1d));
    let data: Vec<u8> = std::iter::repeat_with(random)
        .flat_map(u64::to_le_bytes)
        .take(LENGTH)
        .collect();

    println!(
        "best of {ROUNDS} passes over {} MiB of noise, one thread, {:?}",
        LENGTH >> 20,
        Params::DEFAULT
    );
    for kernel in Kernel::available() {
        let mut chunker =
            Chunker::with_kernel(&[3; 32], Params::DEFAULT, kernel).expect("default sizes");
        report(&format!("{kernel:?}"), || {
            let (mut rest, mut chunks) = (&data[..], 0);
            while let Some(end) = chunker.next_cut(rest, true) {
                rest = &rest[end..];
                chunks += 1;
            }
            chunks
        });
    }
    report("plain gear", || gear(&table, Params::DEFAULT, &data));
}
