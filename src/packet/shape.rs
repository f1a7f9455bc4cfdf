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
        let name = type_name::<T>();
        // The names are constants, so for nearly all types the compiler answers this by itself.
        if name.as_bytes()[0] == b'&' || POINTERS.iter().any(|(open, _)| name.starts_with(open)) {
            return Self::of_name(pointee(name));
        }
        Self::of_name(name)
    }

    #[inline]
    fn of_name(name: &str) -> Self {
        match name.as_bytes() {
            b"()" => Self::None,
            [b'(', ..] => Self::Several,
            _ if is_rest(name) => Self::Several,
            _ => Self::One,
        }
    }
}

const POINTERS: [(&str, &str); 5] = [
    ("&", ""),
    ("mut ", ""),
    ("alloc::boxed::Box<", ">"),
    ("alloc::sync::Arc<", ">"),
    ("alloc::rc::Rc<", ">"),
];

fn pointee(mut name: &'static str) -> &'static str {
    let unwrap = |name: &'static str| {
        let inside = |(open, close): &(&str, &str)| name.strip_prefix(*open)?.strip_suffix(*close);
        POINTERS.iter().find_map(inside)
    };
    while let Some(inner) = unwrap(name) {
        name = inner;
    }
    name
}
