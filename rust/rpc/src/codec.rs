//! The encoding of values (docs/boundary.md, "Encoding"). Decoders meet bytes that anyone may have made: they never
//! panic, never allocate more than the bytes at hand can fill, and never recurse deeper than [`MAX_DEPTH`].

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;
use std::sync::Arc;

use crate::buffer::Buffer;
use crate::callback::Callback;
use crate::error::Error;
use crate::runtime::Core;
use crate::tables::Tables;

/// How deep types nest on the wire.
pub const MAX_DEPTH: u32 = 64;

/// A frame repeats at most this many handles after its payload: their number is one byte of the header.
pub const MAX_HANDLES: usize = 255;

/// A payload has at most this many bytes: the length of its frame fits into 32 bits.
pub const MAX_PAYLOAD: usize = u32::MAX as usize - (64 << 10);

/// Marks, in the handles that follow a payload, those of objects.
pub const OBJECT_HANDLE: u64 = 1 << 63;

/// Reads values from a payload.
pub struct Reader<'a> {
    rest: &'a [u8],
    depth: u32,
    /// The runtime whose handles the bytes hold, and the queue that they came by.
    from: Option<(&'a Arc<Core>, u16)>,
    /// Buffers that the caller moved with the frame, by the handles that they had.
    carried: Vec<(u64, Buffer)>,
    /// Bytes of the buffers that were read.
    buffer_bytes: u64,
    fault: Option<Error>,
}

impl<'a> Reader<'a> {
    /// Reads from these bytes; handles in them are closed ones.
    pub fn new(bytes: &'a [u8]) -> Self {
        Reader { rest: bytes, depth: 0, from: None, carried: Vec::new(), buffer_bytes: 0, fault: None }
    }

    /// Reads what a caller sent by a queue, with the buffers that came with it.
    pub(crate) fn of_caller(bytes: &'a [u8], core: &'a Arc<Core>, queue: u16, carried: Vec<(u64, Buffer)>) -> Self {
        Reader { from: Some((core, queue)), carried, ..Reader::new(bytes) }
    }

    pub(crate) fn tables(&self) -> Option<&'a Tables> {
        self.from.map(|(core, _)| &core.tables)
    }

    pub(crate) fn buffer_bytes(&self) -> u64 {
        self.buffer_bytes
    }

    /// Fails where a buffer could not be taken. That does not end the reading, so that all that comes after it, other
    /// buffers and callbacks, changes hands also where the call fails.
    pub(crate) fn take_fault(&mut self) -> Result<(), Error> {
        self.fault.take().map_or(Ok(()), Err)
    }

    /// Reads a callback, which will be released when the value and all its clones are dropped.
    pub fn callback(&mut self) -> Result<Callback, Error> {
        let handle = u64::from_le_bytes(self.array()?);
        match self.from {
            Some((core, queue)) if handle != 0 => Ok(Callback::new(core, queue, handle)),
            _ => Err(Error::Closed("callback")),
        }
    }

    /// The number of bytes that are left in the record, or in the payload.
    pub fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// Takes so many bytes.
    pub fn take(&mut self, length: usize) -> Result<&'a [u8], Error> {
        if length > self.rest.len() {
            return Err(Error::Malformed("a value is cut off"));
        }
        let (taken, rest) = self.rest.split_at(length);
        self.rest = rest;
        Ok(taken)
    }

    /// Takes an array.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        match self.rest.split_first_chunk::<N>() {
            Some((taken, rest)) => {
                self.rest = rest;
                Ok(*taken)
            }
            None => Err(Error::Malformed("a value is cut off")),
        }
    }

    /// Takes a `u32` length and checks that so many bytes are left.
    pub fn length(&mut self) -> Result<usize, Error> {
        let length = u32::from_le_bytes(self.array()?) as usize;
        if length > self.rest.len() {
            return Err(Error::Malformed("a length exceeds the bytes that are left"));
        }
        Ok(length)
    }

    /// Takes a `u32` count of items that are at least `smallest` bytes long each.
    pub fn count(&mut self, smallest: usize) -> Result<usize, Error> {
        let count = u32::from_le_bytes(self.array()?) as usize;
        if count > self.rest.len() / smallest.max(1) {
            return Err(Error::Malformed("a count exceeds the bytes that are left"));
        }
        Ok(count)
    }

    /// Runs `read` one level deeper.
    pub fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Error>) -> Result<T, Error> {
        if self.depth == MAX_DEPTH {
            return Err(Error::Malformed("values nest more than 64 deep"));
        }
        self.depth += 1;
        let value = read(self);
        self.depth -= 1;
        value
    }

    /// Reads a record: its length, then its fields with `read`; bytes that a newer writer appended are skipped.
    pub fn record<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Error>) -> Result<T, Error> {
        let length = self.length()?;
        let (inside, after) = self.rest.split_at(length);
        self.rest = inside;
        let value = self.nested(read);
        self.rest = after;
        value
    }

    /// Reads a field, or its default where an older writer's record ends before it.
    pub fn field<T: Decode>(&mut self, default: impl FnOnce() -> T) -> Result<T, Error> {
        if self.rest.is_empty() {
            Ok(default())
        } else {
            T::decode(self)
        }
    }
}

