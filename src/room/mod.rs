//! Who hears what.
