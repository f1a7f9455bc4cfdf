//! Engine.IO.

mod client_bundle;
mod path;

pub use client_bundle::{ClientBundle, ClientBundleError};
pub(crate) use client_bundle::ClientFile;
pub(crate) use path::{PathError, PathMatch, PathRule};
