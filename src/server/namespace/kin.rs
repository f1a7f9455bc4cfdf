//! Namespaces that have to do with those that come to be when a client asks.

use std::sync::Arc;

use super::{Kinship, NamespaceInner};
use crate::server::dynamic::Children;

impl NamespaceInner {
    /// The server is about to know it, and its parent does from now on.
    pub(in crate::server) fn is_about_to_be_registered(self: &Arc<Self>) {
        if let Kinship::Child(link) = &self.kinship
            && let Some(children) = link.parent().children()
        {
            children.add(self);
        }
    }

    /// Those that a parent has.
    pub(in crate::server) const fn children(&self) -> Option<&Children> {
        match &self.kinship {
            Kinship::Parent(children) => Some(children),
            Kinship::None | Kinship::Child(_) => None,
        }
    }

    /// Those that its parent has, itself among them, if it has one.
    pub(in crate::server) fn parent_children(&self) -> Option<&Children> {
        match &self.kinship {
            Kinship::Child(link) => link.parent().children(),
            Kinship::None | Kinship::Parent(_) => None,
        }
    }

    /// How many bytes of its name a client has made up.
    pub(in crate::server) fn made_up(&self) -> usize {
        if self.is_child() { self.name.len() } else { 0 }
    }

    pub(in crate::server) const fn is_child(&self) -> bool {
        matches!(self.kinship, Kinship::Child(_))
    }
}
