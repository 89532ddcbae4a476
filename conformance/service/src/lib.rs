//! The conformance service: it shows, to any binding, how every part of the interface language behaves.

pub mod generated;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;
use std::time::Duration;

use rpc::{Buffer, Context, Emitter, Error, Failure, Service, Sink};

use generated::{ConformanceError, Containers, Defaults, Scalars, Tick};

/// The service's types.
pub struct Conformance;

impl generated::Implementation for Conformance {
    type Echo = Echo;
}

/// The service behind the library's C functions.
pub static SERVICE: Service = generated::service::<Conformance>();

rpc::export!(SERVICE);

/// An object that answers what it is asked.
pub struct Echo {
    name: String,
    /// Items that streams of this object, and of the objects that come from it, have made.
    produced: Arc<AtomicU64>,
}

impl generated::Echo for Echo {
    async fn open(_: Context, name: String) -> Result<Self, Failure<ConformanceError>> {
        if name.is_empty() {
            return Err(ConformanceError::Empty.into());
        }
        Ok(Echo { name, produced: Arc::default() })
    }

    async fn scalars(&self, _: Context, value: Scalars) -> Result<Scalars, Error> {
        Ok(value)
    }

    async fn containers(&self, _: Context, value: Containers) -> Result<Containers, Error> {
        Ok(value)
    }

    async fn defaults(&self, _: Context, value: Defaults) -> Result<Defaults, Error> {
        Ok(value)
    }

    async fn nothing(&self, _: Context) -> Result<(), Error> {
        Ok(())
    }

    async fn fail(&self, _: Context, reason: String, code: u32) -> Result<(), Failure<ConformanceError>> {
        Err(if reason.is_empty() { ConformanceError::Empty } else { ConformanceError::Refused { reason, code } }.into())
    }

    async fn crash(&self, _: Context, message: String) -> Result<(), Error> {
        std::panic::panic_any(message)
    }

    async fn sleep(&self, cx: Context, milliseconds: u32) -> Result<u32, Error> {
        tokio::time::sleep(Duration::from_millis(milliseconds.into())).await;
        Ok(u32::try_from(cx.in_flight()).unwrap_or(u32::MAX))
    }

    async fn ticks(&self, _: Context, steps: u32, emitter: Emitter<Tick>) -> Result<u32, Error> {
        for step in 0..steps {
            emitter.emit(Tick { step });
            // Lets others work, so that a long row of ticks shows how the newest replaces those that nobody took.
            tokio::task::yield_now().await;
        }
        Ok(steps)
    }

    async fn count(
        &self,
        _: Context,
        count: u32,
        fail: bool,
        mut sink: Sink<u32>,
    ) -> Result<(), Failure<ConformanceError>> {
        for number in 0..count {
            self.produced.fetch_add(1, Ordering::Relaxed);
            sink.send(number).await?;
        }
        if fail {
            return Err(ConformanceError::Empty.into());
        }
        Ok(())
    }

    async fn blocks(&self, cx: Context, count: u32, size: u32, mut sink: Sink<Buffer>) -> Result<(), Error> {
        for number in 0..count {
            let mut block = cx.allocate(size.into()).await?;
            block.as_mut().unwrap_or_default().fill((number % 251) as u8);
            self.produced.fetch_add(1, Ordering::Relaxed);
            sink.send(block).await?;
        }
        Ok(())
    }

    fn produced(&self) -> Result<u64, Error> {
        Ok(self.produced.load(Ordering::Relaxed))
    }

    async fn sum(&self, _: Context, data: Buffer) -> Result<u64, Error> {
        Ok(data.as_ref().iter().map(|byte| u64::from(*byte)).sum())
    }

    async fn invert(&self, _: Context, mut data: Buffer) -> Result<Buffer, Error> {
        let Some(bytes) = data.as_mut() else {
            return Err(Error::System("the buffer's bytes are shared, and cannot be inverted in place".to_owned()));
        };
        bytes.iter_mut().for_each(|byte| *byte = !*byte);
        Ok(data)
    }

    async fn child(&self, _: Context, name: String) -> Result<Self, Error> {
        Ok(Echo { name, produced: self.produced.clone() })
    }

    fn name(&self) -> Result<String, Error> {
        Ok(self.name.clone())
    }

    async fn log(&self, _: Context, message: String) -> Result<(), Error> {
        tracing::info!(target: "conformance", "{message}");
        Ok(())
    }
}
