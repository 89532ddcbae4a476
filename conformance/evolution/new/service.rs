//! The service after it has grown.

use std::sync::atomic::{AtomicU64, Ordering};

use evolution::{Item, KeeperError, Shape};
use rpc::{Context, Error, Failure, Sink};

/// The types behind the interfaces.
pub struct Evolution;

impl evolution::Implementation for Evolution {
    type Keeper = Keeper;
    type Greeter = Greeter;
}

/// What the library does.
pub static SERVICE: rpc::Service = evolution::service::<Evolution>();

rpc::export!(SERVICE);

/// Gives back what it gets.
#[derive(Default)]
pub struct Keeper {
    kept: AtomicU64,
}

/// Every variant, in the order of the IDL.
fn shapes() -> Vec<Shape> {
    vec![Shape::Point, Shape::Circle { radius: 0.5, filled: false }, Shape::Square { side: 3.0 }]
}

impl evolution::Keeper for Keeper {
    async fn open(_: Context) -> Result<Self, Error> {
        Ok(Keeper::default())
    }

    async fn item(&self, _: Context, value: Item) -> Result<Item, Error> {
        self.kept.fetch_add(1, Ordering::Relaxed);
        Ok(value)
    }

    async fn describe_item(&self, _: Context, value: Item) -> Result<String, Error> {
        Ok(format!("{value:?}"))
    }

    async fn shape(&self, _: Context, value: Shape) -> Result<Shape, Error> {
        Ok(value)
    }

    async fn describe_shape(&self, _: Context, value: Shape) -> Result<String, Error> {
        Ok(format!("{value:?}"))
    }

    async fn pick(&self, _: Context, number: u32) -> Result<Shape, Error> {
        let mut shapes = shapes();
        let last = shapes.len() - 1;
        Ok(shapes.swap_remove(last.min(number as usize)))
    }

    async fn shapes(&self, _: Context, mut sink: Sink<Shape>) -> Result<(), Error> {
        for shape in shapes() {
            sink.send(shape).await?;
        }
        Ok(())
    }

    async fn fail(&self, _: Context, number: u32) -> Result<(), Failure<KeeperError>> {
        Err(match number {
            0 => KeeperError::Refused { reason: "as you asked".to_owned(), code: 9 },
            _ => KeeperError::Full { room: 64 },
        }
        .into())
    }

    fn kept(&self) -> Result<u64, Error> {
        Ok(self.kept.load(Ordering::Relaxed))
    }
}

/// Greets.
pub struct Greeter {
    name: String,
}

impl evolution::Greeter for Greeter {
    async fn create(_: Context, name: String) -> Result<Self, Error> {
        Ok(Greeter { name })
    }

    async fn greet(&self, _: Context) -> Result<String, Error> {
        Ok(format!("hello {}", self.name))
    }
}