/// Writes values to a payload.
pub struct Writer<'a> {
    bytes: &'a mut Vec<u8>,
    handles: Vec<u64>,
    tables: Option<&'a Tables>,
}

/// Where a value panics while it is written, what was written before is freed.
impl Drop for Writer<'_> {
    fn drop(&mut self) {
        if let Some(tables) = self.tables {
            tables.release(&self.handles);
        }
    }
}

impl<'a> Writer<'a> {
    /// Appends to these bytes; buffers and objects that are written are dropped, and stand as handle 0.
    pub fn new(bytes: &'a mut Vec<u8>) -> Self {
        Writer { bytes, handles: Vec::new(), tables: None }
    }

    pub(crate) fn with_tables(bytes: &'a mut Vec<u8>, tables: &'a Tables) -> Self {
        Writer { bytes, handles: Vec::new(), tables: Some(tables) }
    }

    pub(crate) fn tables(&self) -> Option<&'a Tables> {
        self.tables
    }

    pub(crate) fn handle(&mut self, handle: u64, marked: u64) {
        self.u64(handle);
        self.handles.push(marked);
    }

    /// The handles that were written, as they follow the payload.
    pub(crate) fn into_handles(mut self) -> Vec<u64> {
        std::mem::take(&mut self.handles)
    }

    /// Appends bytes as they are.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Appends a number.
    pub fn u32(&mut self, value: u32) {
        self.raw(&value.to_le_bytes());
    }

    /// Appends a number.
    pub fn u64(&mut self, value: u64) {
        self.raw(&value.to_le_bytes());
    }

    /// Appends a count or a length.
    ///
    /// # Panics
    /// Where it does not fit into 32 bits: a frame cannot hold so much. The panic ends the request alone.
    pub fn size(&mut self, size: usize) {
        self.u32(u32::try_from(size).expect("a value has more than 4 GiB; pass it as buffers"));
    }

    /// Appends a string or bytes with their length.
    pub fn sized(&mut self, bytes: &[u8]) {
        self.size(bytes.len());
        self.raw(bytes);
    }

    /// Appends a string.
    pub fn text(&mut self, text: &str) {
        self.sized(text.as_bytes());
    }

    /// Appends what `write` appends, with its length before it.
    pub fn record(&mut self, write: impl FnOnce(&mut Self)) {
        let at = self.bytes.len();
        self.u32(0);
        write(self);
        let length =
            u32::try_from(self.bytes.len() - at - 4).expect("a record has more than 4 GiB; pass it as buffers");
        self.bytes[at..at + 4].copy_from_slice(&length.to_le_bytes());
    }
}

