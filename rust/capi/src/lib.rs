//! libstrongroom: the engine behind the C functions of `sr.h`, as `idl/strongroom.idl` describes it.
//!
//! This crate only translates: types in [`convert`], calls in [`repository`], [`ingest`] and [`machine`]. Whoever writes Rust uses the
//! engine itself.

mod convert;
pub mod generated;
mod ingest;
mod machine;
mod repository;

pub use ingest::Ingest;
pub use machine::Machine;
pub use repository::Repository;

/// The types behind the interfaces.
pub struct Strongroom;

impl generated::Implementation for Strongroom {
    type Repository = Repository;
    type Ingest = Ingest;
    type Machine = Machine;
}

/// The service behind the library's C functions.
pub static SERVICE: rpc::Service = generated::service::<Strongroom>();

rpc::export!(SERVICE);
