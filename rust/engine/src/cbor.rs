//! CBOR records of objects: whole inputs only.

use minicbor::{Decode, Decoder, Encode};

pub(crate) fn encode<T: Encode<()>>(value: &T) -> Vec<u8> {
    let mut out = Vec::new();
    // Writing to memory does not fail, and no encoder of the engine reports errors of its own.
    minicbor::encode(value, &mut out).expect("encoding to memory");
    out
}

/// `None`: not a `T`, or something follows it.
pub(crate) fn decode<'b, T: Decode<'b, ()>>(bytes: &'b [u8]) -> Option<T> {
    let mut decoder = Decoder::new(bytes);
    let value = decoder.decode().ok()?;
    (decoder.position() == bytes.len()).then_some(value)
}
