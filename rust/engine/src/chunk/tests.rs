use super::hash::{beta, multiply, BoundaryHash, WINDOW};
use super::*;
use proptest::prelude::*;

const SMALL: Params = Params { min: 64, average: 512, max: 2048 };

/// SplitMix64: the golden vectors need data that any language can make in a line.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed;
    let words = std::iter::repeat_with(move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    });
    words.flat_map(u64::to_le_bytes).take(length).collect()
}

fn cuts(chunker: &mut Chunker, data: &[u8]) -> Vec<usize> {
    let (mut cuts, mut at) = (Vec::new(), 0);
    while let Some(length) = chunker.next_cut(&data[at..], true) {
        at += length;
        cuts.push(at);
    }
    cuts
}

/// The definition in the module's documentation, word for word and slow.
fn cuts_by_definition(key: &[u8; 32], params: Params, data: &[u8]) -> Vec<usize> {
    let mut xof = blake3::Hasher::new_keyed(key).update(b"strongroom chunk boundaries 1").finalize_xof();
    let mut take = || {
        let mut byte = [0];
        xof.fill(&mut byte);
        byte[0]
    };
    let product = |rows: [u8; 8], b: u8| (0..8).map(|r| ((rows[r] & b).count_ones() as u8 % 2) << r).sum::<u8>();
    let mut transforms = [[0u8; 8]; 4];
    for rows in &mut transforms {
        loop {
            *rows = std::array::from_fn(|_| take());
            // Invertible: no nonzero byte gives 0.
            if (1..=255).all(|b| product(*rows, b) != 0) {
                break;
            }
        }
    }
    let mut first = 0;
    while first == 0 {
        first = take();
    }
    let goals = [first, take()];

    let gap = params.average - params.min;
    let k = if gap < 65536 { 8 } else { 16 };
    let limit = ((1u64 << (16 + k)) as f64 / gap as f64).round() as u32;
    let powers: Vec<u8> = (0..64).map(beta).collect();
    let boundary = |i: usize| {
        let h = |p: usize| (0..64).fold(0, |sum, d| sum ^ multiply(powers[d], product(transforms[p], data[i - d])));
        let one_value = (1..64).all(|d| data[i - d] == data[i]);
        !one_value
            && h(0) == goals[0]
            && (k == 8 || h(1) == goals[1])
            && u32::from(h(2)) + 256 * u32::from(h(3)) < limit
    };
    let (mut cuts, mut start) = (Vec::new(), 0);
    for i in 0..data.len() {
        let length = i + 1 - start;
        if length == params.max || i + 1 == data.len() || length >= params.min && boundary(i) {
            cuts.push(i + 1);
            start = i + 1;
        }
    }
    cuts
}

#[test]
fn the_field() {
    assert_eq!(multiply(0x80, 2), 0x1d);
    assert_eq!(beta(64), 2);
    let powers: std::collections::HashSet<u8> = (0..255).map(beta).collect();
    assert_eq!(powers.len(), 255);
}

#[cfg(target_arch = "x86_64")]
#[test]
fn products_of_matrices() {
    use super::hash::Matrix;

    let scaling = Matrix::scaling(0x53);
    assert!((0..=255).all(|x| scaling.apply(x) == multiply(0x53, x)));
    assert_eq!(Matrix::scaling(beta(3)).after(&Matrix::scaling(beta(4))), Matrix::scaling(beta(7)));
}

#[test]
fn edges() {
    for kernel in Kernel::available() {
        let mut chunker = Chunker::with_kernel(&[1; 32], SMALL, kernel).unwrap();
        assert_eq!(chunker.next_cut(&[], true), None, "an empty stream has no chunk");
        assert_eq!(cuts(&mut chunker, &[9]), [1]);
        assert_eq!(cuts(&mut chunker, &noise(1, 63)), [63]);
        assert_eq!(cuts(&mut chunker, &[0; 5000]), [2048, 4096, 5000], "zeros have no boundary");
        assert_eq!(chunker.next_cut(&[0; 40], false), None);
        assert_eq!(chunker.pending(), 40);
        assert_eq!(chunker.next_cut(&[], true), Some(0));
        assert_eq!(chunker.next_cut(&[], true), None);
        assert_eq!(chunker.pending(), 0);
    }
}

#[test]
fn impossible_sizes_are_refused() {
    for (min, average, max) in [(63, 512, 1024), (64, 319, 1024), (64, 2048, 1024), (64, 512, (1 << 30) + 1)] {
        let error = Chunker::new(&[0; 32], Params { min, average, max }).err().unwrap();
        assert_eq!(error, ParamsError { min, average, max });
    }
}

