//! The service as it was at first.

use evolution::{Item, KeeperError, Shape};
use rpc::{Context, Error, Failure, Sink};

/// The types behind the interfaces.
pub struct Evolution;

impl evolution::Implementation for Evolution {
    type Keeper = Keeper;
}

/// What the library does.
pub static SERVICE: rpc::Service = evolution::service::<Evolution>();

rpc::export!(SERVICE);

/// Gives back what it gets.
pub struct Keeper;

/// Every variant, in the order of the IDL.
fn shapes() -> Vec<Shape> {
    vec![Shape::Point, Shape::Circle { radius: 0.5 }]
}

impl evolution::Keeper for Keeper {
    async fn open(_: Context) -> Result<Self, Error> {
        Ok(Keeper)
    }

    async fn item(&self, _: Context, value: Item) -> Result<Item, Error> {
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

    async fn fail(&self, _: Context, _: u32) -> Result<(), Failure<KeeperError>> {
        Err(KeeperError::Refused { reason: "as you asked".to_owned() }.into())
    }
}
