//! How many arguments a Rust value is.

use std::any::type_name;

use super::rest::is_rest;

/// A tuple or a [`Rest`](super::Rest) is several arguments, the unit type is none, and anything else is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    None,
    One,
    Several,
}

impl Shape {
    /// The shape of values of type `T`, seen through references and smart pointers.
    ///
    /// Told by the name of the type: serde cannot tell a tuple from an array (`serialize_tuple`) nor from the pairs that some
    /// structs serialise as, nor `()` from a null value (`serialize_unit`), and those are one argument each.
    pub(super) fn of<T: ?Sized>() -> Self {
        match pointee(type_name::<T>()) {
            "()" => Self::None,
            name if name.starts_with('(') || is_rest(name) => Self::Several,
            _ => Self::One,
        }
    }
}

fn pointee(mut name: &'static str) -> &'static str {
    const POINTERS: [(&str, &str); 5] = [
        ("&", ""),
        ("mut ", ""),
        ("alloc::boxed::Box<", ">"),
        ("alloc::sync::Arc<", ">"),
        ("alloc::rc::Rc<", ">"),
    ];
    let unwrap = |name: &'static str| {
        let inside = |(open, close): &(&str, &str)| name.strip_prefix(*open)?.strip_suffix(*close);
        POINTERS.iter().find_map(inside)
    };
    while let Some(inner) = unwrap(name) {
        name = inner;
    }
    name
}
