//! The `config` object: what a repository is, in the clear, authenticated with its master key.

use crate::chunk;
use crate::error::{Error, Result};
use crate::id::Id;
use crate::seal::Keys;
use minicbor::{Decode, Encode};

/// The repository format that this program writes, and the newest that it reads.
pub const FORMAT: u32 = 1;

pub(crate) const NAME: &str = "config";
const MAGIC: &str = "strongroom repository";

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
struct Fields {
    #[n(0)]
    magic: String,
    #[n(1)]
    format: u32,
    #[n(2)]
    repository: Id,
    #[n(3)]
    min: u32,
    #[n(4)]
    average: u32,
    #[n(5)]
    max: u32,
}

/// What every format has, also those to come.
#[derive(Decode)]
#[cbor(map)]
struct Header {
    #[n(0)]
    magic: String,
    #[n(1)]
    format: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Config {
    pub repository: Id,
    pub chunks: chunk::Params,
}

impl Config {
    /// The object: the fields, then 32 bytes that authenticate them.
    pub fn encode(&self, keys: &Keys) -> Result<Vec<u8>> {
        let size = |size: usize| u32::try_from(size).map_err(|_| Error::invalid("chunk sizes", "too large"));
        let fields = Fields {
            magic: MAGIC.into(),
            format: FORMAT,
            repository: self.repository,
            min: size(self.chunks.min)?,
            average: size(self.chunks.average)?,
            max: size(self.chunks.max)?,
        };
        let mut object = crate::cbor::encode(&fields);
        object.extend_from_slice(&keys.config_mac(&object));
        Ok(object)
    }

    /// Reads the fields. They are not to be trusted before [`Config::verify`].
    pub fn decode(url: &str, object: &[u8]) -> Result<Config> {
        let foreign = |why: &str| Error::NotARepository { url: url.into(), why: why.into() };
        let fields = object.len().checked_sub(32).map(|end| &object[..end]);
        let fields = fields.ok_or_else(|| foreign("its config object is too short"))?;
        let header: Header =
            minicbor::decode(fields).map_err(|_| foreign("its config object is of another program"))?;
        if header.magic != MAGIC {
            return Err(foreign("its config object is of another program"));
        }
        if header.format > FORMAT {
            return Err(Error::NewerFormat { found: header.format, supported: FORMAT });
        }
        let damaged = |why: &str| Error::damaged(NAME, why);
        let fields: Fields = crate::cbor::decode(fields).ok_or_else(|| damaged("it cannot be decoded"))?;
        let chunks =
            chunk::Params { min: fields.min as usize, average: fields.average as usize, max: fields.max as usize };
        // Buffers are sized for chunks before anything is authenticated.
        if chunks.max > MAX_CHUNK || chunk::Chunker::new(&[0; 32], chunks).is_err() {
            return Err(damaged("its chunk sizes are not possible"));
        }
        Ok(Config { repository: fields.repository, chunks })
    }

    /// Proves that whoever wrote the object had the master key.
    pub fn verify(object: &[u8], keys: &Keys) -> Result<()> {
        let (fields, mac) = object.split_at(object.len().saturating_sub(32));
        // Not a secret comparison: what it guards against has no way to try many.
        match keys.config_mac(fields) == mac {
            true => Ok(()),
            false => Err(Error::damaged(NAME, "it is not what init wrote; restore it from a copy of the repository")),
        }
    }
}

/// Largest chunk that a repository may use.
pub(crate) const MAX_CHUNK: usize = 4 << 20;
