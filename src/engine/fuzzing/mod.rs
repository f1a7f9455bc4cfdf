//! What must hold for any input of the engine's pure parts, asserted by the fuzz targets and by their smoke run in the tests.

mod payload;
mod query;
mod session;

pub(crate) use self::{
    payload::{jsonp, payload_v3_binary, payload_v3_text, payload_v4},
    query::query,
    session::session,
};