/// Shows fixed bytes in messages.
pub struct Hexadecimal<'a>(pub &'a [u8]);

impl std::fmt::Display for Hexadecimal<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A value that can be written. Writing consumes it, because buffers move.
pub trait Encode: Sized {
    /// Appends the value.
    fn encode(self, writer: &mut Writer<'_>);

    /// Shows every buffer in the value, so that it can be charged to the callers' budget before it is written.
    fn buffers(&mut self, _visit: &mut dyn FnMut(&mut Buffer)) {}

    /// Appends a list of such values.
    fn encode_list(list: Vec<Self>, writer: &mut Writer<'_>) {
        writer.size(list.len());
        for item in list {
            item.encode(writer);
        }
    }
}

/// A value that can be read.
pub trait Decode: Sized {
    /// Bytes that the shortest value takes.
    const SMALLEST: usize;

    /// Credit that a stream of such values from the caller has at most: enough to keep a sender busy while what it sent
    /// is worked on.
    const WINDOW: u64 = 256 << 10;

    /// Reads the value.
    fn decode(reader: &mut Reader<'_>) -> Result<Self, Error>;

    /// Reads a list of such values.
    fn decode_list(reader: &mut Reader<'_>) -> Result<Vec<Self>, Error> {
        let count = reader.count(Self::SMALLEST)?;
        reader.nested(|reader| {
            // A value may be larger in memory than on the wire, so what is reserved is bounded by the bytes at hand.
            let affordable = reader.remaining() / std::mem::size_of::<Self>().max(1);
            let mut list = Vec::with_capacity(count.min(affordable));
            for _ in 0..count {
                list.push(Self::decode(reader)?);
            }
            Ok(list)
        })
    }
}

macro_rules! numbers {
    ($($type:ty),*) => {$(
        impl Encode for $type {
            #[inline]
            fn encode(self, writer: &mut Writer<'_>) {
                writer.raw(&self.to_le_bytes());
            }
        }
        impl Decode for $type {
            const SMALLEST: usize = std::mem::size_of::<$type>();
            #[inline]
            fn decode(reader: &mut Reader<'_>) -> Result<Self, Error> {
                Ok(<$type>::from_le_bytes(reader.array()?))
            }
        }
    )*};
}
numbers!(u16, u32, u64, i8, i16, i32, i64, f32, f64);

impl Encode for u8 {
    fn encode(self, writer: &mut Writer<'_>) {
        writer.raw(&[self]);
    }
    // `bytes` and `list<u8>` are the same on the wire, and are moved as a block.
    fn encode_list(list: Vec<Self>, writer: &mut Writer<'_>) {
        writer.sized(&list);
    }
}

impl Decode for u8 {
    const SMALLEST: usize = 1;
    fn decode(reader: &mut Reader<'_>) -> Result<Self, Error> {
        Ok(reader.array::<1>()?[0])
    }
    fn decode_list(reader: &mut Reader<'_>) -> Result<Vec<Self>, Error> {
        let length = reader.length()?;
        reader.nested(|reader| Ok(reader.take(length)?.to_vec()))
    }
}

impl Encode for () {
    fn encode(self, _: &mut Writer<'_>) {}
}

impl Decode for () {
    const SMALLEST: usize = 0;
    fn decode(_: &mut Reader<'_>) -> Result<Self, Error> {
        Ok(())
    }
}

/// One value after the other: the arguments of a callback's method.
impl<A: Encode, B: Encode> Encode for (A, B) {
    fn encode(self, writer: &mut Writer<'_>) {
        self.0.encode(writer);
        self.1.encode(writer);
    }
    fn buffers(&mut self, visit: &mut dyn FnMut(&mut Buffer)) {
        self.0.buffers(visit);
        self.1.buffers(visit);
    }
}

impl Encode for bool {
    fn encode(self, writer: &mut Writer<'_>) {
        writer.raw(&[u8::from(self)]);
    }
}

impl Decode for bool {
    const SMALLEST: usize = 1;
    fn decode(reader: &mut Reader<'_>) -> Result<Self, Error> {
        match reader.array::<1>()? {
            [0] => Ok(false),
            [1] => Ok(true),
            _ => Err(Error::Malformed("a bool is neither 0 nor 1")),
        }
    }
}

impl Encode for String {
    fn encode(self, writer: &mut Writer<'_>) {
        writer.text(&self);
    }
}

impl Decode for String {
    const SMALLEST: usize = 4;
    fn decode(reader: &mut Reader<'_>) -> Result<Self, Error> {
        let length = reader.length()?;
        match std::str::from_utf8(reader.take(length)?) {
            Ok(text) => Ok(text.to_owned()),
            Err(_) => Err(Error::Malformed("a string is not UTF-8")),
        }
    }
}

impl Encode for PathBuf {
    fn encode(self, writer: &mut Writer<'_>) {
        writer.sized(self.as_os_str().as_bytes());
    }
}

impl Decode for PathBuf {
    const SMALLEST: usize = 4;
    fn decode(reader: &mut Reader<'_>) -> Result<Self, Error> {
        let length = reader.length()?;
        Ok(PathBuf::from(OsString::from_vec(reader.take(length)?.to_vec())))
    }
}

impl<const N: usize> Encode for [u8; N] {
    fn encode(self, writer: &mut Writer<'_>) {
        writer.raw(&self);
    }
}

impl<const N: usize> Decode for [u8; N] {
    const SMALLEST: usize = N;
    fn decode(reader: &mut Reader<'_>) -> Result<Self, Error> {
        reader.array()
    }
}

impl<T: Encode> Encode for Option<T> {
    fn encode(self, writer: &mut Writer<'_>) {
        match self {
            None => writer.raw(&[0]),
            Some(value) => {
                writer.raw(&[1]);
                value.encode(writer);
            }
        }
    }
    fn buffers(&mut self, visit: &mut dyn FnMut(&mut Buffer)) {
        if let Some(value) = self {
            value.buffers(visit);
        }
    }
}

impl<T: Decode> Decode for Option<T> {
    const SMALLEST: usize = 1;
    fn decode(reader: &mut Reader<'_>) -> Result<Self, Error> {
        match reader.array::<1>()? {
            [0] => Ok(None),
            [1] => reader.nested(T::decode).map(Some),
            _ => Err(Error::Malformed("the mark of an optional is neither 0 nor 1")),
        }
    }
}

impl<T: Encode> Encode for Vec<T> {
    fn encode(self, writer: &mut Writer<'_>) {
        T::encode_list(self, writer);
    }
    fn buffers(&mut self, visit: &mut dyn FnMut(&mut Buffer)) {
        for item in self {
            item.buffers(visit);
        }
    }
}

impl<T: Decode> Decode for Vec<T> {
    const SMALLEST: usize = 4;
    fn decode(reader: &mut Reader<'_>) -> Result<Self, Error> {
        T::decode_list(reader)
    }
}

impl<K: Encode, V: Encode> Encode for BTreeMap<K, V> {
    fn encode(self, writer: &mut Writer<'_>) {
        writer.size(self.len());
        for (key, value) in self {
            key.encode(writer);
            value.encode(writer);
        }
    }
    fn buffers(&mut self, visit: &mut dyn FnMut(&mut Buffer)) {
        for value in self.values_mut() {
            value.buffers(visit);
        }
    }
}

impl<K: Decode + Ord, V: Decode> Decode for BTreeMap<K, V> {
    const SMALLEST: usize = 4;
    fn decode(reader: &mut Reader<'_>) -> Result<Self, Error> {
        let count = reader.count(K::SMALLEST + V::SMALLEST)?;
        reader.nested(|reader| {
            let mut map = BTreeMap::new();
            for _ in 0..count {
                let key = K::decode(reader)?;
                let value = V::decode(reader)?;
                if map.insert(key, value).is_some() {
                    return Err(Error::Malformed("a key comes twice in a map"));
                }
            }
            Ok(map)
        })
    }
}

impl Encode for Buffer {
    fn encode(self, writer: &mut Writer<'_>) {
        match writer.tables() {
            Some(tables) => {
                let handle = tables.buffers.give(self);
                writer.handle(handle, handle);
            }
            None => writer.u64(0),
        }
    }
    fn buffers(&mut self, visit: &mut dyn FnMut(&mut Buffer)) {
        visit(self);
    }
}

impl Decode for Buffer {
    const SMALLEST: usize = 8;
    // A few blocks of the usual size.
    const WINDOW: u64 = 8 << 20;
    fn decode(reader: &mut Reader<'_>) -> Result<Self, Error> {
        let handle = u64::from_le_bytes(reader.array()?);
        let taken = match reader.carried.iter().position(|(carried, _)| *carried == handle) {
            Some(at) => Ok(reader.carried.swap_remove(at).1),
            None => reader.tables().ok_or(Error::Closed("buffer")).and_then(|tables| tables.buffers.take(handle)),
        };
        match taken {
            Ok(buffer) => {
                reader.buffer_bytes += buffer.len() as u64;
                Ok(buffer)
            }
            Err(error) if reader.from.is_some() => {
                reader.fault.get_or_insert(error);
                Ok(Buffer::default())
            }
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::{btree_map, vec};
    use proptest::prelude::*;

    fn encoded(value: impl Encode) -> Vec<u8> {
        let mut bytes = Vec::new();
        value.encode(&mut Writer::new(&mut bytes));
        bytes
    }

    /// A value comes back with the bytes that it was written as, and is malformed where any of them is missing.
    fn returns<T: Encode + Decode>(value: T) {
        let bytes = encoded(value);
        let mut reader = Reader::new(&bytes);
        let back = T::decode(&mut reader).expect("reads");
        assert_eq!(reader.remaining(), 0);
        // Compared as bytes, because NaN is not equal to itself.
        assert_eq!(encoded(back), bytes);
        for cut in 0..bytes.len() {
            assert!(T::decode(&mut Reader::new(&bytes[..cut])).is_err(), "cut at {cut}");
        }
    }

    /// Any bytes are refused, or are a value that is written as something that reads the same.
    fn survives<T: Encode + Decode>(bytes: &[u8]) {
        if let Ok(value) = T::decode(&mut Reader::new(bytes)) {
            let again = encoded(value);
            assert_eq!(encoded(T::decode(&mut Reader::new(&again)).expect("reads")), again);
        }
    }

    /// A type that nests as deep as its bytes say.
    struct Nested(Option<Box<Nested>>);

    impl Decode for Nested {
        const SMALLEST: usize = 1;
        fn decode(reader: &mut Reader<'_>) -> Result<Self, Error> {
            Ok(Nested(Option::<NestedBox>::decode(reader)?.map(|inner| inner.0)))
        }
    }

    struct NestedBox(Box<Nested>);

    impl Decode for NestedBox {
        const SMALLEST: usize = 1;
        fn decode(reader: &mut Reader<'_>) -> Result<Self, Error> {
            Ok(NestedBox(Box::new(Nested::decode(reader)?)))
        }
    }

    #[test]
    fn depth_ends() {
        let depth = |levels: usize| {
            let mut bytes = vec![1; levels];
            bytes.push(0);
            let mut nested = Nested::decode(&mut Reader::new(&bytes)).map(|nested| nested.0);
            let mut found = 0;
            while let Ok(Some(inner)) = nested {
                found += 1;
                nested = Ok(inner.0);
            }
            nested.map(|_| found)
        };
        assert_eq!(depth(64), Ok(64));
        assert_eq!(depth(65), Err(Error::Malformed("values nest more than 64 deep")));
        assert_eq!(depth(1 << 20), Err(Error::Malformed("values nest more than 64 deep")));
    }

    #[test]
    fn a_count_reserves_no_more_than_the_bytes_at_hand() {
        // 4 Gi items stand where there are none; and 1000 optionals of one byte, which are larger in memory.
        assert!(Vec::<u64>::decode(&mut Reader::new(&[0xff; 4])).is_err());
        assert!(BTreeMap::<u8, u8>::decode(&mut Reader::new(&[0xff; 4])).is_err());
        let mut bytes = 1000u32.to_le_bytes().to_vec();
        bytes.resize(1004, 0);
        let list = Vec::<Option<[u8; 1024]>>::decode(&mut Reader::new(&bytes)).expect("reads");
        assert_eq!(list.len(), 1000);
    }

    #[test]
    fn handles_without_a_table_are_closed() {
        assert_eq!(encoded(Buffer::default()), [0; 8]);
        assert_eq!(Buffer::decode(&mut Reader::new(&[1; 8])).err(), Some(Error::Closed("buffer")));
    }

    proptest! {
        #[test]
        fn values_come_back(
            numbers in any::<(u8, u16, u32, u64, i8, i16, i32, i64)>(), single in any::<u32>(), double in any::<u64>(),
            truth in any::<bool>(), text in any::<String>(), fixed in any::<[u8; 5]>(),
            path in vec(any::<u8>(), 0..20), texts in vec(any::<Option<String>>(), 0..5),
            blocks in vec(vec(any::<u8>(), 0..9), 0..5), by_text in btree_map(any::<String>(), any::<i64>(), 0..5),
            by_number in btree_map(any::<u16>(), vec(any::<u32>(), 0..3), 0..5)
        ) {
            returns(numbers.0);
            returns(numbers.1);
            returns(numbers.2);
            returns(numbers.3);
            returns(numbers.4);
            returns(numbers.5);
            returns(numbers.6);
            returns(numbers.7);
            returns(f32::from_bits(single));
            returns(f64::from_bits(double));
            returns(truth);
            returns(text);
            returns(fixed);
            returns(PathBuf::from(OsString::from_vec(path)));
            returns(texts);
            returns(blocks);
            returns(by_text);
            returns(by_number);
        }

        #[test]
        fn any_bytes_are_a_value_or_refused(
            mut bytes in vec(any::<u8>(), 0..64), count in proptest::option::of(0u32..8)
        ) {
            // Random counts are nearly always too large: half of the inputs begin with a small one.
            if let (Some(count), Some(first)) = (count, bytes.first_chunk_mut()) {
                *first = count.to_le_bytes();
            }
            survives::<bool>(&bytes);
            survives::<f64>(&bytes);
            survives::<String>(&bytes);
            survives::<PathBuf>(&bytes);
            survives::<[u8; 7]>(&bytes);
            survives::<Option<Option<bool>>>(&bytes);
            survives::<Vec<u8>>(&bytes);
            survives::<Vec<Vec<u16>>>(&bytes);
            survives::<Vec<Option<String>>>(&bytes);
            survives::<BTreeMap<u8, bool>>(&bytes);
            survives::<BTreeMap<String, Vec<u8>>>(&bytes);
        }

        #[test]
        fn records_end_where_they_say(fields in vec(any::<u8>(), 0..12), after in vec(any::<u8>(), 0..4)) {
            let mut bytes = Vec::new();
            Writer::new(&mut bytes).record(|writer| writer.raw(&fields));
            bytes.extend_from_slice(&after);
            let mut reader = Reader::new(&bytes);
            let read = reader.record(|reader| Ok((reader.field(|| 7u32)?, reader.field(|| 9u32)?)));
            match fields.len() {
                // A field that is cut in its middle.
                1..=3 | 5..=7 => prop_assert!(read.is_err()),
                length => {
                    let (first, second) = read.expect("reads");
                    prop_assert!(length >= 4 || first == 7);
                    prop_assert!(length >= 8 || second == 9);
                    prop_assert_eq!(reader.take(reader.remaining()), Ok(&after[..]));
                }
            }
        }
    }
}