#[test]
fn chunks_have_the_stated_sizes() {
    let params = Params { min: 4 << 10, average: 16 << 10, max: 64 << 10 };
    let data = noise(7, 16 << 20);
    let ends = cuts(&mut Chunker::new(&[5; 32], params).unwrap(), &data);
    let mean = data.len() / ends.len();
    assert!((15 << 10..17 << 10).contains(&mean), "mean {mean}");
    let mut start = 0;
    for &end in &ends {
        assert!((end - start >= params.min || end == data.len()) && end - start <= params.max);
        start = end;
    }
}

#[test]
fn a_run_of_one_value_is_not_cut_where_a_chunk_may_end() {
    for number in 0..32 {
        let mut chunker = Chunker::new(&[number; 32], SMALL).unwrap();
        for value in 0..=255 {
            let ends = cuts(&mut chunker, &[value; 4 * SMALL.max]);
            assert_eq!(ends, [1, 2, 3, 4].map(|n| n * SMALL.max), "key {number}, value {value}");
        }
    }
}

#[test]
fn an_insertion_moves_only_the_cuts_near_it() {
    let data = noise(11, 1 << 20);
    let mut longer = data.clone();
    longer.splice(300_000..300_000, *b"seventeen bytes!!");
    let mut chunker = Chunker::new(&[5; 32], SMALL).unwrap();
    let before: std::collections::HashSet<usize> = cuts(&mut chunker, &data).into_iter().collect();
    let after = cuts(&mut chunker, &longer);
    let kept = after.iter().filter(|&&end| end < 300_000 && before.contains(&end)).count()
        + after.iter().filter(|&&end| end >= 300_017 && before.contains(&(end - 17))).count();
    assert!(after.len() - kept <= 20, "{} cuts moved", after.len() - kept);
}

/// Also at the sizes of repositories, with both planes in use.
#[test]
fn kernels_agree_on_every_boundary() {
    let data = noise(3, 8 << 20);
    let all = |kernel| {
        let hash = BoundaryHash::new(&[42; 32], 1 << 16, kernel);
        let (mut found, mut from) = (Vec::new(), 0);
        while let Some(end) = hash.find(&data[from..]) {
            found.push(from + end);
            from += end + 2 - WINDOW;
        }
        found
    };
    let expected = all(Kernel::Portable);
    assert!((90..170).contains(&expected.len()), "{} boundaries, expected about 128", expected.len());
    for kernel in Kernel::available() {
        assert_eq!(all(kernel), expected, "{kernel:?}");
    }
}

#[test]
fn golden_cuts() {
    let key: [u8; 32] = std::array::from_fn(|n| n as u8);
    for kernel in Kernel::available() {
        let mut small = Chunker::with_kernel(&key, SMALL, kernel).unwrap();
        assert_eq!(cuts(&mut small, &noise(0, 5000)), GOLDEN_SMALL, "{kernel:?}");
        let mut large = Chunker::with_kernel(&key, Params::DEFAULT, kernel).unwrap();
        assert_eq!(cuts(&mut large, &noise(0, 8 << 20)), GOLDEN_DEFAULT, "{kernel:?}");
    }
}

/// Cuts of SplitMix64 (seed 0, words little-endian) with the key 00 01 02 .. 1f; never to be changed.
const GOLDEN_SMALL: &[usize] = &[302, 511, 759, 843, 975, 1404, 1753, 2294, 2799, 3805, 5000];
const GOLDEN_DEFAULT: &[usize] = &[983084, 1429224, 3209035, 4948705, 5728103, 7538204, 8388608];

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_kernel_and_split_gives_the_cuts_of_the_definition(
        key in any::<[u8; 32]>(),
        seed in any::<u64>(),
        length in 0usize..6000,
        min in 64usize..200,
        repeat in prop_oneof![Just(0usize), 1usize..70],
        pieces in prop::collection::vec(0usize..500, 1..40),
    ) {
        let params = Params { min, average: min + 300, max: 1500 };
        let mut data = noise(seed, length);
        if repeat > 0 {
            // Periodic data: the worst case of linear hashes.
            for i in repeat..data.len() {
                data[i] = data[i - repeat];
            }
        }
        let expected = cuts_by_definition(&key, params, &data);
        for kernel in Kernel::available() {
            let mut chunker = Chunker::with_kernel(&key, params, kernel).unwrap();
            prop_assert_eq!(&cuts(&mut chunker, &data), &expected, "{:?}", kernel);

            let (mut found, mut at, mut next) = (Vec::new(), 0, pieces.iter().cycle());
            loop {
                // A piece may be empty; all zero would never end.
                let size = *next.next().unwrap() + usize::from(pieces.iter().all(|&n| n == 0));
                let to = data.len().min(at + size);
                let eof = to == data.len();
                match chunker.next_cut(&data[at..to], eof) {
                    Some(n) => {
                        at += n;
                        found.push(at);
                    }
                    None if eof => break,
                    None => at = to,
                }
            }
            prop_assert_eq!(&found, &expected, "{:?} in pieces", kernel);
        }
    }
}
