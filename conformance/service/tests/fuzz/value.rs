//! Values on the wire: a maker of right and nearly right ones, and a judge that knows docs/boundary.md and nothing of the
//! library's decoders.

use crate::grammar::{Grammar, Method, Type};
use crate::random::Random;

/// The handles that a maker puts into values.
#[derive(Default)]
pub struct Handles {
    pub buffers: Vec<u64>,
    pub objects: Vec<u64>,
    pub callbacks: Vec<u64>,
}

/// Makes values.
pub struct Maker<'a> {
    pub grammar: &'a Grammar,
    pub random: &'a mut Random,
    pub handles: &'a Handles,
    pub bytes: Vec<u8>,
    /// Buffers that were written.
    pub carried: Vec<u64>,
    /// Places of lengths, counts and variants.
    numbers: Vec<usize>,
    /// Places of bytes that are 0 or 1.
    marks: Vec<usize>,
}

impl<'a> Maker<'a> {
    pub fn new(grammar: &'a Grammar, random: &'a mut Random, handles: &'a Handles) -> Self {
        let (bytes, carried, numbers, marks) = Default::default();
        Maker { grammar, random, handles, bytes, carried, numbers, marks }
    }

    fn u32(&mut self, value: usize) {
        self.numbers.push(self.bytes.len());
        self.bytes.extend_from_slice(&(value as u32).to_le_bytes());
    }

    fn u64(&mut self, value: u64) {
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }

    fn sized(&mut self, bytes: &[u8]) {
        self.u32(bytes.len());
        self.bytes.extend_from_slice(bytes);
    }

    fn text(&mut self) {
        let parts = ["", "a", "fail", "crash", "\0", "é", "\u{fffd}", "😀", "longer than a word"];
        let text: String = (0..self.random.below(3)).filter_map(|_| self.random.pick(&parts)).collect();
        self.sized(text.as_bytes());
    }

    /// What an older or newer writer would write is right, too: fields that are missing at the end, or bytes after them.
    pub fn fields(&mut self, fields: &[Type]) {
        let count = match self.random.chance(10) {
            true => self.random.below(fields.len() + 1),
            false => fields.len(),
        };
        fields[..count].iter().for_each(|field| self.value(field));
        if count == fields.len() && self.random.chance(5) {
            let more = self.random.bytes(9);
            self.bytes.extend(more);
        }
    }

    fn sized_fields(&mut self, fields: &[Type]) {
        let at = self.bytes.len();
        self.u32(0);
        self.fields(fields);
        let length = (self.bytes.len() - at - 4) as u32;
        self.bytes[at..at + 4].copy_from_slice(&length.to_le_bytes());
    }

    pub fn value(&mut self, of: &Type) {
        let few = [0, 0, 1, 1, 2, 5][self.random.below(6)];
        match of {
            Type::Named(name) => self.named(name),
            Type::Fixed(size) => (0..*size).for_each(|_| self.bytes.push(self.random.next() as u8)),
            Type::Optional(of) => {
                self.marks.push(self.bytes.len());
                let there = self.random.chance(50);
                self.bytes.push(u8::from(there));
                if there {
                    self.value(of);
                }
            }
            Type::List(of) => {
                self.u32(few);
                (0..few).for_each(|_| self.value(of));
            }
            // A key may come twice, which is wrong.
            Type::Map(key, of) => {
                self.u32(few);
                for _ in 0..few {
                    self.value(key);
                    self.value(of);
                }
            }
            Type::Object => {
                let handle = self.random.pick(&self.handles.objects).unwrap_or_default();
                self.u64(handle);
            }
            Type::Callback => {
                let handle = self.random.pick(&self.handles.callbacks).unwrap_or_default();
                self.u64(handle);
            }
        }
    }

    fn named(&mut self, name: &str) {
        match name {
            "bool" => {
                self.marks.push(self.bytes.len());
                self.bytes.push(self.random.below(2) as u8);
            }
            "timestamp" => {
                let seconds = self.random.number();
                self.u64(seconds);
                let nanos =
                    [0, 1, 999_999_999, 1_000_000_000, u32::MAX][[0, 0, 1, 2, 2, 2, 3, 4][self.random.below(8)]];
                self.bytes.extend_from_slice(&nanos.to_le_bytes());
            }
            "duration" => {
                let nanos = self.random.number() >> usize::from(self.random.chance(95));
                self.u64(nanos);
            }
            "string" => self.text(),
            "bytes" | "path" => {
                let bytes = self.random.bytes(20);
                self.sized(&bytes);
            }
            "buffer" => {
                let handle = self.random.pick(&self.handles.buffers).unwrap_or_default();
                self.u64(handle);
                self.carried.push(handle);
            }
            name => match (width(name), self.grammar.types.get(name)) {
                (Some(width), _) => {
                    let number = self.random.number().to_le_bytes();
                    self.bytes.extend_from_slice(&number[..width]);
                }
                (None, Some(product)) => {
                    let variant = self.random.below(product.alternatives.len());
                    if !product.record {
                        self.u32(variant);
                    }
                    self.sized_fields(&product.alternatives[variant]);
                }
                (None, None) => panic!("a type that this maker does not know: {name}"),
            },
        }
    }

