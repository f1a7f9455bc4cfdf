//! Origins as predicates of tower's filters.

use http::Request;
use tower::{
    BoxError,
    filter::{AsyncPredicate, Predicate},
};

use crate::server::{AsyncOrigins, BoxFuture, Origins};

/// Hands on what comes from one of the origins; the error is an [`OriginRefused`](crate::layer::OriginRefused).
impl<B> Predicate<Request<B>> for Origins {
    type Request = Request<B>;

    fn check(&mut self, request: Request<B>) -> Result<Request<B>, BoxError> {
        self.check_headers(request.headers())?;
        Ok(request)
    }
}

/// Hands on what comes from one of the origins; the error is an [`OriginRefused`](crate::layer::OriginRefused).
impl<B: Send + 'static> AsyncPredicate<Request<B>> for AsyncOrigins {
    type Future = BoxFuture<Result<Request<B>, BoxError>>;
    type Request = Request<B>;

    fn check(&mut self, request: Request<B>) -> Self::Future {
        let admitted = self.check_headers(request.headers());
        Box::pin(async move {
            admitted.await?;
            Ok(request)
        })
    }
}
