//! What the compiler makes of `codegen/testdata/whole.idl` compiles, and says what the IDL says.

#[expect(dead_code, reason = "nobody implements its interfaces; that they compile is what is tested")]
#[path = "../../../codegen/rust/testdata/whole.rs"]
mod whole;

use std::time::Duration;

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use rpc::{Declared, Error, Reader, Thrown, Timestamp, Writer};
use whole::{Color, Defaults, Failure, Leaf, Point, SharedRecord, Tree, Types, GREETING, MAX_SIZE, PATIENCE, SURE};

fn written(write: impl FnOnce(&mut Writer<'_>)) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(&mut Writer::new(&mut bytes));
    bytes
}

fn types_in(bytes: &[u8]) -> Result<Types, Error> {
    Types::decode(&mut Reader::new(bytes))
}

#[test]
fn constants_and_defaults_are_those_of_the_idl() {
    assert_eq!((MAX_SIZE, PATIENCE), (16, Duration::from_millis(1500)));
    const { assert!(SURE) };
    let defaults = Defaults::default();
    assert_eq!((defaults.k, defaults.l, defaults.m), (MAX_SIZE, Duration::from_secs(7200), PATIENCE));
    assert_eq!(defaults.j, Color::Mixed { red: 1, green: 0, blue: 0 });
    assert!(GREETING.ends_with('\u{1F600}') && defaults.i.ends_with('é'));
}

#[test]
fn a_record_of_all_types_comes_back() {
    let value = Types {
        t: std::time::SystemTime::UNIX_EPOCH.into(),
        u: Duration::from_nanos(5),
        v: [7; 32],
        w: vec![[("key".to_owned(), [1; 32])].into()],
        x: SharedRecord { leaf: Leaf::Brown },
        ..Types::default()
    };
    let bytes = written(|writer| value.clone().encode(writer));
    assert_eq!(types_in(&bytes), Ok(value));
}

#[test]
fn an_error_that_a_callback_throws_comes_back() {
    let error = Failure::Lost { object: "chunk".to_owned(), at: "/tmp".into(), id: [1, 2, 3, 4] };
    let bytes = written(|writer| error.clone().encode_fields(writer));
    assert_eq!(Failure::decode_fields(error.variant(), &mut Reader::new(&bytes)), Ok(error.clone()));
    assert_eq!(error.to_string(), "chunk at /tmp (01020304) is lost; {not} \"found\"");
    assert!(Failure::decode_fields(2, &mut Reader::new(&bytes)).is_err());
    assert_eq!(Point::default(), Point { x: 0, y: 0 });
}

#[test]
fn what_is_left_out_has_its_default() {
    assert_eq!(types_in(&[0; 4]), Ok(Types::default()));
    assert_eq!(Defaults::decode(&mut Reader::new(&[0; 4])), Ok(Defaults::default()));
    let mixed = written(|writer| {
        writer.u32(1);
        writer.record(|writer| writer.u8(9));
    });
    assert_eq!(Color::decode(&mut Reader::new(&mixed)), Ok(Color::Mixed { red: 9, green: 0, blue: 0 }));
}

#[test]
fn depth_ends() {
    // A record and a list to each level.
    let tree = |levels: usize| {
        let tree = (1..levels).fold(Tree::default(), |tree, _| Tree { value: 1, children: vec![tree] });
        let bytes = written(|writer| tree.clone().encode(writer));
        Tree::decode(&mut Reader::new(&bytes)).map(|back| assert!(back == tree))
    };
    assert_eq!(tree(32), Ok(()));
    assert_eq!(tree(33), Err(Error::Malformed("values nest more than 64 deep")));
    assert_eq!(tree(1000), Err(Error::Malformed("values nest more than 64 deep")));
}

fn colors() -> impl Strategy<Value = Color> {
    prop_oneof![
        Just(Color::Red),
        any::<(u8, u8, u8)>().prop_map(|(red, green, blue)| Color::Mixed { red, green, blue })
    ]
}

fn types() -> impl Strategy<Value = Types> {
    let numbers = (any::<(bool, u8, u16, u32, u64)>(), any::<(i8, i16, i32, i64)>(), any::<(u32, u64)>());
    let texts = any::<(String, Vec<u8>, [u8; 32], std::path::PathBuf, Option<Vec<u8>>, [u8; 32])>();
    let tables = (
        btree_map(any::<[u8; 4]>(), btree_map(any::<bool>(), any::<String>(), 0..3), 0..3),
        vec(btree_map(any::<String>(), any::<[u8; 32]>(), 0..3), 0..3),
    );
    let moments = (any::<i64>(), 0u32..1_000_000_000, 0..=i64::MAX as u64);
    let declared = (colors(), any::<(i32, i32)>(), prop_oneof![Just(Leaf::Green), Just(Leaf::Brown)]);
    (numbers, texts, tables, moments, declared).prop_map(|(numbers, texts, tables, moments, declared)| {
        let ((a, b, c, d, e), (f_, g, h, i), (single, double)) = numbers;
        let (l, m, n, o, p, v) = texts;
        let ((q, w), (seconds, nanos, span), (r, (x, y), leaf)) = (tables, moments, declared);
        Types {
            a,
            b,
            c,
            d,
            e,
            f_,
            g,
            h,
            i,
            j: f32::from_bits(single),
            k: f64::from_bits(double),
            l,
            m,
            n,
            o,
            p,
            q,
            r,
            s: Point { x, y },
            t: Timestamp { seconds, nanos },
            u: Duration::from_nanos(span),
            v,
            w,
            x: SharedRecord { leaf },
        }
    })
}

proptest! {
    /// A value comes back with the bytes that it was written as, and is malformed where any of them is missing.
    #[test]
    fn values_come_back(value in types()) {
        let bytes = written(|writer| value.encode(writer));
        let mut reader = Reader::new(&bytes);
        let back = Types::decode(&mut reader).expect("reads");
        prop_assert_eq!(reader.remaining(), 0);
        // Compared as bytes, because NaN is not equal to itself.
        prop_assert_eq!(written(|writer| back.encode(writer)), &bytes[..]);
        for cut in 0..bytes.len() {
            prop_assert!(types_in(&bytes[..cut]).is_err(), "cut at {}", cut);
        }
    }

    /// Spoilt bytes are refused, or are a value that is written as something that reads the same.
    #[test]
    fn any_bytes_are_a_value_or_refused(
        value in types(), spoilt in vec((any::<prop::sample::Index>(), any::<u8>(), 0..3), 1..4)
    ) {
        let mut bytes = written(|writer| value.encode(writer));
        for (at, byte, how) in spoilt {
            // The length before the fields stays right, so that more than it is looked at.
            let at = 4 + at.index(bytes.len() - 4);
            match how {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => bytes.truncate(at + 1),
            }
            let length = u32::try_from(bytes.len() - 4).expect("is short");
            bytes[..4].copy_from_slice(&length.to_le_bytes());
        }
        if let Ok(value) = types_in(&bytes) {
            let again = written(|writer| value.encode(writer));
            let back = types_in(&again).expect("reads");
            prop_assert_eq!(written(|writer| back.encode(writer)), again);
        }
    }
}
