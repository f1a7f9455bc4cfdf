//! The shape of a handler: how many arguments, and what it returns.

use std::future::Future;

use crate::handler::arity::for_each_arity;

/// A function or closure of up to 16 arguments, called with all of them as a tuple.
///
/// It is implemented for every such function and says nothing about the arguments' types: their number is found out
/// first, each of them is judged after that. So when an argument is wrong the compiler names that argument, not the
/// whole handler.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be a handler",
    label = "not a function or closure of 0 to 16 arguments by value",
    note = "a handler is an async function, or a closure `async |socket: Socket, ..| {{ .. }}`, of at most 16 extractors",
    note = "write the type of every argument of a closure: `async |Data(text): Data<String>| {{ .. }}`"
)]
pub trait Function<Args> {
    /// What the call gives back: for a handler, a future.
    type Output;

    /// Calls the function.
    fn call(self, args: Args) -> Self::Output;
}

/// What the call of a handler gives back: any future.
///
/// It exists for the compiler's message where an `async` was forgotten.
#[diagnostic::on_unimplemented(
    message = "a handler is async, but this one returns `{Self}` at once",
    label = "`async` is missing: this returns `{Self}`, which is no future",
    note = "write `async fn name(..)`, or `async |..| {{ .. }}` for a closure"
)]
pub trait HandlerFuture: Future {}

#[diagnostic::do_not_recommend]
impl<F: Future> HandlerFuture for F {}

macro_rules! function {
    ($($Arg:ident $arg:ident,)*) => {
        #[diagnostic::do_not_recommend]
        impl<F, Out, $($Arg,)*> Function<($($Arg,)*)> for F
        where
            F: FnOnce($($Arg),*) -> Out,
        {
            type Output = Out;

            fn call(self, ($($arg,)*): ($($Arg,)*)) -> Out {
                self($($arg),*)
            }
        }
    };
}

for_each_arity!(function);
