//! What handlers return.

use std::{any::Any, fmt::Display};

use serde::Serialize;

use crate::server::{AckSender, BoxError, ConnectError, Event, EventError, Failed};

/// Answers the client's callback when an event handler returns it.
///
/// `Ack(value)` calls the callback with one argument, `Ack((a, b))` with two; a tuple is several arguments, anything
/// else is one. `Ack(())` calls it without any. If the client asked for no acknowledgement nothing is sent.
///
/// To answer later than the end of the handler, or from somewhere else, take the [`AckSender`] extractor instead.
///
/// ```
/// use axum_socketio::{Ack, SocketIo, extract::Data};
///
/// let io = SocketIo::new();
/// io.of("/")
///     // socket.emit("add", 2, 3, (sum) => …)
///     .on("add", async |Data(a): Data<i64>, Data(b): Data<i64>| Ack(a + b))
///     // socket.emit("divide", 7, 2, (quotient, rest) => …)
///     .on("divide", async |Data(a): Data<i64>, Data(b): Data<i64>| {
///         let quotient = a.checked_div(b).ok_or("division by zero")?;
///         Ok::<_, &str>(Ack((quotient, a - b * quotient)))
///     });
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ack<T>(pub T);

/// What an event handler returns.
///
/// * `()` says nothing. The client's callback, if it gave one, is left to an [`AckSender`] or is never called.
/// * [`Ack<T>`] answers the callback.
/// * `Result<R, E>` of one of these, where `E: Display`: an `Ok` is treated as `R`. An error goes to the namespace's
///   [`on_error`](crate::Namespace::on_error) and the callback is not called; the client sees that as the timeout it
///   set.
/// * `Result<Ack<T>, Ack<E>>`: both answer the callback, so a handler may say early on what went wrong.
///
/// ```
/// use std::collections::HashMap;
///
/// use axum::extract::State;
/// use axum_socketio::{Ack, extract::Data};
/// use serde_json::{Value, json};
///
/// // socket.emit("price", "tea", (answer) => …): { price: 3 } or { error: "no such thing" }
/// async fn price(
///     State(prices): State<HashMap<String, u32>>,
///     Data(name): Data<String>,
/// ) -> Result<Ack<Value>, Ack<Value>> {
///     let price = prices.get(&name).ok_or(Ack(json!({ "error": "no such thing" })))?;
///     Ok(Ack(json!({ "price": price })))
/// }
/// # axum_socketio::SocketIo::new().of("/").with_state(HashMap::new()).on("price", price);
/// ```
///
/// `?` turns errors of your own into such an answer where `impl From<YourError> for Ack<Answer>` says how. The trait is sealed.
#[diagnostic::on_unimplemented(
    message = "an event handler can't return `{Self}`",
    label = "returned by the handler, but no reply",
    note = "return `Ack(value)` to answer the client's callback, `()` to say nothing, or a `Result` of one of these",
    note = "the error of a `Result` has to be `Display + Send + Sync + 'static`",
    note = "to send an event, use `socket.emit(..)`; the end of a handler that returns `()` is a `;`"
)]
pub trait IntoReply {
    /// Whether the client's callback may be answered with this type: then the handler takes it.
    #[doc(hidden)]
    const ACKS: bool;

    /// Answers, or gives the error back.
    ///
    /// # Errors
    ///
    /// The handler failed.
    #[doc(hidden)]
    fn reply(self, ack: Option<AckSender>) -> Result<(), BoxError>;
}

/// What a handler returns that nobody waits for: `()`, or a `Result<(), E>` where `E: Display`, whose error goes to the
/// namespace's [`on_error`](crate::Namespace::on_error).
#[diagnostic::on_unimplemented(
    message = "a connect or disconnect handler can't return `{Self}`",
    label = "returned by the handler, but nobody waits for it",
    note = "return `()`, or a `Result<(), E>` whose error, `Display + Send + Sync + 'static`, is reported to `on_error`",
    note = "to send something to the client, use `socket.emit(..)`; the end of a handler that returns `()` is a `;`"
)]
pub trait IntoOutcome {
    /// The outcome.
    ///
    /// # Errors
    ///
    /// The handler failed.
    #[doc(hidden)]
    fn outcome(self) -> Result<(), BoxError>;
}

