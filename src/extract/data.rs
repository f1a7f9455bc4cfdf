//! The arguments of an event, its name and its callback.

use std::{convert::Infallible, error::Error, fmt};

use serde::de::DeserializeOwned;

use crate::{
    extract::FromEvent,
    packet::{ArgError, Rest},
    server::{AckSender, Event, EventParts},
};

/// The next argument of the event, deserialised.
///
/// Each `Data` of a handler takes one argument, so its signature reads like the JS listener. `socket.emit("say", "hall",
/// "hello", 3)` fits
///
/// ```
/// use axum_socketio::{SocketIo, extract::Data};
///
/// async fn say(Data(room): Data<String>, Data(text): Data<String>, Data(times): Data<Option<u32>>) {
///     println!("{text:?} to {room}, {} times", times.unwrap_or(1));
/// }
///
/// let io = SocketIo::new();
/// io.of("/").on("say", say);
/// ```
///
/// A list or tuple is *one* argument, a JS array: several arguments are several `Data`, although emitting a tuple sends
/// several.
///
/// A missing argument counts as null: `Data<Option<T>>` is `None` for both. Arguments that nobody takes are ignored,
/// as in JS. The handler isn't called if the argument is no `T`. An argument has to own what it holds: `Data<String>`,
/// not `Data<&str>`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Data<T>(pub T);

/// The name of the event, for handlers of several events or of [any](crate::Namespace::on_any).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventName(pub String);

/// The client asked for no acknowledgement, or another extractor or handler has taken it.
///
/// The rejection of [`AckSender`]: take `Option<AckSender>` where the callback is the client's choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NoAckWanted;

impl<T, S> FromEvent<S> for Data<T>
where
    T: DeserializeOwned,
{
    type Rejection = ArgError;

    fn from_event(parts: &mut EventParts<'_>, _: &S) -> Result<Self, ArgError> {
        parts.next_arg().map(Self)
    }
}

impl<T, S> FromEvent<S> for Rest<T>
where
    T: DeserializeOwned,
{
    type Rejection = ArgError;

    fn from_event(parts: &mut EventParts<'_>, _: &S) -> Result<Self, ArgError> {
        parts.rest().map(Self)
    }
}

impl<S> FromEvent<S> for Event {
    type Rejection = ArgError;

    fn from_event(parts: &mut EventParts<'_>, _: &S) -> Result<Self, ArgError> {
        Ok(Self {
            name: parts.event().to_owned(),
            args: parts.rest()?,
        })
    }
}

impl<S> FromEvent<S> for EventName {
    type Rejection = Infallible;

    fn from_event(parts: &mut EventParts<'_>, _: &S) -> Result<Self, Infallible> {
        Ok(Self(parts.event().to_owned()))
    }
}

/// The client's callback, to be answered whenever the program likes. Refuses events that came without one.
impl<S> FromEvent<S> for AckSender {
    type Rejection = NoAckWanted;

    fn from_event(parts: &mut EventParts<'_>, _: &S) -> Result<Self, NoAckWanted> {
        parts.take_ack().ok_or(NoAckWanted)
    }
}

impl fmt::Display for NoAckWanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "the client asked for no acknowledgement, or it is taken; `Option<AckSender>` accepts that",
        )
    }
}

impl Error for NoAckWanted {}
