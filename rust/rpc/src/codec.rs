//! The primitives of the encoding (docs/boundary.md, "Encoding"). What is written and read with them, and in which order, is
//! the compiler's: it generates that from one lowering for all languages. Readers meet bytes that anyone may have made: they
//! never panic, never allocate more than the bytes at hand can fill, and never recurse deeper than [`MAX_DEPTH`].

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::buffer::{Budget, Buffer};
use crate::callback::Callback;
use crate::error::Error;
use crate::moment::{Timestamp, BILLION};
use crate::runtime::Core;
use crate::tables::{Object, Tables};

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

/// The numbers of a width: a reader's and a writer's method each.
macro_rules! numbers {
    ($($type:ident),*) => {
        impl Reader<'_> {$(
            /// Reads a number.
            #[inline]
            pub fn $type(&mut self) -> Result<$type, Error> {
                self.fixed().map(<$type>::from_le_bytes)
            }
        )*}

        impl Writer<'_> {$(
            /// Appends a number.
            #[inline]
            pub fn $type(&mut self, value: $type) {
                self.fixed(&value.to_le_bytes());
            }
        )*}
    };
}
numbers!(u8, u16, u32, u64, i8, i16, i32, i64, f32, f64);

impl<'a> Reader<'a> {
    /// Reads from these bytes; handles in them are closed ones.
    pub fn new(bytes: &'a [u8]) -> Self {
        Reader { rest: bytes, depth: 0, from: None, carried: Vec::new(), buffer_bytes: 0, fault: None }
    }

    /// Reads what a caller sent by a queue, with the buffers that came with it.
    pub(crate) fn of_caller(bytes: &'a [u8], core: &'a Arc<Core>, queue: u16, carried: Vec<(u64, Buffer)>) -> Self {
        Reader { from: Some((core, queue)), carried, ..Reader::new(bytes) }
    }

    pub(crate) fn buffer_bytes(&self) -> u64 {
        self.buffer_bytes
    }

    /// Fails where a buffer could not be taken. That does not end the reading, so that all that comes after it, other
    /// buffers and callbacks, changes hands also where the call fails.
    pub(crate) fn take_fault(&mut self) -> Result<(), Error> {
        self.fault.take().map_or(Ok(()), Err)
    }

    /// The number of bytes that are left in the record, or in the payload.
    pub fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// Whether a field follows. An older writer's record ends before the fields that it does not know; they have their
    /// defaults.
    pub fn more(&self) -> bool {
        !self.rest.is_empty()
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Error> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(Error::Malformed("a value is cut off"))?;
        self.rest = rest;
        Ok(taken)
    }

    /// Takes a `u32` length and checks that so many bytes are left.
    fn length(&mut self) -> Result<usize, Error> {
        let length = self.u32()? as usize;
        if length > self.rest.len() {
            return Err(Error::Malformed("a length exceeds the bytes that are left"));
        }
        Ok(length)
    }

    /// Takes a `u32` count of items that are at least `least` bytes long each.
    fn count(&mut self, least: usize) -> Result<usize, Error> {
        let count = self.u32()? as usize;
        if count > self.rest.len() / least.max(1) {
            return Err(Error::Malformed("a count exceeds the bytes that are left"));
        }
        Ok(count)
    }

