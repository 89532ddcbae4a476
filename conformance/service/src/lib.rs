//! The conformance service: it shows, to any binding, how every part of the interface language behaves.

pub mod generated;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rpc::{Buffer, Context, Emitter, Error, Failure, Incoming, Service, Sink};

use generated::{ConformanceError, Containers, Defaults, Forged, Listener, Moments, Scalars, Tick};

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
    kept: Mutex<Option<Listener>>,
}

impl Echo {
    fn named(name: String, produced: Arc<AtomicU64>) -> Self {
        Echo { name, produced, kept: Mutex::default() }
    }

    /// Puts a listener in the place of the one that is kept, and answers that one.
    fn replace(&self, listener: Option<Listener>) -> Option<Listener> {
        std::mem::replace(&mut *self.kept.lock().unwrap_or_else(PoisonError::into_inner), listener)
    }
}

impl generated::Echo for Echo {
    async fn open(_: Context, name: String) -> Result<Self, Failure<ConformanceError>> {
        if name.is_empty() {
            return Err(ConformanceError::Empty.into());
        }
        Ok(Echo::named(name, Arc::default()))
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
        Ok(Echo::named(name, self.produced.clone()))
    }

    fn name(&self) -> Result<String, Error> {
        Ok(self.name.clone())
    }

    async fn log(&self, _: Context, message: String) -> Result<(), Error> {
        tracing::info!(target: "conformance", "{message}");
        Ok(())
    }

    async fn moments(&self, _: Context, value: Moments) -> Result<Moments, Error> {
        Ok(value)
    }

    async fn total(
        &self,
        _: Context,
        limit: u32,
        mut numbers: Incoming<u32>,
    ) -> Result<u64, Failure<ConformanceError>> {
        let (mut total, mut position) = (0, 0);
        while let Some(number) = numbers.next().await {
            let number = number?;
            if number > limit {
                return Err(ConformanceError::Refused { reason: "too large".to_owned(), code: position }.into());
            }
            total += u64::from(number);
            position += 1;
        }
        Ok(total)
    }

    async fn double(
        &self,
        _: Context,
        mut numbers: Incoming<u32>,
        mut sink: Sink<u64>,
    ) -> Result<(), Failure<ConformanceError>> {
        loop {
            // The end needs no credit.
            tokio::select! {
                () = sink.ready() => {}
                () = numbers.ended() => {}
            }
            match numbers.next().await.transpose()? {
                Some(0) => return Err(ConformanceError::Empty.into()),
                Some(number) => sink.send(2 * u64::from(number)).await?,
                None => return Ok(()),
            }
        }
    }

    async fn total_bytes(&self, _: Context, mut parts: Incoming<Buffer>) -> Result<u64, Error> {
        let mut total = 0;
        while let Some(part) = parts.next().await {
            total += part?.as_ref().iter().map(|byte| u64::from(*byte)).sum::<u64>();
        }
        Ok(total)
    }

    async fn ask(
        &self,
        _: Context,
        listener: Listener,
        texts: Vec<String>,
    ) -> Result<Vec<u32>, Failure<ConformanceError>> {
        let mut answers = Vec::new();
        for text in texts {
            answers.push(listener.heard(text).await?);
        }
        Ok(answers)
    }

    async fn pass(&self, _: Context, listener: Listener, data: Buffer) -> Result<Buffer, Failure<ConformanceError>> {
        Ok(listener.took(data).await?)
    }

    async fn keep(&self, _: Context, listener: Listener) -> Result<(), Error> {
        self.replace(Some(listener));
        Ok(())
    }

    async fn recall(&self, _: Context, text: String) -> Result<u32, Failure<ConformanceError>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner).clone();
        kept.ok_or(ConformanceError::Empty)?.heard(text).await
    }

    async fn forget(&self, _: Context) -> Result<(), Error> {
        self.replace(None);
        Ok(())
    }

    async fn trace(&self, cx: Context) -> Result<[u8; 24], Error> {
        Ok(cx.trace())
    }

    async fn commit(&self, cx: Context, emitter: Emitter<Tick>) -> Result<u32, Error> {
        let _shield = cx.shield();
        emitter.emit(Tick { step: 1 });
        cx.cancellation().cancelled().await;
        Ok(1)
    }

    async fn forge(
        &self,
        cx: Context,
        to_caller: bool,
        kind: u8,
        request: Forged,
        carries: bool,
    ) -> Result<bool, Error> {
        let own = cx.request_id();
        let (slot, generation) = (own & u64::from(u32::MAX), (own >> 32) as u32);
        // A caller's generations begin with 1, and go around.
        let before = if generation > 1 { generation - 1 } else { u32::MAX };
        let after = if generation < u32::MAX { generation + 1 } else { 1 };
        let id = match request {
            Forged::Own => own,
            Forged::Before => u64::from(before) << 32 | slot,
            Forged::After => u64::from(after) << 32 | slot,
            Forged::Nowhere => u64::from(generation) << 32 | 0x7fff_ffff,
        };
        let buffer = if carries { Some(cx.allocate(100).await?) } else { None };
        // Credit; and what else has a payload here is an answer, of true.
        let payload: &[u8] = match kind {
            3 => &[1, 0, 0, 0, 0, 0, 0, 0],
            6 => &[1],
            _ => &[],
        };
        if to_caller {
            cx.forge_for_caller(kind, id, payload, buffer);
            return Ok(true);
        }
        Ok(cx.forge_from_caller(kind, id, payload, buffer))
    }
}
