//! The list of arities.

/// Calls the macro `$each` for every number of arguments a handler can have, from 0 to 16: with the type parameter and
/// the name of each argument.
macro_rules! for_each_arity {
    ($each:ident) => {
        $crate::handler::arity::for_each_arity!($each [] [
            T1 t1, T2 t2, T3 t3, T4 t4, T5 t5, T6 t6, T7 t7, T8 t8,
            T9 t9, T10 t10, T11 t11, T12 t12, T13 t13, T14 t14, T15 t15, T16 t16,
        ]);
    };
    ($each:ident [$($now:tt)*] []) => {
        $each!($($now)*);
    };
    ($each:ident [$($now:tt)*] [$Arg:ident $arg:ident, $($later:tt)*]) => {
        $each!($($now)*);
        $crate::handler::arity::for_each_arity!($each [$($now)* $Arg $arg,] [$($later)*]);
    };
}

pub(super) use for_each_arity;
