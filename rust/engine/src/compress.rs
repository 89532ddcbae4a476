//! Compression of segments.

use crate::error::{Error, Result};
use zstd::bulk::{Compressor, Decompressor};

/// How data is compressed before it is sealed. What does not shrink is stored as it is, whichever is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compression {
    /// Store what a sample shows not to shrink, compress the rest with zstd level 1.
    #[default]
    Auto,
    Off,
    Lz4,
    /// Level -7 to 19.
    Zstd(i32),
}

impl Compression {
    pub(crate) fn check(self) -> Result<()> {
        match self {
            Compression::Zstd(level) if !(-7..=19).contains(&level) => {
                Err(Error::invalid("compression", format!("zstd has no level {level}; choose -7 to 19")))
            }
            _ => Ok(()),
        }
    }
}

/// How a segment was compressed: its code in the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Method {
    Stored = 0,
    Lz4 = 1,
    Zstd = 2,
}

impl Method {
    pub fn from_code(code: u8) -> Option<Method> {
        [Method::Stored, Method::Lz4, Method::Zstd].into_iter().find(|method| *method as u8 == code)
    }
}

/// One worker's state for compressing.
pub(crate) struct Encoder {
    compression: Compression,
    zstd: Compressor<'static>,
}

impl Encoder {
    pub fn new(compression: Compression) -> Result<Encoder> {
        let level = match compression {
            Compression::Zstd(level) => level,
            _ => 1,
        };
        let zstd = Compressor::new(level).map_err(|error| Error::invalid("zstd", error.to_string()))?;
        Ok(Encoder { compression, zstd })
    }

    /// Whether `sample`, a part of the data, promises that compressing the data is worth a try.
    pub fn worth_trying(&self, sample: &[u8]) -> bool {
        match self.compression {
            Compression::Off => false,
            Compression::Auto => shrinks(sample),
            _ => true,
        }
    }

    /// Compresses `data` into `out` if that saves at least a 32nd. `None`: it is to be stored.
    pub fn compress(&mut self, data: &[u8], out: &mut [u8]) -> Option<(Method, usize)> {
        let limit = (data.len() - data.len() / 32).min(out.len());
        let (method, length) = match self.compression {
            Compression::Off => return None,
            Compression::Lz4 => {
                // It wants room for the worst case.
                let bound = lz4_flex::block::get_maximum_output_size(data.len());
                if out.len() < bound {
                    let packed = lz4_flex::block::compress(data);
                    let target = out.get_mut(..packed.len())?;
                    target.copy_from_slice(&packed);
                    (Method::Lz4, packed.len())
                } else {
                    (Method::Lz4, lz4_flex::block::compress_into(data, out).ok()?)
                }
            }
            // It fails where `out` is too small, which is the same answer.
            _ => (Method::Zstd, self.zstd.compress_to_buffer(data, &mut out[..limit]).ok()?),
        };
        (length <= limit).then_some((method, length))
    }
}

/// One reader's state for decompressing.
pub(crate) struct Decoder {
    zstd: Decompressor<'static>,
}

impl Decoder {
    pub fn new() -> Result<Decoder> {
        let zstd = Decompressor::new().map_err(|error| Error::invalid("zstd", error.to_string()))?;
        Ok(Decoder { zstd })
    }

    /// Fills `out` exactly. `None`: the data is not what was compressed.
    pub fn decompress(&mut self, method: Method, data: &[u8], out: &mut [u8]) -> Option<()> {
        let length = match method {
            Method::Stored => {
                if data.len() != out.len() {
                    return None;
                }
                out.copy_from_slice(data);
                data.len()
            }
            Method::Lz4 => lz4_flex::block::decompress_into(data, out).ok()?,
            Method::Zstd => self.zstd.decompress_to_buffer(data, out).ok()?,
        };
        (length == out.len()).then_some(())
    }
}

const SAMPLE: usize = 8 << 10;
const SAMPLES: usize = 3;