    /// Runs `read` one level deeper.
    fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Error>) -> Result<T, Error> {
        if self.depth == MAX_DEPTH {
            return Err(Error::Malformed("values nest more than 64 deep"));
        }
        self.depth += 1;
        let value = read(self);
        self.depth -= 1;
        value
    }

    /// Reads a flag.
    #[inline]
    pub fn flag(&mut self) -> Result<bool, Error> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Error::Malformed("a bool is neither 0 nor 1")),
        }
    }

    /// Reads bytes whose number is known.
    #[inline]
    pub fn fixed<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(Error::Malformed("a value is cut off"))?;
        self.rest = rest;
        Ok(*taken)
    }

    /// Reads a string.
    pub fn text(&mut self) -> Result<String, Error> {
        let length = self.length()?;
        match std::str::from_utf8(self.take(length)?) {
            Ok(text) => Ok(text.to_owned()),
            Err(_) => Err(Error::Malformed("a string is not UTF-8")),
        }
    }

    /// Reads bytes with their length.
    pub fn blob(&mut self) -> Result<Vec<u8>, Error> {
        let length = self.length()?;
        self.nested(|reader| Ok(reader.take(length)?.to_vec()))
    }

    /// Reads a path.
    pub fn path(&mut self) -> Result<PathBuf, Error> {
        let length = self.length()?;
        crate::path::from_bytes(self.take(length)?.to_vec())
            .map_err(|_| Error::Malformed("a path is not one of this system"))
    }

    /// Reads a point in time.
    pub fn instant(&mut self) -> Result<Timestamp, Error> {
        match (self.i64()?, self.u32()?) {
            (seconds, nanos @ ..BILLION) => Ok(Timestamp { seconds, nanos }),
            _ => Err(Error::Malformed("a timestamp has a billion nanoseconds or more")),
        }
    }

    /// Reads a span of time.
    pub fn span(&mut self) -> Result<Duration, Error> {
        match u64::try_from(self.i64()?) {
            Ok(nanoseconds) => Ok(Duration::from_nanos(nanoseconds)),
            Err(_) => Err(Error::Malformed("a duration is negative")),
        }
    }

    /// Reads a flag, and with `read` the item where it is set.
    pub fn maybe<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Error>) -> Result<Option<T>, Error> {
        match self.u8()? {
            0 => Ok(None),
            1 => self.nested(read).map(Some),
            _ => Err(Error::Malformed("the mark of an optional is neither 0 nor 1")),
        }
    }

    /// Reads a list of items, of which `read` takes one. `least` is the length of the shortest.
    pub fn sequence<T>(
        &mut self,
        least: usize,
        mut read: impl FnMut(&mut Self) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        let count = self.count(least)?;
        self.nested(|reader| {
            // A value may be larger in memory than on the wire, so what is reserved is bounded by the bytes at hand.
            let affordable = reader.remaining() / std::mem::size_of::<T>().max(1);
            let mut list = Vec::with_capacity(count.min(affordable));
            for _ in 0..count {
                list.push(read(reader)?);
            }
            Ok(list)
        })
    }

    /// Reads a map, in any order. `least` is the length of the shortest key with its value.
    pub fn table<K: Ord, V>(
        &mut self,
        least: usize,
        mut key: impl FnMut(&mut Self) -> Result<K, Error>,
        mut value: impl FnMut(&mut Self) -> Result<V, Error>,
    ) -> Result<BTreeMap<K, V>, Error> {
        let count = self.count(least)?;
        self.nested(|reader| {
            let mut map = BTreeMap::new();
            for _ in 0..count {
                let key = key(reader)?;
                if map.insert(key, value(reader)?).is_some() {
                    return Err(Error::Malformed("a key comes twice in a map"));
                }
            }
            Ok(map)
        })
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

    /// Takes a buffer that the caller moved.
    pub fn buffer(&mut self) -> Result<Buffer, Error> {
        let handle = self.u64()?;
        let taken = match self.carried.iter().position(|(carried, _)| *carried == handle) {
            Some(at) => Ok(self.carried.swap_remove(at).1),
            None => self.from.ok_or(Error::Closed("buffer")).and_then(|(core, _)| core.tables.buffers.take(handle)),
        };
        match taken {
            Ok(buffer) => {
                self.buffer_bytes += buffer.len() as u64;
                Ok(buffer)
            }
            Err(error) if self.from.is_some() => {
                self.fault.get_or_insert(error);
                Ok(Buffer::default())
            }
            Err(error) => Err(error),
        }
    }

    /// Reads a callback, which will be released when the value and all its clones are dropped.
    pub fn callback(&mut self) -> Result<Callback, Error> {
        let handle = self.u64()?;
        match self.from {
            Some((core, queue)) if handle != 0 => Ok(Callback::new(core, queue, handle)),
            _ => Err(Error::Closed("callback")),
        }
    }
}

