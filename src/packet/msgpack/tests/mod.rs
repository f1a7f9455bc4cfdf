//! The msgpack parser as a whole.

use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};

use super::{Codec, Decoded, Limits};
use crate::{
    Protocol::{self, V3, V4},
    packet::{Args, DecodeError, PacketType, Value, error::ArgError},
};

mod arguments;
mod dialect;
mod round_trip;
mod strictness;
mod vectors;

const LIMITS: Limits = Limits {
    depth: 16,
    binaries: 3,
};

fn hex(text: &str) -> Bytes {
    let byte = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(byte).collect()
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn decode(message: &Bytes, protocol: Protocol) -> Result<Decoded<'_>, DecodeError> {
    Codec.decode(message, protocol, LIMITS)
}

/// The bytes of an EVENT of `/` with this name and these arguments, given in hexadecimal.
fn event(args: &str, count: u8) -> Bytes {
    let array = format!("{:02x}a165{args}", 0x91 + count);
    hex(&format!("83a47479706502a464617461{array}a36e7370a12f"))
}

/// Reads the arguments of an event of that many.
fn read<T: DeserializeOwned>(args: &str, count: u8) -> Result<T, ArgError> {
    let message = event(args, count);
    let packet = decode(&message, V4).unwrap();
    let event = packet.body().event(V4).unwrap();
    assert_eq!(event.name, "e");
    event.args.all_as()
}

/// Reads the only argument, as one.
fn one<T: DeserializeOwned>(arg: &str) -> Result<T, ArgError> {
    read::<(T,)>(arg, 1).map(|(arg,)| arg)
}

/// The argument alone, in hexadecimal.
fn written<T: Serialize>(arg: &T) -> String {
    let mut buf = Vec::new();
    Codec.event(&mut buf, "/", None, "e", &(arg,)).unwrap();
    let text = to_hex(&buf);
    let arg = text.strip_prefix("83a47479706502a46461746192a165");
    arg.unwrap().strip_suffix("a36e7370a12f").unwrap().to_owned()
}
