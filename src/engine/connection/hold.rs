//! Has what is said to a client wait for what it speaks of.

use super::Connection;
use crate::foreign;

/// What is queued waits as long as this lives, for as long as the connection isn't closed.
#[must_use = "nothing is held back any more when this is dropped"]
pub(crate) struct Hold {
    connection: Connection,
    is_counted: bool,
}

impl Connection {
    pub(crate) fn hold(&self) -> Hold {
        Hold {
            is_counted: self.lock().begin_hold(),
            connection: self.clone(),
        }
    }

    fn let_go(&self) {
        let mut core = self.lock();
        if core.end_hold() {
            self.flush_under(core);
        }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if self.is_counted {
            // Wakers may be of any executor.
            foreign::step(|| self.connection.let_go());
        }
    }
}
