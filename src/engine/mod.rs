//! Engine.IO.

pub(crate) mod jsonp;
pub(crate) mod open;
pub(crate) mod packet;
pub(crate) mod payload_v3;
pub(crate) mod payload_v4;
pub(crate) mod query;
pub(crate) mod refusal;
pub(crate) mod transport_kind;