/// Writes values to a payload.
pub struct Writer<'a> {
    bytes: &'a mut Vec<u8>,
    handles: Vec<u64>,
    tables: Option<&'a Tables>,
    /// Bytes of the buffers that were written.
    buffer_bytes: u64,
    /// What these take from the callers' budget beyond what they had before.
    uncharged: u64,
}

/// Where a value panics while it is written, or nobody waits until there is room, what was written before is freed.
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
        Writer { bytes, handles: Vec::new(), tables: None, buffer_bytes: 0, uncharged: 0 }
    }

    pub(crate) fn with_tables(bytes: &'a mut Vec<u8>, tables: &'a Tables) -> Self {
        let mut writer = Writer::new(bytes);
        writer.tables = Some(tables);
        writer
    }

    /// Waits until the caller may hold the buffers that were written, which nobody else may get before. Answers their
    /// bytes.
    pub(crate) async fn admit(&mut self) -> Result<u64, Error> {
        if let (Some(tables), 1..) = (self.tables, self.uncharged) {
            let mut charge = tables.budget.charge(self.uncharged).await?;
            for handle in self.handles.iter().filter(|handle| *handle & OBJECT_HANDLE == 0) {
                tables.buffers.attach(*handle, &mut charge);
            }
            self.uncharged = 0;
        }
        Ok(self.buffer_bytes)
    }

    /// The handles that were written, as they follow the payload.
    pub(crate) fn into_handles(mut self) -> Vec<u64> {
        std::mem::take(&mut self.handles)
    }

    /// Appends a flag.
    pub fn flag(&mut self, value: bool) {
        self.u8(value.into());
    }

    /// Appends bytes whose number is known.
    #[inline]
    pub fn fixed(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Appends how many items follow, or bytes.
    ///
    /// # Panics
    /// Where it does not fit into 32 bits: a frame cannot hold so much. The panic ends the request alone.
    pub fn count(&mut self, count: usize) {
        self.u32(u32::try_from(count).expect("a value has more than 4 GiB; pass it as buffers"));
    }

    /// Appends bytes with their length.
    pub fn blob(&mut self, bytes: &[u8]) {
        self.count(bytes.len());
        self.fixed(bytes);
    }

    /// Appends a string.
    pub fn text(&mut self, text: &str) {
        self.blob(text.as_bytes());
    }

    /// Appends a path.
    pub fn path(&mut self, path: &Path) {
        self.blob(&crate::path::bytes(path));
    }

    /// Appends a point in time. One that was made wrong is written as the nearest right one.
    pub fn instant(&mut self, time: Timestamp) {
        self.i64(time.seconds);
        self.u32(time.nanos.min(BILLION - 1));
    }

    /// Appends a span of time, or the longest one where it is longer.
    pub fn span(&mut self, span: Duration) {
        self.i64(i64::try_from(span.as_nanos()).unwrap_or(i64::MAX));
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

    /// Gives a buffer to the caller.
    pub fn buffer(&mut self, buffer: Buffer) {
        let Some(tables) = self.tables else { return self.u64(0) };
        self.buffer_bytes += buffer.len() as u64;
        self.uncharged += Budget::uncharged(&buffer);
        let handle = tables.buffers.give(buffer);
        self.u64(handle);
        self.handles.push(handle);
    }

    /// Gives an object to the caller.
    pub fn object<T: Send + Sync + 'static>(&mut self, object: Object<T>) {
        let Some(tables) = self.tables else { return self.u64(0) };
        let handle = tables.objects.insert(object.0);
        self.u64(handle);
        self.handles.push(handle | OBJECT_HANDLE);
    }
}

/// Shows fixed bytes in messages.
pub struct Hexadecimal<'a>(pub &'a [u8]);