    /// The payload of an error that the method may throw.
    pub fn error(&mut self, method: &Method) {
        let product = method.throws.as_ref().map(|name| &self.grammar.types[name]);
        match product.filter(|_| self.random.chance(60)) {
            Some(product) => {
                let variant = self.random.below(product.alternatives.len());
                self.u32(product.domain as usize);
                self.u32(variant);
                self.text();
                self.sized_fields(&product.alternatives[variant]);
            }
            None => {
                self.u32(0);
                let variant = self.random.below(12);
                self.u32(variant);
                self.text();
                self.u32(0);
            }
        }
    }

    /// Makes it nearly right.
    pub fn spoil(&mut self) {
        for _ in 0..=self.random.below(2) {
            let mut at = self.random.below(self.bytes.len() + 1);
            match self.random.below(10) {
                0..4 => {
                    let Some(place) = self.random.pick(&self.numbers).filter(|at| at + 4 <= self.bytes.len()) else {
                        continue;
                    };
                    let mut number = [0; 4];
                    number.copy_from_slice(&self.bytes[place..place + 4]);
                    let number = u32::from_le_bytes(number);
                    let left = (self.bytes.len() - place - 4) as u32;
                    let other = [
                        number.wrapping_add(1),
                        number.wrapping_sub(1),
                        0,
                        left,
                        left + 1,
                        left / 4,
                        left / 4 + 1,
                        0x7fff_ffff,
                        0x8000_0000,
                        u32::MAX,
                    ][self.random.below(10)];
                    self.bytes[place..place + 4].copy_from_slice(&other.to_le_bytes());
                }
                4 => {
                    let Some(place) = self.random.pick(&self.marks).filter(|at| *at < self.bytes.len()) else {
                        continue;
                    };
                    self.bytes[place] = [0, 1, 2, 0xff][self.random.below(4)];
                }
                5 => self.bytes.truncate(at),
                6 => {
                    let more = self.random.bytes(17);
                    self.bytes.splice(at..at, more);
                }
                7 => {
                    let end = (at + self.random.below(9)).min(self.bytes.len());
                    self.bytes.drain(at..end);
                }
                _ if self.bytes.is_empty() => {}
                8 => {
                    at = at.min(self.bytes.len() - 1);
                    self.bytes[at] ^= 1 << self.random.below(8);
                }
                _ => {
                    at = at.min(self.bytes.len() - 1);
                    self.bytes[at] = [0, 1, 0x7f, 0x80, 0xff][self.random.below(5)];
                }
            }
        }
    }
}

/// Bytes of a number.
fn width(name: &str) -> Option<usize> {
    Some(match name {
        "u8" | "i8" => 1,
        "u16" | "i16" => 2,
        "u32" | "i32" | "f32" => 4,
        "u64" | "i64" | "f64" => 8,
        _ => return None,
    })
}

/// Why a value cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    Malformed,
    /// A callback without a handle.
    NoCallback,
}

/// Reads values, and writes them canonically.
pub struct Judge<'a> {
    grammar: &'a Grammar,
    rest: &'a [u8],
    pub canonical: Vec<u8>,
    /// Whether a field was missing: the grammar does not know its default.
    pub defaulted: bool,
    /// What was read, also where reading failed later.
    pub buffers: Vec<u64>,
    pub callbacks: Vec<u64>,
    pub objects: Vec<u64>,
}

impl<'a> Judge<'a> {
    pub fn new(grammar: &'a Grammar, payload: &'a [u8]) -> Self {
        let (canonical, buffers, callbacks, objects) = Default::default();
        Judge { grammar, rest: payload, canonical, defaulted: false, buffers, callbacks, objects }
    }

    /// Whether the payload is exactly the canonical value of this type, as the library writes it.
    pub fn is_canonical(&mut self, of: &Type) -> bool {
        let whole = self.rest;
        self.value(of).is_ok() && self.rest.is_empty() && !self.defaulted && self.canonical == whole
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Fault> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(Fault::Malformed)?;
        self.rest = rest;
        Ok(taken)
    }