/// What a middleware returns: `()` lets the socket in, so does `Ok(())`; an error that can become a [`ConnectError`]
/// refuses it.
///
/// `String` and `&str` are such errors: the message that the client gets. For a type of your own write
/// `impl From<YourError> for ConnectError`.
#[diagnostic::on_unimplemented(
    message = "a middleware can't return `{Self}`",
    label = "returned by the middleware, but no verdict",
    note = "return `Ok(())` to let the socket in and `Err(..)` to refuse it: `Result<(), ConnectError>`, or any error with an `Into<ConnectError>`, such as a `String`",
    note = "a middleware that never refuses returns `()`"
)]
pub trait IntoVerdict {
    /// The verdict.
    ///
    /// # Errors
    ///
    /// The connection is refused.
    #[doc(hidden)]
    fn verdict(self) -> Result<(), ConnectError>;
}

/// What a packet middleware returns: `()` lets the event pass, an [`Event`] lets that one pass in its place, and an error that can become
/// an [`EventError`] refuses it. `Result<R, E>` of one of these lets an `Ok` pass as `R`.
///
/// `String` and `&str` are such errors: the message. For a type of your own write `impl From<YourError> for EventError`.
#[diagnostic::on_unimplemented(
    message = "a packet middleware can't return `{Self}`",
    label = "returned by the packet middleware, but no verdict on the event",
    note = "return `()` or `Ok(())` to let the event pass, an `Event` to let another one pass, and `Err(..)` to refuse it: `Result<(), EventError>`, or any error with an `Into<EventError>`, such as a `String`"
)]
pub trait IntoPassage {
    /// The event to go on with, if not the one that came.
    ///
    /// # Errors
    ///
    /// The event is refused.
    #[doc(hidden)]
    fn passage(self) -> Result<Option<Event>, EventError>;
}

impl IntoReply for () {
    const ACKS: bool = false;

    fn reply(self, _: Option<AckSender>) -> Result<(), BoxError> {
        Ok(())
    }
}

impl<T: Serialize> IntoReply for Ack<T> {
    const ACKS: bool = true;

    fn reply(self, ack: Option<AckSender>) -> Result<(), BoxError> {
        if let Some(ack) = ack {
            ack.send(self.0);
        }
        Ok(())
    }
}

impl<T: Serialize, E: Serialize> IntoReply for Result<Ack<T>, Ack<E>> {
    const ACKS: bool = true;

    fn reply(self, ack: Option<AckSender>) -> Result<(), BoxError> {
        match self {
            Ok(answer) => answer.reply(ack),
            Err(answer) => answer.reply(ack),
        }
    }
}

impl<R, E> IntoReply for Result<R, E>
where
    R: IntoReply,
    E: Display + Send + Sync + 'static,
{
    const ACKS: bool = R::ACKS;

    fn reply(self, ack: Option<AckSender>) -> Result<(), BoxError> {
        self.map_err(boxed)?.reply(ack)
    }
}

impl IntoOutcome for () {
    fn outcome(self) -> Result<(), BoxError> {
        Ok(())
    }
}

impl<E> IntoOutcome for Result<(), E>
where
    E: Display + Send + Sync + 'static,
{
    fn outcome(self) -> Result<(), BoxError> {
        self.map_err(boxed)
    }
}

impl IntoVerdict for () {
    fn verdict(self) -> Result<(), ConnectError> {
        Ok(())
    }
}

impl<E> IntoVerdict for Result<(), E>
where
    E: Into<ConnectError>,
{
    fn verdict(self) -> Result<(), ConnectError> {
        self.map_err(Into::into)
    }
}

impl IntoPassage for () {
    fn passage(self) -> Result<Option<Event>, EventError> {
        Ok(None)
    }
}

impl IntoPassage for Event {
    fn passage(self) -> Result<Option<Event>, EventError> {
        Ok(Some(self))
    }
}

impl<R, E> IntoPassage for Result<R, E>
where
    R: IntoPassage,
    E: Into<EventError>,
{
    fn passage(self) -> Result<Option<Event>, EventError> {
        self.map_err(Into::into)?.passage()
    }
}

/// Boxes a handler's error. One that comes in a box stays as it is, and keeps its chain of sources.
fn boxed<E: Display + Send + Sync + 'static>(error: E) -> BoxError {
    let mut error = Some(error);
    if let Some(boxed) = (&mut error as &mut dyn Any).downcast_mut::<Option<BoxError>>() {
        return boxed.take().expect("invariant: the error was put there above");
    }
    Box::new(Failed(error.expect("invariant: only a boxed error is taken out")))
}
