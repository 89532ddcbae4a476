//! The service behind `crossing.idl`, which the benchmark of the crossing calls, and the plain C functions that it is compared with.

mod clock;
mod plain;

use std::time::Duration;

use rpc::{Buffer, Context, Error};

/// The types behind the interfaces.
pub struct Crossing;

impl crossing::Implementation for Crossing {
    type Echo = Echo;
}

/// What the library does.
pub static SERVICE: rpc::Service = crossing::service::<Crossing>();

rpc::export!(SERVICE);

/// What `Echo.value` answers, and the plain getter.
const VALUE: u64 = 42;

/// Answers at once, or after a while.
pub struct Echo;

impl crossing::Echo for Echo {
    async fn open(_: Context) -> Result<Self, Error> {
        Ok(Echo)
    }

    async fn number(&self, _: Context, value: u64) -> Result<u64, Error> {
        Ok(value)
    }

    async fn later(&self, _: Context, value: u64, after: Duration) -> Result<u64, Error> {
        clock::sleep(after).await;
        Ok(value)
    }

    fn value(&self) -> Result<u64, Error> {
        Ok(std::hint::black_box(VALUE))
    }

    async fn block(&self, cx: Context, size: u64, byte: u8) -> Result<Buffer, Error> {
        let mut data = cx.allocate(size).await?;
        let address = place(&data).to_le_bytes();
        let bytes = data.as_mut().unwrap_or_default();
        bytes.fill(byte);
        bytes.iter_mut().zip(address).for_each(|(at, byte)| *at = byte);
        Ok(data)
    }

    async fn address(&self, _: Context, data: Buffer, byte: u8) -> Result<u64, Error> {
        let same = data.as_ref().iter().all(|b| *b == byte);
        Ok(if same { place(&data) } else { 0 })
    }
}

fn place(data: &Buffer) -> u64 {
    data.as_ref().as_ptr() as u64
}
