//! What the compiler makes of `codegen/testdata/whole.idl` compiles, and says what the IDL says.

#[expect(dead_code, reason = "nobody implements its interfaces; that they compile is what is tested")]
#[path = "../../../codegen/rust/testdata/whole.rs"]
mod whole;

use std::time::Duration;

use rpc::{Declared, Decode, Encode, Reader, Thrown, Writer};
use whole::{Color, Defaults, Failure, Leaf, Point, SharedRecord, Types, GREETING, MAX_SIZE, PATIENCE, SURE};

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
    let mut bytes = Vec::new();
    value.clone().encode(&mut Writer::new(&mut bytes));
    assert_eq!(Types::decode(&mut Reader::new(&bytes)), Ok(value));
    assert_eq!(Types::decode(&mut Reader::new(&[0; 4])), Ok(Types::default()), "an empty one is that of defaults");
}

#[test]
fn an_error_that_a_callback_throws_comes_back() {
    let error = Failure::Lost { object: "chunk".to_owned(), at: "/tmp".into(), id: [1, 2, 3, 4] };
    let mut bytes = Vec::new();
    error.clone().encode_fields(&mut Writer::new(&mut bytes));
    assert_eq!(Failure::decode_fields(error.variant(), &mut Reader::new(&bytes)), Ok(error.clone()));
    assert_eq!(error.to_string(), "chunk at /tmp (01020304) is lost; {not} \"found\"");
    assert!(Failure::decode_fields(2, &mut Reader::new(&bytes)).is_err());
    assert_eq!(Point::default(), Point { x: 0, y: 0 });
}
