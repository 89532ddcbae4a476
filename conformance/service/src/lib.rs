//! The conformance service. Its methods come with the generated code; until then, the built-in ones answer.

use rpc::ffi::AbiInfo;
use rpc::{Error, Service};

static ABI: AbiInfo = AbiInfo::new([0; 16], &[]);

static SERVICE: Service = Service {
    abi: &ABI,
    dispatch: |call, _| Err(Error::UnknownMethod(call.method())),
    immediate: |call| Err(Error::UnknownMethod(call.method())),
};

rpc::export!(SERVICE);
