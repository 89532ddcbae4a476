//! Another static library of Rust, for a program that links two: it has the standard library in it, as ours has.

#[no_mangle]
pub extern "C" fn other_answer() -> u32 {
    let answers: Vec<u32> = (0..8).map(|n| n * 7).collect();
    std::panic::catch_unwind(|| answers[6]).unwrap_or(0)
}
