//! Frames that are right or nearly right, made from the grammar of the interface, against the library through its C
//! functions. Whatever comes, the library neither crashes nor hangs, answers every call that it took with exactly one
//! last frame, calls malformed what is malformed and nothing else, and keeps nothing that its caller gave back.
//!
//! `STRONGROOM_FUZZ_ROUNDS` and `STRONGROOM_FUZZ_SEED` make it longer and different.

mod frame;
mod grammar;
mod random;
mod session;
mod value;

use std::collections::BTreeMap;
use std::panic::{catch_unwind, AssertUnwindSafe};

use grammar::Grammar;
use session::Session;

/// Rounds between two looks whether anything is left.
const SETTLE: u64 = 250;
/// Rounds of one runtime.
const EPOCH: u64 = 4 * SETTLE;

fn setting(name: &str, otherwise: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name} is a number, and not {text:?}")),
        Err(_) => otherwise,
    }
}

/// `sr_abi_info`.
#[repr(C)]
struct Abi {
    version: u32,
    method_count: u32,
    schema: [u8; 16],
    methods: *const std::ffi::c_void,
    text: *const u8,
    text_length: usize,
}

/// The canonical text of the library's schema.
fn schema() -> &'static [u8] {
    // SAFETY: it is constant data of the library, laid out as `sr.h` says.
    unsafe {
        let abi = &*conformance::sr_abi().cast::<Abi>();
        std::slice::from_raw_parts(abi.text, abi.text_length)
    }
}

/// What a generator that is not broken makes happen. Some of it needs a race between two threads to end in the rarer of
/// its two ways, and how often one does is the machine's affair.
const EXPECTED: [&str; 29] = [
    "came: kind 3",
    "came: kind 4",
    "came: kind 5",
    "came: kind 6",
    "came: kind 8",
    "came: kind 9",
    "came: echo",
    "came: call",
    "came: cancel",
    "came: release",
    "came: error 1",
    "came: error 2",
    "came: error 3",
    "came: error 4",
    "came: error 5",
    "came: error 6",
    "came: error 7",
    "came: error 8",
    "came: error 10",
    "came: error 100",
    "came: error 101",
    "refused: a frame",
    "refused: an id that is taken",
    "poll: too small",
    "immediate: reply",
    "immediate: too small",
    "check: 0",
    "check: -1",
    "check: -5",
];

/// How many times the rounds that were asked for may be repeated, with further seeds, until all that is expected came.
const PATIENCE: u64 = 20;

/// Runs the runtime of one seed and counts what came.
fn run(grammar: &Grammar, seed: u64, rounds: u64, seen: &mut BTreeMap<String, u64>) {
    let mut session = Session::new(grammar, seed);
    let ran = catch_unwind(AssertUnwindSafe(|| {
        for round in 1..=rounds {
            session.round();
            // Every other runtime is freed with whatever is going on.
            if round % SETTLE == 0 && (round < EPOCH || seed.is_multiple_of(2)) {
                session.settle();
            }
        }
    }));
    if ran.is_err() {
        let block: String = session.last_block.iter().map(|byte| format!("{byte:02x}")).collect();
        panic!("the seed {seed} fails (STRONGROOM_FUZZ_ROUNDS={EPOCH}); the last block was {block}");
    }
    std::mem::take(&mut session.seen).into_iter().for_each(|(what, count)| *seen.entry(what).or_default() += count);
}

#[test]
fn whatever_comes_is_answered_and_nothing_stays() {
    let grammar = Grammar::parse(include_str!("../../../grammar.json"));
    let rounds = setting("STRONGROOM_FUZZ_ROUNDS", 20_000);
    let first = setting("STRONGROOM_FUZZ_SEED", 1);
    let mut seen = BTreeMap::<String, u64>::new();
    let epochs = rounds.div_ceil(EPOCH);
    for epoch in 0..epochs {
        run(&grammar, first + epoch, EPOCH.min(rounds - epoch * EPOCH), &mut seen);
    }
    println!("{rounds} rounds: {seen:#?}");
    if rounds < 20_000 {
        return;
    }
    let missing = |seen: &BTreeMap<String, u64>| {
        EXPECTED.into_iter().filter(|what| !seen.contains_key(*what)).collect::<Vec<_>>()
    };
    for epoch in epochs..epochs * PATIENCE {
        if missing(&seen).is_empty() {
            break;
        }
        run(&grammar, first + epoch, EPOCH, &mut seen);
    }
    let never = missing(&seen);
    assert!(never.is_empty(), "in {} rounds there was never: {never:?}", rounds * PATIENCE);
}