impl std::fmt::Display for Hexadecimal<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::{btree_map, vec};
    use proptest::prelude::*;

    /// How a type is written and read, as generated code does it.
    struct Type<T> {
        write: fn(T, &mut Writer<'_>),
        read: fn(&mut Reader<'_>) -> Result<T, Error>,
    }

    impl<T> Type<T> {
        fn written(&self, value: T) -> Vec<u8> {
            let mut bytes = Vec::new();
            (self.write)(value, &mut Writer::new(&mut bytes));
            bytes
        }

        /// A value comes back with the bytes that it was written as, and is malformed where any of them is missing.
        fn returns(&self, value: T) {
            let bytes = self.written(value);
            let mut reader = Reader::new(&bytes);
            let back = (self.read)(&mut reader).expect("reads");
            assert_eq!(reader.remaining(), 0);
            // Compared as bytes, because NaN is not equal to itself.
            assert_eq!(self.written(back), bytes);
            for cut in 0..bytes.len() {
                assert!((self.read)(&mut Reader::new(&bytes[..cut])).is_err(), "cut at {cut}");
            }
        }

        /// Any bytes are refused, or are a value that is written as something that reads the same.
        fn survives(&self, bytes: &[u8]) {
            if let Ok(value) = (self.read)(&mut Reader::new(bytes)) {
                let again = self.written(value);
                assert_eq!(self.written((self.read)(&mut Reader::new(&again)).expect("reads")), again);
            }
        }
    }

    const U8: Type<u8> = Type { write: |value, writer| writer.u8(value), read: |reader| reader.u8() };
    const U16: Type<u16> = Type { write: |value, writer| writer.u16(value), read: |reader| reader.u16() };
    const U32: Type<u32> = Type { write: |value, writer| writer.u32(value), read: |reader| reader.u32() };
    const U64: Type<u64> = Type { write: |value, writer| writer.u64(value), read: |reader| reader.u64() };
    const I8: Type<i8> = Type { write: |value, writer| writer.i8(value), read: |reader| reader.i8() };
    const I16: Type<i16> = Type { write: |value, writer| writer.i16(value), read: |reader| reader.i16() };
    const I32: Type<i32> = Type { write: |value, writer| writer.i32(value), read: |reader| reader.i32() };
    const I64: Type<i64> = Type { write: |value, writer| writer.i64(value), read: |reader| reader.i64() };
    const F32: Type<f32> = Type { write: |value, writer| writer.f32(value), read: |reader| reader.f32() };
    const F64: Type<f64> = Type { write: |value, writer| writer.f64(value), read: |reader| reader.f64() };
    const FLAG: Type<bool> = Type { write: |value, writer| writer.flag(value), read: |reader| reader.flag() };
    const TEXT: Type<String> = Type { write: |value, writer| writer.text(&value), read: |reader| reader.text() };
    const BLOB: Type<Vec<u8>> = Type { write: |value, writer| writer.blob(&value), read: |reader| reader.blob() };
    const PATH: Type<PathBuf> = Type { write: |value, writer| writer.path(&value), read: |reader| reader.path() };
    const FIXED: Type<[u8; 5]> = Type { write: |value, writer| writer.fixed(&value), read: |reader| reader.fixed() };
    const TIME: Type<Timestamp> =
        Type { write: |value, writer| writer.instant(value), read: |reader| reader.instant() };
    const SPAN: Type<Duration> = Type { write: |value, writer| writer.span(value), read: |reader| reader.span() };
    const NESTED_MAYBE: Type<Option<Option<bool>>> = Type {
        write: |value, writer| {
            writer.flag(value.is_some());
            if let Some(value) = value {
                writer.flag(value.is_some());
                value.into_iter().for_each(|value| writer.flag(value));
            }
        },
        read: |reader| reader.maybe(|reader| reader.maybe(Reader::flag)),
    };
    const TEXTS: Type<Vec<Option<String>>> = Type {
        write: |value, writer| {
            writer.count(value.len());
            for value in value {
                writer.flag(value.is_some());
                value.into_iter().for_each(|value| writer.text(&value));
            }
        },
        read: |reader| reader.sequence(1, |reader| reader.maybe(Reader::text)),
    };
    const BLOCKS: Type<Vec<Vec<u8>>> = Type {
        write: |value, writer| {
            writer.count(value.len());
            value.into_iter().for_each(|value| writer.blob(&value));
        },
        read: |reader| reader.sequence(4, Reader::blob),
    };
    const BY_TEXT: Type<BTreeMap<String, i64>> = Type {
        write: |value, writer| {
            writer.count(value.len());
            for (key, value) in value {
                writer.text(&key);
                writer.i64(value);
            }
        },
        read: |reader| reader.table(12, Reader::text, Reader::i64),
    };
    const BY_NUMBER: Type<BTreeMap<u8, Vec<u16>>> = Type {
        write: |value, writer| {
            writer.count(value.len());
            for (key, value) in value {
                writer.u8(key);
                writer.count(value.len());
                value.into_iter().for_each(|value| writer.u16(value));
            }
        },
        read: |reader| reader.table(5, Reader::u8, |reader| reader.sequence(2, Reader::u16)),
    };

    /// A value that nests as deep as its bytes say; answers how deep.
    fn depth(reader: &mut Reader<'_>) -> Result<usize, Error> {
        Ok(reader.maybe(depth)?.map_or(0, |inner| inner + 1))
    }

    #[test]
    fn depth_ends() {
        let depth = |levels: usize| {
            let mut bytes = vec![1; levels];
            bytes.push(0);
            depth(&mut Reader::new(&bytes))
        };
        assert_eq!(depth(64), Ok(64));
        assert_eq!(depth(65), Err(Error::Malformed("values nest more than 64 deep")));
        assert_eq!(depth(1 << 20), Err(Error::Malformed("values nest more than 64 deep")));
    }

    #[test]
    fn everything_that_holds_others_nests() {
        let too_deep = Err(Error::Malformed("values nest more than 64 deep"));
        let at_the_bottom = |read: fn(&mut Reader<'_>) -> Result<(), Error>| {
            let bytes = [1, 0, 0, 0, 0, 0, 0, 0];
            let mut reader = Reader::new(&bytes);
            reader.depth = MAX_DEPTH - 1;
            let above = read(&mut reader);
            let mut reader = Reader::new(&bytes);
            reader.depth = MAX_DEPTH;
            (above, read(&mut reader))
        };
        for read in [
            (|reader| reader.maybe(Reader::u8).map(drop)) as fn(&mut Reader<'_>) -> Result<(), Error>,
            |reader| reader.sequence(1, Reader::u8).map(drop),
            |reader| reader.table(2, Reader::u8, Reader::u8).map(drop),
            |reader| reader.record(Reader::u8).map(drop),
            |reader| reader.blob().map(drop),
        ] {
            assert_eq!(at_the_bottom(read), (Ok(()), too_deep.clone()));
        }
    }

    #[test]
    fn a_count_reserves_no_more_than_the_bytes_at_hand() {
        // 4 Gi items stand where there are none; and 1000 optionals of one byte, which are larger in memory.
        assert!(Reader::new(&[0xff; 4]).sequence(8, Reader::u64).is_err());
        assert!(Reader::new(&[0xff; 4]).table(2, Reader::u8, Reader::u8).is_err());
        let mut bytes = 1000u32.to_le_bytes().to_vec();
        bytes.resize(1004, 0);
        let list = Reader::new(&bytes).sequence(1, |reader| reader.maybe(Reader::fixed::<1024>)).expect("reads");
        assert_eq!(list.len(), 1000);
    }

    #[test]
    fn handles_without_a_table_are_closed() {
        let mut bytes = Vec::new();
        let mut writer = Writer::new(&mut bytes);
        writer.buffer(Buffer::default());
        writer.object(Object::new(7));
        assert!(writer.into_handles().is_empty());
        assert_eq!(bytes, [0; 16]);
        assert_eq!(Reader::new(&[1; 8]).buffer().err(), Some(Error::Closed("buffer")));
        assert_eq!(Reader::new(&[1; 8]).callback().err(), Some(Error::Closed("callback")));
    }

    #[test]
    fn moments_out_of_range_are_refused_or_the_nearest() {
        let wrong = Timestamp { seconds: 7, nanos: BILLION };
        let mut bytes = TIME.written(wrong);
        assert_eq!(bytes, TIME.written(Timestamp { seconds: 7, nanos: BILLION - 1 }));
        bytes[8..].copy_from_slice(&BILLION.to_le_bytes());
        assert!(Reader::new(&bytes).instant().is_err());
        assert_eq!(SPAN.written(Duration::MAX), I64.written(i64::MAX));
        assert!(Reader::new(&I64.written(-1)).span().is_err());
    }

    proptest! {
        #[test]
        fn values_come_back(
            numbers in any::<(u8, u16, u32, u64, i8, i16, i32, i64)>(), single in any::<u32>(), double in any::<u64>(),
            truth in any::<bool>(), text in any::<String>(), fixed in any::<[u8; 5]>(),
            path in vec(any::<u8>(), 0..20), texts in vec(any::<Option<String>>(), 0..5),
            blocks in vec(vec(any::<u8>(), 0..9), 0..5), by_text in btree_map(any::<String>(), any::<i64>(), 0..5),
            by_number in btree_map(any::<u8>(), vec(any::<u16>(), 0..3), 0..5),
            (seconds, nanos, span) in (any::<i64>(), 0..BILLION, 0..=i64::MAX as u64)
        ) {
            U8.returns(numbers.0);
            U16.returns(numbers.1);
            U32.returns(numbers.2);
            U64.returns(numbers.3);
            I8.returns(numbers.4);
            I16.returns(numbers.5);
            I32.returns(numbers.6);
            I64.returns(numbers.7);
            F32.returns(f32::from_bits(single));
            F64.returns(f64::from_bits(double));
            FLAG.returns(truth);
            TEXT.returns(text);
            FIXED.returns(fixed);
            PATH.returns(crate::path::from_bytes(path).expect("Unix has every path"));
            TIME.returns(Timestamp { seconds, nanos });
            SPAN.returns(Duration::from_nanos(span));
            TEXTS.returns(texts);
            BLOCKS.returns(blocks);
            BY_TEXT.returns(by_text);
            BY_NUMBER.returns(by_number);
        }

        #[test]
        fn any_bytes_are_a_value_or_refused(
            mut bytes in vec(any::<u8>(), 0..64), count in proptest::option::of(0u32..8)
        ) {
            // Random counts are nearly always too large: half of the inputs begin with a small one.
            if let (Some(count), Some(first)) = (count, bytes.first_chunk_mut()) {
                *first = count.to_le_bytes();
            }
            FLAG.survives(&bytes);
            F64.survives(&bytes);
            TEXT.survives(&bytes);
            PATH.survives(&bytes);
            FIXED.survives(&bytes);
            TIME.survives(&bytes);
            SPAN.survives(&bytes);
            NESTED_MAYBE.survives(&bytes);
            BLOB.survives(&bytes);
            BLOCKS.survives(&bytes);
            TEXTS.survives(&bytes);
            BY_TEXT.survives(&bytes);
            BY_NUMBER.survives(&bytes);
        }

        #[test]
        fn records_end_where_they_say(fields in vec(any::<u8>(), 0..12), after in vec(any::<u8>(), 0..4)) {
            let mut bytes = Vec::new();
            Writer::new(&mut bytes).record(|writer| writer.fixed(&fields));
            bytes.extend_from_slice(&after);
            let mut reader = Reader::new(&bytes);
            let read = reader.record(|reader| {
                let first = if reader.more() { reader.u32()? } else { 7 };
                let second = if reader.more() { reader.u32()? } else { 9 };
                Ok((first, second))
            });
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
