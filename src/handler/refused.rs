//! Reads what an axum extractor has refused with.

use std::any::type_name;

use axum::{body::to_bytes, response::Response};

use crate::server::Refused;

/// How much of a rejection's body is kept.
const BODY_LIMIT: usize = 4096;

/// The rejection of the extractor `T`, read to its end.
pub(crate) async fn read<T>(rejection: Response) -> Refused {
    let (head, body) = rejection.into_parts();
    let body = to_bytes(body, BODY_LIMIT).await.unwrap_or_default();
    let text = String::from_utf8_lossy(&body).into();
    Refused::new(type_name::<T>(), head.status, text)
}
