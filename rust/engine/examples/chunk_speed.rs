//! Speed of finding cut points, for each kernel this CPU can run and for a plain gear loop with the same sizes.
//!
//! ```text
//! cargo run --release -p strongroom-engine --example chunk_speed
//! ```

use engine::chunk::{Chunker, Kernel, Params};
use std::hint::black_box;

const LENGTH: usize = 128 << 20;
const ROUNDS: usize = 9;

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

fn cut_all(chunker: &mut Chunker, data: &[u8]) -> usize {
    let (mut rest, mut chunks) = (data, 0);
    while let Some(end) = chunker.next_cut(rest, true) {
        rest = &rest[end..];
        chunks += 1;
    }
    chunks
}

/// CPU time of this thread: other work on the machine disturbs it less than the clock on the wall.
fn now() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// A loop to be measured; answers how many chunks it made of the data.
type Contender = Box<dyn FnMut(&[u8]) -> usize>;

fn main() {
    let mut state = 1u64;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.wrapping_mul(0x2545_f491_4f6c_dd1d)
    };
    let table: [u64; 256] = std::array::from_fn(|_| random());
    let data: Vec<u8> = std::iter::repeat_with(random).flat_map(u64::to_le_bytes).take(LENGTH).collect();

    let mut contenders: Vec<(String, Contender)> = Vec::new();
    for kernel in Kernel::available() {
        let mut chunker = Chunker::with_kernel(&[3; 32], Params::DEFAULT, kernel).expect("the default sizes");
        contenders.push((format!("{kernel:?}"), Box::new(move |data| cut_all(&mut chunker, data))));
    }
    contenders.push(("plain gear".into(), Box::new(move |data| gear(&table, Params::DEFAULT, data))));

    // In turns, so that a busy neighbour slows all of them alike.
    let mut best = vec![(f64::MAX, 0); contenders.len()];
    for _ in 0..ROUNDS {
        for ((_, run), best) in contenders.iter_mut().zip(&mut best) {
            let begin = now();
            let chunks = black_box(run(black_box(&data)));
            *best = (best.0.min(now() - begin), chunks);
        }
    }
    println!("best of {ROUNDS} passes over {} MiB of noise, one thread", LENGTH >> 20);
    for ((name, _), (seconds, chunks)) in contenders.iter().zip(best) {
        let speed = LENGTH as f64 / seconds / 1e9;
        println!("{name:<10} {speed:6.2} GB/s of CPU time, {chunks} chunks");
    }
}