/// Looks at a few parts of the data: does it shrink by more than a 32nd?
///
/// Two questions, because either way of shrinking is enough: are some bytes more frequent than others (entropy coding),
/// and do strings repeat (matches, as the fast LZ4 finds them)?
fn shrinks(data: &[u8]) -> bool {
    if data.len() < SAMPLES * SAMPLE {
        return data.len() < 64 || uneven(data) || repeats(data);
    }
    let gap = (data.len() - SAMPLE) / (SAMPLES - 1);
    (0..SAMPLES).any(|n| {
        let sample = &data[n * gap..][..SAMPLE];
        uneven(sample) || repeats(sample)
    })
}

/// Whether the order-0 entropy of the bytes is clearly below 8 bits, by their collision count: for n random bytes,
/// Σ count² is about n²/256 + n.
fn uneven(sample: &[u8]) -> bool {
    let mut counts = [[0u32; 256]; 4];
    for four in sample.chunks(4) {
        for (table, &byte) in counts.iter_mut().zip(four) {
            table[byte as usize] += 1;
        }
    }
    let squares: u64 = (0..256).map(|b| counts.iter().map(|table| u64::from(table[b])).sum::<u64>().pow(2)).sum();
    let n = sample.len() as u64;
    // Collision entropy below 7.6 bits: 2^0.4 = 1.32.
    squares > (n * n / 256) * 132 / 100 + n
}

fn repeats(sample: &[u8]) -> bool {
    let mut out = [0; SAMPLE * SAMPLES + SAMPLE];
    match out.get_mut(..lz4_flex::block::get_maximum_output_size(sample.len())) {
        Some(out) => {
            lz4_flex::block::compress_into(sample, out).is_ok_and(|length| length < sample.len() - sample.len() / 32)
        }
        None => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all() -> Vec<Compression> {
        let levels = (-7..=19).map(Compression::Zstd);
        [Compression::Auto, Compression::Off, Compression::Lz4].into_iter().chain(levels).collect()
    }

    fn noise(length: usize) -> Vec<u8> {
        let mut out = vec![0; length];
        blake3::Hasher::new().finalize_xof().fill(&mut out);
        out
    }

    fn round_trip(compression: Compression, data: &[u8]) -> Method {
        let mut out = vec![0; data.len()];
        let packed = Encoder::new(compression).unwrap().compress(data, &mut out);
        let (method, length) = packed.unwrap_or_else(|| {
            out.copy_from_slice(data);
            (Method::Stored, data.len())
        });
        let mut back = vec![0; data.len()];
        Decoder::new().unwrap().decompress(method, &out[..length], &mut back).unwrap();
        assert_eq!(back, data, "{compression:?}");
        method
    }

    #[test]
    fn every_level_round_trips() {
        let text = include_bytes!("compress.rs").repeat(9);
        let mut mixed = noise(100_000);
        mixed.extend_from_slice(&text);
        for compression in all() {
            for data in [&[][..], &[0], &text, &noise(50_000), &mixed, &vec![0; 300_000]] {
                round_trip(compression, data);
            }
        }
        assert_eq!(round_trip(Compression::Zstd(1), &text), Method::Zstd);
        assert_eq!(round_trip(Compression::Lz4, &text), Method::Lz4);
        assert_eq!(round_trip(Compression::Zstd(1), &noise(50_000)), Method::Stored);
    }

    #[test]
    fn the_probe_tells_noise_from_the_rest() {
        for length in [4_000, 30_000, 1 << 20] {
            assert!(!shrinks(&noise(length)), "{length} bytes of noise");
            assert!(shrinks(&vec![0; length]));
            let halves: Vec<u8> = noise(length).iter().map(|b| b & 0x0f).collect();
            assert!(shrinks(&halves), "half of each byte is noise");
            let repeated = noise(2000).repeat(length / 2000);
            assert!(shrinks(&repeated));
        }
    }

    proptest! {
        #[test]
        fn decompressing_never_panics(data: Vec<u8>, length in 0usize..100_000) {
            let mut out = vec![0; length];
            for method in [Method::Stored, Method::Lz4, Method::Zstd] {
                let _ = Decoder::new().unwrap().decompress(method, &data, &mut out);
            }
        }

        #[test]
        fn everything_round_trips(data: Vec<u8>, level in -7i32..=19) {
            round_trip(Compression::Zstd(level), &data);
            round_trip(Compression::Lz4, &data);
        }
    }
}