    fn copy(&mut self, length: usize) -> Result<&'a [u8], Fault> {
        let taken = self.take(length)?;
        self.canonical.extend_from_slice(taken);
        Ok(taken)
    }

    fn u32(&mut self) -> Result<u32, Fault> {
        Ok(u32::from_le_bytes(self.take(4)?.try_into().expect("4 bytes")))
    }

    fn u64(&mut self) -> Result<u64, Fault> {
        Ok(u64::from_le_bytes(self.copy(8)?.try_into().expect("8 bytes")))
    }

    fn sized(&mut self) -> Result<&'a [u8], Fault> {
        let length = u32::from_le_bytes(self.copy(4)?.try_into().expect("4 bytes"));
        self.copy(length as usize)
    }

    pub fn fields(&mut self, fields: &[Type]) -> Result<(), Fault> {
        for field in fields {
            match field {
                // A callback has no default.
                Type::Callback => self.value(field)?,
                _ if self.rest.is_empty() => self.defaulted = true,
                _ => self.value(field)?,
            }
        }
        Ok(())
    }

    fn sized_fields(&mut self, fields: impl FnOnce() -> Option<&'a [Type]>) -> Result<(), Fault> {
        let length = self.u32()?;
        let inside = self.take(length as usize)?;
        let after = std::mem::replace(&mut self.rest, inside);
        let at = self.canonical.len();
        self.canonical.extend_from_slice(&[0; 4]);
        self.fields(fields().ok_or(Fault::Malformed)?)?;
        let length = (self.canonical.len() - at - 4) as u32;
        self.canonical[at..at + 4].copy_from_slice(&length.to_le_bytes());
        self.rest = after;
        Ok(())
    }

    pub fn value(&mut self, of: &Type) -> Result<(), Fault> {
        match of {
            Type::Named(name) => self.named(name),
            Type::Fixed(size) => self.copy(*size).map(drop),
            Type::Optional(of) => match self.copy(1)? {
                [0] => Ok(()),
                [1] => self.value(of),
                _ => Err(Fault::Malformed),
            },
            Type::List(of) => {
                let count = self.u32()?;
                self.canonical.extend_from_slice(&count.to_le_bytes());
                (0..count).try_for_each(|_| self.value(of))
            }
            Type::Map(key, of) => self.map(key, of),
            Type::Object => {
                let handle = self.u64()?;
                self.objects.push(handle);
                Ok(())
            }
            Type::Callback => match self.u64()? {
                0 => Err(Fault::NoCallback),
                handle => {
                    self.callbacks.push(handle);
                    Ok(())
                }
            },
        }
    }

    fn map(&mut self, key: &Type, of: &Type) -> Result<(), Fault> {
        let count = self.u32()?;
        self.canonical.extend_from_slice(&count.to_le_bytes());
        let start = self.canonical.len();
        let mut entries = Vec::new();
        for _ in 0..count {
            let at = self.canonical.len();
            self.value(key)?;
            let end = self.canonical.len();
            self.value(of)?;
            entries.push((order(key, &self.canonical[at..end]), self.canonical[at..].to_vec()));
        }
        entries.sort();
        if entries.windows(2).any(|pair| pair[0].0 == pair[1].0) {
            return Err(Fault::Malformed);
        }
        self.canonical.truncate(start);
        entries.into_iter().for_each(|(_, bytes)| self.canonical.extend(bytes));
        Ok(())
    }

    fn named(&mut self, name: &str) -> Result<(), Fault> {
        match name {
            "bool" => (self.copy(1)?[0] < 2).then_some(()).ok_or(Fault::Malformed),
            "string" => std::str::from_utf8(self.sized()?).map(drop).map_err(|_| Fault::Malformed),
            "bytes" | "path" => self.sized().map(drop),
            "timestamp" => {
                let nanos = &self.copy(12)?[8..];
                let nanos = u32::from_le_bytes(nanos.try_into().expect("4 bytes"));
                (nanos < 1_000_000_000).then_some(()).ok_or(Fault::Malformed)
            }
            "duration" => (self.u64()? <= i64::MAX as u64).then_some(()).ok_or(Fault::Malformed),
            "buffer" => {
                let handle = self.u64()?;
                self.buffers.push(handle);
                Ok(())
            }
            name => match (width(name), self.grammar.types.get(name)) {
                (Some(width), _) => self.copy(width).map(drop),
                (None, Some(product)) if product.record => {
                    self.sized_fields(|| product.alternatives.first().map(Vec::as_slice))
                }
                (None, Some(product)) => {
                    let variant = u32::from_le_bytes(self.copy(4)?.try_into().expect("4 bytes"));
                    self.sized_fields(|| product.alternatives.get(variant as usize).map(Vec::as_slice))
                }
                (None, None) => panic!("a type that this judge does not know: {name}"),
            },
        }
    }
}

/// What keys of a map are ordered by.
fn order(key: &Type, bytes: &[u8]) -> Vec<u8> {
    match key {
        Type::Named(name) if name == "string" => bytes[4..].to_vec(),
        Type::Named(name) if matches!(name.as_str(), "u8" | "u16" | "u32" | "u64") => {
            bytes.iter().rev().copied().collect()
        }
        Type::Fixed(_) => bytes.to_vec(),
        key => panic!("a key that this judge does not order: {key:?}"),
    }
}

/// Domain, variant, message and fields of an error's payload.
pub fn error<'a>(grammar: &'a Grammar, payload: &'a [u8]) -> Option<(u32, u32, &'a str, &'a [u8])> {
    let mut judge = Judge::new(grammar, payload);
    let (domain, variant) = (judge.u32().ok()?, judge.u32().ok()?);
    let message = std::str::from_utf8(judge.sized().ok()?).ok()?;
    let fields = judge.sized().ok()?;
    judge.rest.is_empty().then_some((domain, variant, message, fields))
}
