//! Counts words in memory: the service behind `tally.idl`.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use rpc::{Context, Error, Failure, Sink};
use tally::{Count, TallyError};

/// The types behind the interfaces.
pub struct Counting;

impl tally::Implementation for Counting {
    type Tally = Tally;
}

/// What the library does.
pub static SERVICE: rpc::Service = tally::service::<Counting>();

rpc::export!(SERVICE);

/// An open tally.
#[derive(Default)]
pub struct Tally(Mutex<BTreeMap<String, u64>>);

impl tally::Tally for Tally {
    async fn open(_: Context) -> Result<Self, Error> {
        Ok(Self::default())
    }

    async fn add(&self, _: Context, word: String) -> Result<u64, Failure<TallyError>> {
        if word.is_empty() || word.contains(char::is_whitespace) {
            return Err(TallyError::NoWord { text: word }.into());
        }
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let times = counts.entry(word).or_default();
        *times += 1;
        Ok(*times)
    }

    async fn counts(&self, _: Context, mut sink: Sink<Count>) -> Result<(), Error> {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for (word, times) in counts {
            sink.send(Count { word, times }).await?;
        }
        Ok(())
    }
}
