//! Calls that are about the machine, not about a repository.

use std::collections::BTreeMap;

use rpc::{Context, Failure};

use crate::convert::failure;
use crate::generated::{self, Compression, Explanation, RepositoryError, Roofline, Statistics};

/// The machine that the library runs on.
pub struct Machine;

impl generated::Machine for Machine {
    async fn open(_cx: Context) -> Result<Self, rpc::Error> {
        Ok(Machine)
    }

    async fn roofline(&self, cx: Context, url: String) -> Result<Roofline, Failure<RepositoryError>> {
        let measured = engine::Roofline::measure(&url, cx.cancellation()).await;
        Ok(measured.map_err(|error| failure(&cx, error))?.into())
    }

    async fn explain(
        &self,
        _cx: Context,
        statistics: Statistics,
        busy: BTreeMap<String, f64>,
        compression: Compression,
        roofline: Roofline,
    ) -> Result<Explanation, rpc::Error> {
        Ok(engine::explain(&statistics.into(), &busy, compression.into(), &roofline.into()).into())
    }
}
