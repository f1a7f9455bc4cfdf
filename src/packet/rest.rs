//! A list that is several arguments.

use std::any::type_name;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// All arguments of the event that are left, deserialised as one type: a rest parameter, `(room, ...names) =>` in JS.
///
/// Without arguments it is empty. Take `Rest<Value>` where the arguments differ in type, with the crate's
/// [`Value`](crate::Value): that of `serde_json` can't hold what is binary.
///
/// ```
/// use axum_socketio::{SocketIo, extract::{Data, Rest}};
///
/// let io = SocketIo::new();
/// io.of("/").on("invite", async |Data(room): Data<String>, Rest(names): Rest<String>| {
///     println!("{room}: {}", names.join(", "));
/// });
/// ```
///
/// It goes the other way too: emitted, each element is an argument of its own, where a `Vec` would be one argument. And an
/// acknowledgement read as `Rest<T>` takes all of the client's arguments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rest<T>(pub Vec<T>);

/// Whether a type of this name is a [`Rest`].
pub(super) fn is_rest(name: &str) -> bool {
    let of_unit = type_name::<Rest<()>>();
    // All but the argument and what closes it: `…::Rest<`.
    name.starts_with(&of_unit[..of_unit.len() - "()>".len()])
}

impl<T: Serialize> Serialize for Rest<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Rest<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::deserialize(deserializer).map(Self)
    }
}
