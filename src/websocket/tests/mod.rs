//! The codec as a whole: the cases of the Autobahn test suite, any cut of any stream, another implementation.

mod autobahn;
#[cfg(feature = "deflate")]
mod autobahn_deflate;
pub(crate) mod client;
mod differential;
mod oracle;
mod splits;
mod streams;
