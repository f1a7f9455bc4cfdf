//! What an event handler can ask for.

use std::{convert::Infallible, error::Error};

use crate::server::EventParts;

/// A type that can be an argument of an event handler.
///
/// Arguments of a handler are made from left to right. One that reads the event's arguments takes them off
/// [`EventParts`], so the next one reads on where it stopped; none has to be the last. Extraction happens in the
/// connection's task before the handler starts, so it can't wait: look things up inside the handler.
///
/// `S` is the state of the namespace. To read a part of it, bound it with [`FromRef`](axum::extract::FromRef) as here,
/// else implement the trait for every `S`:
///
/// ```
/// use std::convert::Infallible;
///
/// use axum::extract::FromRef;
/// use axum_socketio::{
///     SocketIo,
///     extract::{EventParts, FromEvent},
/// };
///
/// #[derive(Clone)]
/// struct Language(&'static str);
///
/// /// The words for things, in the language of the server.
/// struct Words(Language);
///
/// impl<S> FromEvent<S> for Words
/// where
///     Language: FromRef<S>,
/// {
///     type Rejection = Infallible;
///
///     fn from_event(_: &mut EventParts<'_>, state: &S) -> Result<Self, Infallible> {
///         Ok(Self(Language::from_ref(state)))
///     }
/// }
///
/// let io = SocketIo::new();
/// io.of("/").with_state(Language("nl")).on("help", async |Words(language): Words| println!("{}", language.0));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be an argument of an event handler",
    label = "no extractor of events with the state `{S}`",
    note = "event handlers take `Socket`, `SocketIo`, `Data<T>` (the next argument of the event), `Rest<T>`, `AckSender`, `EventName`, `State<T>`, `Extension<T>`, and `Option` or `Result` of these",
    note = "what belongs to the handshake (`Auth`, `Query`, headers) is read in `on_connect`, or here through `socket.handshake()`",
    note = "to read an argument of the event as `{Self}`, write `Data(value): Data<{Self}>`",
    note = "`State<T>` needs a namespace `.with_state(..)` of a `T`, or of a state that has a `FromRef` for `T`: here it is `{S}`; the listeners of a single socket have no state, they capture what they need"
)]
pub trait FromEvent<S>: Sized {
    /// Why it can't be made; told to the namespace's [`on_error`](crate::Namespace::on_error).
    type Rejection: Error + Send + Sync + 'static;

    /// Makes it.
    ///
    /// # Errors
    ///
    /// It can't be made of this event. The handler isn't called then.
    fn from_event(parts: &mut EventParts<'_>, state: &S) -> Result<Self, Self::Rejection>;
}

/// `None` where `E` refuses.
///
/// `Option<Data<T>>` is `None` if the argument is missing, null, or no `T`; the argument is taken in each case. To tell
/// these apart use `Data<Option<T>>`, which refuses what is neither null nor a `T`, or `Result<Data<T>, _>`.
impl<E, S> FromEvent<S> for Option<E>
where
    E: FromEvent<S>,
{
    type Rejection = Infallible;

    fn from_event(parts: &mut EventParts<'_>, state: &S) -> Result<Self, Infallible> {
        Ok(E::from_event(parts, state).ok())
    }
}

/// The rejection of `E` for the handler to look at.
impl<E, S> FromEvent<S> for Result<E, E::Rejection>
where
    E: FromEvent<S>,
{
    type Rejection = Infallible;

    fn from_event(parts: &mut EventParts<'_>, state: &S) -> Result<Self, Infallible> {
        Ok(E::from_event(parts, state))
    }
}
